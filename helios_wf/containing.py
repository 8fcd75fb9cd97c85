"""Which container each step of a run is run in: chosen once, before the run begins, and kept with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.config import NO_ENGINE, Settings
from helios_wf.containers import Container, Engine, Image, Search, acquire, find, sweep
from helios_wf.cwl.docker import Asked, asked_by, contained
from helios_wf.errors import ContainerError, UnsupportedError
from helios_wf.model import Tool
from helios_wf.model.plans import Plan, Task


class Foreseen(NamedTuple):
    """In which container a step would be run, or why in none."""

    text: str
    container: Container | None = None
    """By the name of the image as the document has it."""
    is_refused: bool = False


class _Want(NamedTuple):
    """A task whose tool asks for a container."""

    task: Task
    asked: Asked

    def must_have(self, settings: Settings) -> bool:
        """Whether it is not run without: it requires one, or an engine was asked for by name."""
        return self.asked.is_required or settings.container_engine is not None


def choose(
    plan: Plan, settings: Settings, say: Callable[[str], None] = lambda text: None
) -> dict[str, Container]:
    """Returns the containers of the steps that are run in one; their images are there afterwards.

    Args:
        plan: the run's.
        settings: which engine is wanted.
        say: told what takes a while, and which hints cannot be met.

    Raises:
        UnsupportedError: a tool requires a container, and there is no engine.
        ContainerError: an image cannot be had that a tool requires.
    """
    wants = _wants(plan)
    if not wants or settings.container_engine == NO_ENGINE:
        return {}
    search = find(settings.container_engine)
    if search.engine is None:
        refused = [_refusal(each, search) for each in wants if each.must_have(settings)]
        if refused:
            raise UnsupportedError("\n".join(refused))
        return {}
    images = _Images(search.engine, settings.home / "images", say)
    chosen = {}
    for each in wants:
        asked = each.asked
        try:
            reference = images.of(asked.image, _beside(each))
        except ContainerError as error:
            if each.must_have(settings):
                raise ContainerError(
                    f"{_place(each)}: {error}; --no-container runs tools without containers"
                ) from error
            say(f"warning: {_place(each)}: {error}; the tool only hints at it, and is run without")
            continue
        chosen[each.task.name] = Container(search.engine, reference, asked.workdir, asked.is_required)
    return chosen


def foresee(plan: Plan, settings: Settings) -> dict[str, Foreseen]:
    """Returns of each step that asks for a container what a run would do; no image is looked for."""
    wants = _wants(plan)
    if not wants:
        return {}
    if settings.container_engine == NO_ENGINE:
        return {
            each.task.name: Foreseen(f"none, by --no-container; it asks for image {each.asked.image.label}")
            for each in wants
        }
    search = find(settings.container_engine)
    return {each.task.name: _foreseen(each, search, settings) for each in wants}


def inside(plan: Plan, chosen: Mapping[str, Container]) -> Plan:
    """Returns a plan whose tools know the containers that were chosen for them."""
    return replace(plan, tasks=tuple(_inside(task, chosen.get(task.name)) for task in plan.tasks))


def end_left(chosen: Mapping[str, Container], run: str, alive: Collection[str] = ()) -> None:
    """Ends the containers of a run that are left on this machine, but for those of live attempts."""
    for engine in {container.engine for container in chosen.values()}:
        sweep(engine, run, alive)


class _Images:
    """What the images of one run are known by; each is got once."""

    def __init__(self, engine: Engine, folder: Path, say: Callable[[str], None]) -> None:
        self._engine = engine
        self._folder = folder
        self._say = say
        self._found: dict[tuple[Image, Path], str | ContainerError] = {}

    def of(self, image: Image, beside: Path) -> str:
        key = (image, beside)
        if key not in self._found:
            try:
                self._found[key] = acquire(self._engine, image, self._folder, beside, self._say)
            except ContainerError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, ContainerError):
            raise found
        return found


def _wants(plan: Plan) -> list[_Want]:
    found = []
    for task in plan.tasks:
        asked = asked_by(task.process.body) if isinstance(task.process, Tool) else None
        if asked is not None:
            found.append(_Want(task, asked))
    return found


def _inside(task: Task, container: Container | None) -> Task:
    if container is None or not isinstance(task.process, Tool):
        return task
    return replace(task, process=replace(task.process, body=contained(task.process.body, container)))


def _foreseen(want: _Want, search: Search, settings: Settings) -> Foreseen:
    asked, label = want.asked, want.asked.image.label
    if search.engine is not None:
        container = Container(search.engine, label, asked.workdir, asked.is_required)
        return Foreseen(f"{search.engine.name}, image {label}", container)
    if want.must_have(settings):
        return Foreseen(_refusal(want, search), is_refused=True)
    return Foreseen(f"none, though it hints at image {label}: no engine answers ({search.reasons})")


def _refusal(want: _Want, search: Search) -> str:
    verb = "requires" if want.asked.is_required else "hints at"
    return (
        f"{_place(want)}: the tool {verb} a container (DockerRequirement, image {want.asked.image.label}), "
        f"and no container engine answers ({search.reasons}); install one (Debian and Ubuntu: apt install "
        "podman), or run the tool without a container: --no-container"
    )


def _beside(want: _Want) -> Path:
    assert isinstance(want.task.process, Tool)
    return Path(want.task.process.place.file).parent


def _place(want: _Want) -> str:
    assert isinstance(want.task.process, Tool)
    return str(want.task.process.place)
