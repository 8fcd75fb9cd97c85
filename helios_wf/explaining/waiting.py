"""Why a job waits: for inputs, down to the job at the root of it; for its turn; for room; for a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from helios_wf.engine.needs import Node
from helios_wf.explaining.asking import Said, handle_of
from helios_wf.explaining.lacking import Blocker, Lack, blocker, done, lacking, unsized_needs
from helios_wf.explaining.nouns import Reason
from helios_wf.failures import job_name
from helios_wf.model.plans import Path, Task
from helios_wf.record import Record
from helios_wf.states import SETTLED_RUNS, JobState, RangeState
from helios_wf.store import event_ranges
from helios_wf.store.rows import JobRow
from helios_wf.wording import duration

MOST_LACKS = 5
"""Things that a job lacks which are told."""


class Waits:
    """Explains the waiting jobs of one run; what was explained once is only named again."""

    def __init__(self, record: Record, said: Said, halted: Sequence[Reason]) -> None:
        self._record = record
        self._said = said
        self._halted = tuple(halted)
        self.is_halt_told = False
        """Whether it was said already why nothing new is started."""
        self._told: set[tuple[int, Path]] = set()

    def why(self, task: Task, path: Path, row: JobRow | None) -> tuple[Reason, ...]:
        """Returns why a job waits that is not settled and does not run."""
        self._told.add((task.number, path))
        if row is None:
            lacks = lacking(self._record, task, path)
            if lacks:
                return self._of_lacks(lacks)
            return self._turn("its inputs are there")
        if row.state is JobState.LEASED:
            return (self._of_backend(row),)
        return self._of_ready(task, row)

    # -- what it lacks -------------------------------------------------------------------------------------

    def _of_lacks(self, lacks: Sequence[Lack]) -> tuple[Reason, ...]:
        reasons = [self._of_lack(lack, _subject(lack)) for lack in lacks[:MOST_LACKS]]
        if len(lacks) > MOST_LACKS:
            reasons.append(Reason("input", f"and {len(lacks) - MOST_LACKS} more that is not there"))
        return tuple(reasons)

    def _of_lack(self, lack: Lack, subject: str) -> Reason:
        if lack.node.kind == "domain":
            return self._of_domain(lack)
        source = self._record.plan.tasks[lack.node.number]
        whose, total = job_name(source.name, lack.path), self._record.total(source, lack.path)
        found = blocker(self._record, source, lack.path)
        job = whose if found is None else job_name(source.name, found.path)
        if total == 1 and found is not None:
            text = f"it comes from {job}, which {self._state_of(found)}"
        else:
            n_done = f"{done(self._record, source, lack.path):,}"
            n_done += f" of {total:,} jobs are done" if total is not None else " jobs are done so far"
            why = f" ({lack.whole})" if lack.whole else ""
            text = f"it needs all of {whose}{why}, of which {n_done}"
            text += f"; {job} {self._state_of(found)}" if found is not None else ""
        behind = self._behind(found) if found is not None else self._unknown(source, lack.path)
        return Reason("input", f"{subject}: {text}", job, ", ".join(lack.inputs), behind)

    def _of_domain(self, lack: Lack) -> Reason:
        domain = self._record.plan.domains[lack.node.number]
        whose = job_name(domain.step, lack.path)
        needs = unsized_needs(self._record, lack.node.number, lack.path)
        if not needs:
            timed = domain.cut is not None and domain.cut.field.seconds_per_job is not None
            if timed:
                text = (
                    f"{whose} is not cut into jobs yet: the first jobs of the step are to show how long an "
                    "event takes"
                )
                return Reason("size", text, whose)
            return Reason("size", f"{whose} is about to be expanded into jobs", whose, because=self._halted)
        subject = "what it runs over is not there yet"
        behind = tuple(self._of_lack(need, subject) for need in needs[:MOST_LACKS])
        return Reason("size", f"how many jobs {whose} has is not known yet", whose, because=behind)

    def _unknown(self, task: Task, path: Path) -> tuple[Reason, ...]:
        """Returns why it is not known which jobs of a task there are to be."""
        for depth in range(len(path), len(task.chain)):
            at = path + (0,) * (depth - len(path))
            if (task.chain[depth], at) not in self._record.flow.frontier.sizes:
                return (self._of_domain(Lack(Node("domain", task.chain[depth]), at)),)
        return ()

    def _state_of(self, one: Blocker) -> str:
        """Returns where a job stands that keeps others waiting, as what it does."""
        row = one.row
        if row is None and self._record.run.state in SETTLED_RUNS:
            return "was never run"
        if row is None or row.state is JobState.LEASED:
            return "waits too"
        if row.state is JobState.FAILED:
            return f"failed: {row.message or row.cause}"
        if row.state is JobState.CANCELLED:
            return "was cancelled"
        if row.state is JobState.RUNNING:
            return f"runs (attempt {row.attempt})"
        return f"waits to be tried again after attempt {row.attempt}" if row.attempt else "waits too"

    def _behind(self, one: Blocker) -> tuple[Reason, ...]:
        if (one.task.number, one.path) in self._told:
            return ()
        if one.row is None or one.row.state in (JobState.READY, JobState.LEASED):
            return self.why(one.task, one.path, one.row)
        return ()

    # -- its turn ------------------------------------------------------------------------------------------

    def _turn(self, lead: str) -> tuple[Reason, ...]:
        """Returns why a job that could be handed out was not."""
        if self._halted:
            return (Reason("halted", "nothing new is started"),) if self.is_halt_told else self._halted
        states = [row for task in self._record.tasks for row in task.counts.items()]
        running, handed = (
            sum(count for state, count in states if state is wanted)
            for wanted in (JobState.RUNNING, JobState.LEASED)
        )
        text = (
            f"{lead}; it is handed to the backend when that has room: {running:,} jobs of the run run now, "
            f"{handed:,} are handed out and have not begun"
        )
        return (Reason("turn", text),)

    def _of_ready(self, task: Task, row: JobRow) -> tuple[Reason, ...]:
        left_s = row.not_before - time.time()
        if left_s > 0:
            when = datetime.fromtimestamp(row.not_before, UTC).isoformat(timespec="seconds")
            text = (
                f"attempt {row.attempt} ended with {row.cause}: {row.message}; it is tried again at {when}, "
                f"in {duration(left_s)}"
            )
            return (Reason("backoff", text), *self._halted)
        counts = event_ranges.counts_of(self._record.tx, self._record.run.id, task.number, row.path)
        failed = counts.get(RangeState.FAILED)
        if failed is not None and not self._halted:
            text = (
                f"{failed.n_ranges:,} of its event ranges failed; they are cut in two once any range of the "
                "step has shown that the tool works"
            )
            return (Reason("ranges", text),)
        lead = "its inputs are there"
        if row.attempt:
            lead = f"it is to be tried again after attempt {row.attempt}"
        return self._turn(lead)

    def _of_backend(self, row: JobRow) -> Reason:
        since_s = max(0.0, time.time() - row.submitted_at)
        words = self._said.waiting.get(handle_of(self._record.run.id, row))
        if words is None and self._halted:
            return self._halted[0]
        lead = f"attempt {row.attempt} was handed to backend {row.backend!r} {duration(since_s)} ago"
        return Reason("backend", f"{lead}: {words or 'it is about to begin, or has begun just now'}")


def _subject(lack: Lack) -> str:
    if not lack.inputs:
        return "it is not known yet whether it is to run"
    if len(lack.inputs) == 1:
        return f"its input {lack.inputs[0]!r} is not there yet"
    return f"its inputs {', '.join(map(repr, lack.inputs))} are not there yet"
