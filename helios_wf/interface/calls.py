"""``helios_wf.run``, ``run_all``, ``open_run`` and ``runs``."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias, Unpack

from helios_wf.config import Settings
from helios_wf.errors import UserError
from helios_wf.interface.asking import Asked, Chosen
from helios_wf.interface.driving import drive
from helios_wf.interface.handle import Run, Runs
from helios_wf.interface.keywords import AnyPath, Keywords, Where, settings_of
from helios_wf.interface.progress import Progress
from helios_wf.launch import find_run
from helios_wf.routing import find_backends
from helios_wf.states import RunState, state_of
from helios_wf.store import Store
from helios_wf.store import runs as stored

Datasets: TypeAlias = Mapping[str, AnyPath | Sequence[AnyPath]]
"""Name: a file, a folder (all files in it), a pattern, or several of them."""

Changes: TypeAlias = Mapping[str, Any] | Sequence[str]
"""``{"partial.split.eventsPerJob": 1000}``, or ``["partial.split.eventsPerJob=1000"]``."""


class DocumentWarning(UserWarning):
    """Something in a document is odd, though it is not wrong."""


def run(
    document: AnyPath,
    inputs: Mapping[str, Any] | AnyPath | None = None,
    *,
    datasets: Datasets | None = None,
    changes: Changes = (),
    wait: bool = True,
    progress: Progress = None,
    **keywords: Unpack[Keywords],
) -> Run:
    """Runs a template or any CWL document once, and returns the run.

    The same call again goes on with a run that was stopped, and waits for one that is still at work.  A run
    that fails does not raise: its ``outputs`` do, and ``raise_for_state()``.

    Args:
        document: the document, ``file.cwl#name`` for one of several in a file, or a template's ``NAME`` or
            ``NAME@VERSION``.
        inputs: the inputs by name, or a job file in YAML or JSON.  A ``pathlib.Path`` is a File (or
            Directory), and so is a string where the input takes no string; numbers may be NumPy's, and
            ``outputs`` of another run are taken as they are.
        datasets: datasets by name, which are registered when they are new, and taken by the document's masks.
        changes: ``helios:`` fields to change, as ``--set`` does.
        wait: whether to wait for the end.  An interrupt (Ctrl-C, the notebook's button) then stops the run in
            order. Otherwise it goes on in the background, also when this process has ended; ``open_run``
            finds it again.
        progress: what is shown meanwhile; True: always, False: nothing, None: in a notebook or on a terminal;
            or a function that is called with a ``Status`` now and then.
        keywords: settings, which stand over those of the environment and of ``helios.toml``.

    Raises:
        UserError: something that is given is wrong; nothing was run.  Its subclasses say what: TemplateError,
            InputError, DatasetError, SettingsError and more.  Also where datasets start several runs, or
            none: that is what ``run_all`` is for.
        UnsupportedError: the document asks for something that is not supported.
        HeliosError: the engine gave up, for this reason.
    """
    settings = settings_of(keywords)
    chosen, store = _choose(document, inputs, datasets, changes, settings)
    n_runs = len(chosen.choice.runs)
    if n_runs != 1:
        reasons = (
            "\n".join([chosen.nothing, *chosen.not_run])
            if not n_runs
            else (f"{document} would start {n_runs} runs; helios_wf.run_all(...) runs them all")
        )
        raise UserError(reasons)
    (begun,) = _begin(chosen, store, settings, wait, progress)
    return begun


def run_all(
    document: AnyPath,
    inputs: Mapping[str, Any] | AnyPath | None = None,
    *,
    datasets: Datasets | None = None,
    changes: Changes = (),
    wait: bool = True,
    progress: Progress = None,
    **keywords: Unpack[Keywords],
) -> Runs:
    """Runs a template over every combination of datasets that its masks take and that is not done yet.

    Takes and raises what ``run`` does, and returns a sequence of runs, which may be empty: ``not_run`` says
    why.  One engine drives them all.
    """
    settings = settings_of(keywords)
    chosen, store = _choose(document, inputs, datasets, changes, settings)
    not_run = chosen.not_run if chosen.choice.runs else [chosen.nothing, *chosen.not_run]
    return Runs(_begin(chosen, store, settings, wait, progress), not_run)


def open_run(id: str | None = None, **keywords: Unpack[Keywords]) -> Run:
    """Returns a run that there is already, whoever began it.

    Args:
        id: its id or the beginning of it; None: the latest.
        keywords: settings; where runs are kept, and with what ``resume`` and ``retry`` drive it.

    Raises:
        RunError: there is none, or several ids begin so.
    """
    settings = settings_of(keywords)
    store = Store.open(settings.store, settings.home)
    return Run(find_run(store, id).id, store, settings)


def runs(
    limit: int = 20, *, states: Collection[RunState | str] | None = None, **keywords: Unpack[Where]
) -> Runs:
    """Returns the runs that there are, the latest first.

    Args:
        limit: how many at most.
        states: only those in these states.
        keywords: where they are kept.

    Raises:
        UserError: a state is none.
    """
    settings = settings_of(keywords)
    store = Store.open(settings.store, settings.home)
    wanted = None if states is None else [state_of(RunState, state) for state in states]
    with store.read() as tx:
        rows = stored.list(tx, limit, wanted)
    return Runs([Run(row.id, store, settings) for row in rows])


def _choose(
    document: AnyPath,
    inputs: Mapping[str, Any] | AnyPath | None,
    datasets: Datasets | None,
    changes: Changes,
    settings: Settings,
) -> tuple[Chosen, Callable[[], Store]]:
    find_backends(settings.backend)
    given = inputs if isinstance(inputs, Mapping) or inputs is None else os.fspath(inputs)
    asked = Asked.load(os.fspath(document), given, _changes(changes), settings)
    for remark in dict.fromkeys(map(str, asked.remarks)):
        warnings.warn(remark, DocumentWarning, stacklevel=3)
    open_store = functools.cache(lambda: Store.open(settings.store, settings.home))
    return asked.choose(_paths(datasets or {}), open_store), open_store


def _begin(
    chosen: Chosen, open_store: Callable[[], Store], settings: Settings, wait: bool, progress: Progress
) -> list[Run]:
    store = open_store()
    if store.notice:
        warnings.warn(store.notice, stacklevel=3)
    begun = [Run(id, store, settings) for id in chosen.record(store, lambda text: None)]
    if begun:
        drive([run.driven for run in begun], layouts=chosen.layouts, wait=wait, progress=progress)
    return begun


def _changes(changes: Changes) -> list[str]:
    """Returns changes as ``--set`` takes them."""
    if isinstance(changes, Mapping):
        return [f"{name}={_word(value)}" for name, value in changes.items()]
    return [changes] if isinstance(changes, str) else list(changes)


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _paths(datasets: Datasets) -> dict[str, list[str]]:
    return {
        name: [os.fspath(paths)]
        if isinstance(paths, str | os.PathLike)
        else [os.fspath(path) for path in paths]
        for name, paths in datasets.items()
    }
