"""Failures in lines of text: the cause first, then where, the log's end, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from helios_wf.failures.failure import Failure
from helios_wf.failures.kinds import Kind
from helios_wf.failures.naming import span
from helios_wf.wording import harmless, precise_duration

SHOWN = 3
"""Kinds of failures that are told in full."""

SHOWN_WORDS = 200
"""Words of a command line that are shown."""

WORD_LENGTH = 1000
"""Characters of one word that are shown."""

TAIL_LINES = 8
"""Last lines of a log that are shown."""


def told_kinds(kinds: Sequence[Kind]) -> list[str]:
    """Returns what is to be said of failures: of the first kinds all, of the others the cause."""
    lines = [line for kind in kinds[:SHOWN] for line in told_kind(kind)]
    return lines + [headline(kind) for kind in kinds[SHOWN:]]


def told_kind(kind: Kind) -> list[str]:
    """Returns what is to be said of jobs that failed in the same way."""
    lines = [headline(kind), *told(kind.first)[1:]]
    return [*lines, f"  in the same way failed {kind.others}"] if kind.others else lines


def told(failure: Failure) -> list[str]:
    """Returns what is to be said of one failed job; nothing in it does anything to a terminal."""
    lines = [f"{failure.job} failed: {failure.why}"]
    if where := _where(failure):
        lines.append(f"  {where}")
    tail = failure.stderr_tail.rstrip().splitlines()[-TAIL_LINES:]
    if tail:
        lines += ["  its stderr ends with:", *(f"    {line}" for line in tail)]
    if failure.log:
        lines.append(f"  the whole log is in {failure.log}")
    if failure.command:
        lines.append(f"  command: {_shown(failure.command)}")
    if failure.attempt and failure.command:
        lines.append(f"  to run it again, here: helios-wf rerun {shlex.quote(failure.name)}")
    return [harmless(line) for line in lines]


def headline(kind: Kind) -> str:
    """Returns the cause of a kind of failures, and how many jobs failed so."""
    total = f" of {kind.total:,}" if kind.total is not None else ""
    same = f" (the same error in {kind.n_jobs:,}{total} jobs)" if kind.n_jobs > 1 else ""
    return told(kind.first)[0] + same


def _where(failure: Failure) -> str:
    """Returns which attempt it was, of which events, where and for how long; empty where nothing was run."""
    if not failure.attempt:
        return ""
    words = [f"attempt {failure.attempt}"]
    if failure.events is not None:
        words.append(span(*failure.events) + (f" of {failure.file}" if failure.file else ""))
    if failure.host:
        words.append(f"on {failure.host}" + (f" ({failure.worker})" if failure.worker else ""))
    if failure.wall_s:
        words.append(f"after {precise_duration(failure.wall_s)}")
    return ", ".join(words)


def _shown(command: Sequence[str]) -> str:
    """Returns a command line as a shell takes it; of a very long one the beginning."""
    more = len(command) - SHOWN_WORDS
    rest = f" ... and {more:,} words more" if more > 0 else ""
    words = [word if len(word) <= WORD_LENGTH else f"{word[:WORD_LENGTH]}..." for word in command]
    return shlex.join(words[:SHOWN_WORDS]) + rest
