"""The settings as keywords of Python calls."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from helios_wf.config import Keep, OnError, Reuse, Settings

AnyPath: TypeAlias = str | os.PathLike[str]


class Where(TypedDict, total=False):
    """The settings that say where runs are kept.

    A keyword stands over an environment variable, that over ``helios.toml``, that over the default; None says
    nothing.

    Attributes:
        home: the folder of the store and of the runs' work folders; default: ``.helios`` in the working
            folder.
        store: the URL of the store, ``sqlite:///PATH`` or ``postgresql://...``; default: a file in ``home``.
    """

    home: AnyPath | None
    store: str | None


class Keywords(Where, total=False):
    """The settings that say how runs are driven, besides where they are kept.

    Attributes:
        backend: where jobs run: ``local``, ``gpu``, ``slurm``, ``slurm:PROFILE``, or several, ``local,gpu``.
        jobs: how many at once; default: what the backend finds sensible.
        outdir: the folder of the outputs; default: the working folder.
        keep: work folders that stay when a job is settled: ``none``, ``failed`` or ``all``.
        on_error: what becomes of the rest of a run when a job failed: ``stop``, ``continue`` or ``kill``.
        root: the folder below which documents are read; default: the document's project.
        templates: folders and files in which templates are looked for by name.
        container_engine: what runs containers: ``docker``, ``podman``, ``singularity``, ``apptainer``, or
            ``none``.
        reuse: what shows that input files are those of an earlier run: ``stat``, ``checksum``, or ``none``.
        check_compiler: of how many jobs of each task the command line is compared with cwltool's.
        backends: a table for each backend, handed to it.
    """

    backend: str | None
    jobs: int | None
    outdir: AnyPath | None
    keep: Keep | None
    on_error: OnError | None
    root: AnyPath | None
    templates: Sequence[AnyPath] | None
    container_engine: str | None
    reuse: Reuse | None
    check_compiler: int | None
    backends: dict[str, dict[str, Any]] | None


def settings_of(keywords: Mapping[str, object]) -> Settings:
    """Returns the settings of a call.

    Raises:
        SettingsError: a keyword is no setting, or its value is wrong.
    """
    given: dict[str, Any] = {
        name: Path(value) if isinstance(value, os.PathLike) else value for name, value in keywords.items()
    }
    return Settings.load("the keywords", **given)
