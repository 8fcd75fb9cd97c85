"""Jobs sized by time: a file is cut as far as the events per second are known, and further once they are.

While a step has shown nothing, one file is its *learner*: a few small jobs are cut of it, and more of it as
they tell how long an event takes.  Its domain is open-ended until then, and other files wait; what comes
later is cut at once.  Boundaries are stored before anybody uses them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from helios_wf.engine import paths
from helios_wf.engine.cutting import Ranges, clusters_of
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.ledger import Ledger
from helios_wf.engine.pacing import GROWTH, cut_jobs
from helios_wf.engine.values import Values
from helios_wf.errors import JobError
from helios_wf.model import Layout
from helios_wf.model.noun import Json
from helios_wf.model.plans import Domain, Path, Plan
from helios_wf.store import Tx, shapes

Index = tuple[int, Path]
"""A domain by number, and the path up to it."""


class Shape(NamedTuple):
    """How many indices a domain has below a path, and its event ranges where it is a split.

    With ``rest`` further ones follow, up to that event.
    """

    size: int
    ranges: Ranges | None = None
    rest: int | None = None

    @property
    def payload(self) -> Json:
        """What is stored of it."""
        if self.rest is not None:
            return {"ranges": self.ranges, "rest": self.rest}
        return self.size if self.ranges is None else self.ranges


class Learner(NamedTuple):
    """A file that is cut as its jobs tell the time: up to where, and what was known when it was cut last."""

    path: Path
    stop: int
    seen_events: int


class Sizing:
    """Sizes the domains of one run."""

    def __init__(
        self,
        run: str,
        plan: Plan,
        layout_of: Callable[[str, str | None], Layout],
        values: Values,
        frontier: Frontier,
        ledger: Ledger,
    ) -> None:
        self._run = run
        self._plan = plan
        self._layout_of = layout_of
        self._values = values
        self._frontier = frontier
        self._ledger = ledger
        self._timed = {
            task.split: task.number for task in plan.tasks if task.fed and _seconds(plan, task.split)
        }
        self._learners: dict[int, Learner] = {}
        self._late: dict[int, deque[Path]] = {}

    def domains(self, limit: int) -> Iterator[Index]:
        """Yields domains that can be sized; where there are none, one that waited for a rate.

        So files are cut as late as it goes, by the rate of then.
        """
        has_new = False
        for one in self._frontier.domains(limit):
            has_new = True
            yield one
        for number, late in self._late.items():
            if late and not has_new and number not in self._learners:
                yield number, late.popleft()
                return

    def defers(self, number: int, path: Path) -> bool:
        """Says whether a domain is not to be sized now: it waits for a rate, or is sized already."""
        if self._values.has_grown(number, path):
            # it was sized by an engine before, and some of its ranges have failed since
            return True
        if number not in self._timed:
            return False
        if (number, path) in self._values.ranges:
            return True
        if number in self._learners:
            self._late.setdefault(number, deque()).append(path)
        return number in self._learners

    def shape(self, domain: Domain, path: Path) -> Shape:
        """Returns the shape of a domain, as far as it is known.

        Raises:
            JobError: arrays of different lengths, or a file that cannot be cut.
        """
        size, ranges = self._values.shape(domain, path)
        if domain.number not in self._timed or not ranges or ranges[0][0] in (None, ranges[-1][1]):
            return Shape(size, ranges)
        first, stop = ranges[0][0], ranges[-1][1]
        clusters = clusters_of(self._layout_of, domain, self._file(domain, path))
        if clusters is None:
            return Shape(size, ranges)
        return self._cut(domain.number, first, stop, clusters)

    def _cut(self, number: int, first: int, stop: int, clusters: Iterable[int], least: int = 1) -> Shape:
        pace = self._ledger.pace[self._timed[number]]
        made, is_all = cut_jobs(first, stop, _seconds(self._plan, number), pace, tuple(clusters), least)
        return Shape(len(made), [list(one) for one in made], None if is_all else stop)

    def file(self, number: int, path: Path) -> Json:
        """Returns the file that a split domain cuts below a path; None where there is none."""
        domain = self._plan.domains[number]
        return self._file(domain, path) if domain.cut is not None else None

    def _file(self, domain: Domain, path: Path) -> Json:
        assert domain.cut is not None
        return self._values.value(domain.cut.file, path) if domain.cut.file else None

    def open(self, number: int, path: Path, shape: Shape) -> None:
        """Takes the shape of a domain, which was stored."""
        if shape.ranges is not None:
            self._values.ranges[number, path] = shape.ranges
        if shape.rest is not None:
            self._learners[number] = Learner(path, shape.rest, self._seen(number))
        self._frontier.open(number, path, shape.size, is_final=shape.rest is None)

    def restore(self, number: int, path: Path, payload: Any) -> None:
        """Takes a shape from the store."""
        if isinstance(payload, dict):
            self.open(number, path, Shape(len(payload["ranges"]), payload["ranges"], payload["rest"]))
        elif isinstance(payload, list):
            self.open(number, path, Shape(len(payload), payload))
        else:
            self.open(number, path, Shape(payload))

    def _seen(self, number: int) -> int:
        return self._ledger.pace[self._timed[number]].events

    @property
    def is_due(self) -> bool:
        """Whether more can be cut of some file: more is known, or all that was cut of it is over."""
        return any(self._is_due(number, one) for number, one in self._learners.items())

    def _is_due(self, number: int, learner: Learner) -> bool:
        task = self._timed[number]
        return self._seen(number) > learner.seen_events or self._frontier.is_idle(task, learner.path)

    def grow(self, tx: Tx) -> None:
        """Cuts more of the files that are not cut to their end, by what is known now."""
        for number, learner in list(self._learners.items()):
            if not self._is_due(number, learner):
                continue
            known = self._values.ranges[number, learner.path]
            first, at = known[-1][:2]
            # jobs that are skipped, or fail, tell nothing however many there are
            least = 1 if self._seen(number) else GROWTH * (at - first)
            more = self._cut(number, at, learner.stop, self._clusters(number, learner.path), least)
            assert more.ranges is not None
            known.extend(more.ranges)
            payload = Shape(len(known), known, more.rest).payload
            shapes.change(tx, self._run, number, paths.to_text(learner.path), payload)
            self._frontier.grow(number, learner.path, more.size)
            self._learners[number] = learner._replace(seen_events=self._seen(number))
            if more.rest is None:
                del self._learners[number]
                self._frontier.close(number, learner.path)

    def _clusters(self, number: int, path: Path) -> Iterable[int]:
        domain = self._plan.domains[number]
        try:
            return clusters_of(self._layout_of, domain, self._file(domain, path)) or ()
        except JobError:
            # whoever reads the file will say what is wrong with it
            return ()


def _seconds(plan: Plan, number: int | None) -> float:
    """Returns how long jobs of a split domain should take, 0 where nothing says that."""
    cut = plan.domains[number].cut if number is not None else None
    return (cut.field.seconds_per_job or 0.0) if cut is not None else 0.0
