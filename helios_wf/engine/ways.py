"""How the tools of a run are run: as they are planned, or by cwltool where a check found a difference."""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.cwl.program import by_reference, checked
from helios_wf.model import Tool, digest
from helios_wf.model.noun import Json
from helios_wf.model.plans import Plan
from helios_wf.store import Tx, tasks


class Ways:
    """The tools of a run as a backend gets them.

    Args:
        run: its id.
        plan: what it runs.
        check: how many of a task's first jobs each worker compares with what cwltool would run; 0: none.
    """

    def __init__(self, run: str, plan: Plan, check: int = 0) -> None:
        self.differences: dict[str, str] = {}
        """Step: where its tool stands, and in what, compiled, it differs from cwltool's; in lines."""
        self._run = run
        self._plan = plan
        self._bodies: list[Json] = [self._first(task.process, check) for task in plan.tasks]
        self._digests = [digest(body) if body else "" for body in self._bodies]

    @staticmethod
    def _first(process: object, check: int) -> Json:
        if not isinstance(process, Tool):
            return None
        return checked(process.body, check) if check else process.body

    def digest(self, task: int) -> str:
        """Returns what names the tool of a task to a backend."""
        return self._digests[task]

    def definition(self, task: int) -> Json:
        """Returns the tool of a task, for the backend."""
        return self._bodies[task]

    def restore(self, tx: Tx) -> None:
        """Takes from the store which tasks cwltool runs since a check."""
        for number, text in tasks.differing(tx, self._run).items():
            self._fall_back(number, text)

    def differs(self, tx: Tx, number: int, found: Sequence[str]) -> None:
        """Has cwltool run a task from now on, and records why."""
        name = self._plan.tasks[number].name
        if name not in self.differences:
            text = "\n".join([str(self._tool(number).place), *found])
            tasks.differs(tx, self._run, number, text)
            self._fall_back(number, text)

    def _fall_back(self, number: int, text: str) -> None:
        self.differences[self._plan.tasks[number].name] = text
        self._bodies[number] = by_reference(self._tool(number).body)
        self._digests[number] = digest(self._bodies[number])

    def _tool(self, number: int) -> Tool:
        process = self._plan.tasks[number].process
        assert isinstance(process, Tool)
        return process
