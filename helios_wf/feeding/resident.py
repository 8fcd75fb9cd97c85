"""A resident tool: one process for many event ranges, started again when it died with ranges in hand.

    DIRECTORY/tool/NUMBER/{out,tmp,inputs,stdout,stderr}    one process of the tool
    DIRECTORY/ranges/FIRST-STOP.NUMBER/out                  the outputs of a range

The way to the tool (``Way.RESIDENT``, ``Way.FOLDER``) makes no difference here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from helios_wf.cwl.program import Program
from helios_wf.errors import JobError
from helios_wf.evidence import tail
from helios_wf.feeding.conversation import Conversation, Patience
from helios_wf.feeding.hand import Hand
from helios_wf.feeding.in_work import Work
from helios_wf.feeding.range_folders import RangeFolders
from helios_wf.feeding.settling import Settling
from helios_wf.feeding.started import Started
from helios_wf.feeding.tally import Tally
from helios_wf.model import Feeding, JobSpec, Json, Report
from helios_wf.processes import Ended
from helios_wf.runner.outcome import Attempt, failure_of
from helios_wf.states import PERMANENT, Cause

MOST_FRUITLESS = 3
"""Processes in a row that may end before their time without having settled a range."""

_MUTE = (
    "it ended as if all were done, without having said that it is ready for event ranges: "
    "its 'helios:events' is for a tool that speaks the lines of docs/event-streams.md"
)

_OF_ATTEMPT = (Cause.CANCELLED, Cause.DISK, Cause.LOST, Cause.NOT_STARTED, Cause.NOT_READY)
"""Causes that end the attempt: no range is to blame, and another process would fare no better."""


class Residency:
    """One attempt: the processes of its tool, one after another, until the ranges in hand are done."""

    def __init__(
        self,
        spec: JobSpec,
        feeding: Feeding,
        program: Program,
        given: Mapping[str, Json],
        hand: Hand,
        tally: Tally,
        *,
        on_start: Callable[[int], None],
        grace_s: float,
        patience: Patience,
    ) -> None:
        self._spec, self._feeding, self._program, self._given = spec, feeding, program, given
        self._hand, self._tally = hand, tally
        self._on_start, self._grace_s, self._patience = on_start, grace_s, patience
        self._alone: set[str] = set()
        self._number = 0

    def run(self) -> Report | None:
        """Runs the ranges in hand; returns what ended the attempt before its time, if so.

        Raises:
            JobError: the tool cannot be started.
            OSError: the attempt's folders cannot be made or written.
        """
        fruitless = 0
        while self._hand.wait():
            fruit, report = self._live()
            fruitless = 0 if fruit else fruitless + 1
            if report is not None and (report.cause in _OF_ATTEMPT or fruitless >= MOST_FRUITLESS):
                return report
        return None

    def _live(self) -> tuple[bool, Report | None]:
        """Runs one process; returns whether any range was settled, and a report if it ended too early."""
        self._number += 1
        tool = Started(self._spec, self._feeding, self._program, self._given, self._number)
        folders = RangeFolders(self._spec.directory, self._feeding, self._program, tool.invocation)
        settling = Settling(self._spec, self._program, tool, folders, self._hand)
        talk = Conversation(tool, self._hand, settling, self._patience, self._alone)
        error: JobError | None = None
        grace_s = 0.0
        try:
            self._on_start(tool.process.pid)
            self._hand.tell(tool.process.pid)
            talk.run()
            grace_s = self._grace_s
        except JobError as raised:
            error, grace_s = raised, self._grace_s
        finally:
            # where the worker itself is told to end, there is no time for grace
            ended = tool.end(grace_s)
        self._tally.add(ended.cpu_s, ended.peak_memory_mb)
        if error is None and talk.has_ended_in_order:
            return True, None
        failure = self._failure(tool, talk, ended, error)
        try:
            self._blame(talk, settling, ended, failure)
        except JobError as full:
            failure = {"cause": full.cause, "message": str(full)}
        return settling.count > 0, self._report(tool, failure)

    def _failure(
        self, tool: Started, talk: Conversation, ended: Ended, error: JobError | None
    ) -> dict[str, Any]:
        """Returns the fields of a report that say why a process ended before its time."""
        try:
            if error is not None:
                raise error
            failure = self._death(tool, ended)
        except JobError as told:
            failure = {"cause": told.cause, "message": str(told), "permanent": told.cause in PERMANENT}
        else:
            if not talk.is_ready and failure["cause"] is not Cause.DISK:
                is_mute = failure["cause"] is Cause.PROTOCOL
                text = _MUTE if is_mute else f"{failure['message']} before it was ready"
                failure |= {"cause": Cause.NOT_READY, "message": text, "permanent": False}
        if failure["cause"] is Cause.NOT_READY:
            failure["message"] += _last_line(tool.log)
        return failure

    def _death(self, tool: Started, ended: Ended) -> dict[str, Any]:
        code = self._program.exit_code(tool.invocation, ended.code)
        attempt = Attempt(self._spec, tool.folders, 0.0, tool.invocation, ended)
        failure = failure_of(attempt, self._program, code)
        if code >= 0 and self._program.succeeds(code) and failure["cause"] is Cause.EXIT:
            text = f"it ended (exit code {code}) before it had done what it was given"
            failure |= {"cause": Cause.PROTOCOL, "message": text}
        return failure

    def _blame(self, talk: Conversation, settling: Settling, ended: Ended, failure: dict[str, Any]) -> None:
        """Charges the range that the tool worked on, and takes the others in hand again.

        Where it worked on several, none is charged: each is given alone to the next process.
        """
        left = talk.in_work.drop(ended.cpu_s)
        begun = [work for work in left if work.begun_at is not None]
        if talk.overdue is not None:
            begun = [work for work in begun if work.one is talk.overdue]
        guilty: Work | None = None
        if failure["cause"] not in _OF_ATTEMPT:
            if len(begun) == 1:
                guilty = begun[0]
            self._alone |= {work.one.id for work in begun if guilty is None}
        self._hand.give_back([work.one for work in left if work is not guilty])
        if guilty is not None:
            fields = {key: value for key, value in failure.items() if key not in ("stderr_tail", "command")}
            settling.failed(guilty, **fields)

    def _report(self, tool: Started, failure: dict[str, Any]) -> Report:
        spec = self._spec
        fields = {"stderr_tail": tail(tool.log), "command": tuple(tool.invocation.argv), **failure}
        return Report(run=spec.run, key=spec.key, attempt=spec.attempt, **fields)


def _last_line(log: str) -> str:
    lines = tail(log).strip().splitlines()
    return f": {lines[-1]}" if lines else ""
