"""DockerRequirement: what a tool asks for, and the container that a run chose for it.

A run chooses engine and image once, before its first job; the choice travels in the tool's body, under
``CONTAINER``.  A body without it is run without a container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from helios_wf.cwl.requirements import entries
from helios_wf.model import Json

if TYPE_CHECKING:
    from helios_wf.containers import Container, Image

DOCKER = "DockerRequirement"

CONTAINER = "helios:container"
"""The key of a tool's body that holds its container."""


class Asked(NamedTuple):
    """What a tool's DockerRequirement says."""

    image: Image
    workdir: str | None
    is_required: bool


def asked_by(body: Mapping[str, Json]) -> Asked | None:
    """Returns what a tool asks for: what it requires, or else what it hints at."""
    from helios_wf.containers import Image

    for field in ("requirements", "hints"):
        for entry in reversed(entries(body, field)):
            if entry["class"] == DOCKER:
                image = Image(
                    pull=entry.get("dockerPull"),
                    load=entry.get("dockerLoad"),
                    file=entry.get("dockerFile"),
                    import_=entry.get("dockerImport"),
                    id=entry.get("dockerImageId"),
                )
                return Asked(image, entry.get("dockerOutputDirectory"), field == "requirements")
    return None


def container_of(body: Mapping[str, Json]) -> Container | None:
    """Returns the container that a tool is run in, None for none."""
    given = body.get(CONTAINER)
    if given is None:
        return None
    from helios_wf.containers import Container

    return msgspec.convert(given, Container)


def contained(body: Mapping[str, Json], container: Container) -> dict[str, Json]:
    """Returns the body of a tool that is run in a container."""
    return {**body, CONTAINER: msgspec.to_builtins(container)}


def plain(body: Mapping[str, Json]) -> dict[str, Json]:
    """Returns the body as other runners read it, asking for the image that was chosen or for none."""
    container = container_of(body)
    bare = {key: value for key, value in body.items() if key != CONTAINER}
    for field in ("requirements", "hints"):
        if bare.get(field):
            bare[field] = [entry for entry in entries(body, field) if entry["class"] != DOCKER]
    if container is None:
        return bare
    entry = {"class": DOCKER, "dockerPull": container.image, "dockerImageId": container.image}
    if container.workdir is not None:
        entry["dockerOutputDirectory"] = container.workdir
    field = "requirements" if container.is_required else "hints"
    return {**bare, field: [*(bare.get(field) or []), entry]}
