"""Asks those who know more than the store: the engine that holds a run, and backends that outlive it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from helios_wf.backend import find_backend, settings_for
from helios_wf.config import Settings
from helios_wf.engine.answering import Answer
from helios_wf.engine.holders import LEASE_S, dead_holder
from helios_wf.engine.paths import from_text, job_key
from helios_wf.errors import BackendNotFoundError, HeliosError
from helios_wf.model import JobSpec
from helios_wf.states import JobState
from helios_wf.store import Store, jobs, requests
from helios_wf.store.rows import JobRow, OpenJob, RunRow

PATIENCE_S = 3.0
"""How long the engine is waited for; it reads requests several times a second."""

LOOK_S = 0.05

MOST_ASKED = 500
"""Attempts that are asked about at once."""


class Said(NamedTuple):
    """What was said: by the engine, if it answered, and of attempts that have not begun."""

    answer: Answer | None = None
    waiting: dict[str, str] = {}  # noqa: RUF012


def is_alive(store_now: float, run: RunRow) -> bool:
    """Says whether an engine holds a run and was heard lately.

    Args:
        store_now: the time by the store's clock, in seconds since the epoch.
        run: the run.
    """
    if run.engine is None or dead_holder(run.engine) or run.heartbeat_at is None:
        return False
    return store_now - run.heartbeat_at.timestamp() < LEASE_S


def ask(store: Store, run: RunRow, settings: Settings, first: Sequence[str] = (), alive: bool = True) -> Said:
    """Returns what the engine of a run, or else its backend, says of attempts that have not begun.

    Args:
        store: where the run is.
        run: the run.
        settings: of its backends.
        first: handles that are asked about before all others.
        alive: whether an engine holds the run.
    """
    with store.read() as tx:
        leased = [one for one in jobs.open(tx, run.id) if one.state is JobState.LEASED]
    handles = list(dict.fromkeys([*first, *(handle_of(run.id, one) for one in leased)]))[:MOST_ASKED]
    answer = _ask_engine(store, run, handles) if alive else None
    if answer is not None:
        return Said(answer, answer.waiting)
    return Said(None, _ask_backends({one.backend for one in leased}, handles, settings))


def handle_of(run: str, one: OpenJob | JobRow) -> str:
    """Returns what names the last attempt of a job to a backend."""
    return JobSpec(run, job_key(one.task, from_text(one.path)), one.attempt, "", "").handle


def _ask_engine(store: Store, run: RunRow, handles: Sequence[str]) -> Answer | None:
    """Returns what the engine says; None when it does not in time, or the store takes no requests."""
    try:
        with store.write() as tx:
            number = requests.put(tx, run.id, "explain", list(handles))
    except HeliosError:
        return None
    deadline = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            with store.read() as tx:
                found = requests.answered(tx, number)
            if found is not None:
                return msgspec.convert(found, Answer)
            time.sleep(LOOK_S)
    finally:
        # where it stays, the engine answers it once more, and nobody reads that
        with contextlib.suppress(HeliosError), store.write() as tx:
            requests.forget(tx, number)
    return None


def _ask_backends(names: set[str], handles: Sequence[str], settings: Settings) -> dict[str, str]:
    """Returns what backends whose jobs go on without an engine say of attempts."""
    found: dict[str, str] = {}
    for name in sorted({one.strip() for some in names for one in some.split(",") if one}):
        try:
            explain = getattr(find_backend(name), "explain", None)
        except BackendNotFoundError:
            continue
        if explain is not None and handles:
            given = settings_for(name, str(settings.home), settings.jobs, settings.backends)
            try:
                found |= explain(given, handles)
            except HeliosError as error:
                found |= dict.fromkeys(handles, f"backend {name!r} cannot be asked: {error}")
    return found
