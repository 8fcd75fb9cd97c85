"""From a job that can start to the attempt that a backend gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from helios_wf.engine import paths
from helios_wf.engine.evaluation import Evaluator
from helios_wf.engine.job import Job
from helios_wf.engine.values import Values
from helios_wf.engine.ways import Ways
from helios_wf.errors import JobError
from helios_wf.model import JobSpec, Resources
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Task
from helios_wf.states import Cause


class Specs:
    """Makes the attempts of one run.

    ``definitions`` collects what a backend must be told before it gets them; ``check`` says why a job that
    asks for so much can never run; ``forgotten`` is, by task, the number behind which attempts begin.
    """

    def __init__(self, run: str, home: str, values: Values, ways: Ways) -> None:
        self.definitions: dict[str, Json] = {}
        self.forgotten: Sequence[int] = [0 for _ in values.plan.tasks]
        self.check: Callable[[Resources], list[str]] = lambda resources: []
        self._run = run
        self._home = home
        self._values = values
        tasks = values.plan.tasks
        self._evaluators = [Evaluator(task, values) for task in tasks]
        self._ways = ways
        self._defined: set[str] = set()
        self._told: set[int] = set()
        self._checked: set[int] = set()

    def of(self, task: int) -> Evaluator:
        """Returns what evaluates the inputs of a task's jobs."""
        return self._evaluators[task]

    def spec(self, task: Task, job: Job, inputs: dict[str, Json], resources: Resources) -> JobSpec:
        """Returns the next attempt of a job with these own inputs.

        Raises:
            JobError: what it asks for can never be had here.
        """
        self._check(task, resources)
        evaluator = self._evaluators[task.number]
        constants = evaluator.constants()
        tool = self._ways.digest(task.number)
        if tool not in self._defined:
            self._defined.add(tool)
            self.definitions[tool] = self._ways.definition(task.number)
        if task.number not in self._told:
            self._told.add(task.number)
            self.definitions[constants.digest] = evaluator.shared()
        attempt = max(job.tries.attempt, self.forgotten[task.number]) + 1
        first, stop = self._values.events(task, job.path)
        return JobSpec(
            run=self._run,
            key=paths.job_key(task.number, job.path),
            attempt=attempt,
            tool=tool,
            directory=self.directory(task.number, job.path, attempt),
            constants=constants.digest,
            inputs=inputs,
            resources=resources,
            first=first,
            stop=stop,
        )

    def directory(self, task: int, path: Path, attempt: int) -> str:
        """Returns the folder of an attempt."""
        return paths.directory(self._home, self._run, task, path, attempt)

    def _check(self, task: Task, resources: Resources) -> None:
        """Checks what a job asks for; what all jobs of a task ask for is checked once."""
        if task.number in self._checked:
            return
        if reasons := self.check(resources):
            text = f"step {task.name!r} can never run here: {'; '.join(reasons)}"
            raise JobError(Cause.BAD_INPUT, text)
        if self._evaluators[task.number].has_fixed_resources:
            self._checked.add(task.number)
