"""Which jobs can start: pure bookkeeping over index paths, without values, SQL or clocks.

What is told to the frontier are two kinds of facts: a domain has so many indices below a path (``open``),
and a job, or a domain's merge, is complete (``complete``).  What is asked of it are the nodes (see ``needs``)
that have all they read: domains to be sized, and jobs to be started.

A node becomes ready at a path through exactly one fact, the last that it waited for.  Where one fact makes
many paths ready (a scatter over a known array of a million files) they are not listed but walked by a
``Cursor``, so memory and the time to the first job do not grow with the scatter.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from helios_wf.engine.needs import Need, Node, needs_of, value_needs
from helios_wf.model.plans import Path, Plan, Source


class Cursor:
    """Walks the opened paths of a node that agree with a pattern (None: any index), in order."""

    def __init__(self, node: Node, pattern: tuple[int | None, ...], paths: Iterator[Path]) -> None:
        self.node = node
        self.pattern = pattern
        self.last: Path = (-1,)
        self._paths = paths

    def __iter__(self) -> Iterator[Path]:
        for path in self._paths:
            self.last = path
            yield path

    def will_meet(self, path: Path) -> bool:
        """Says whether the cursor has yet to come to a path."""
        return path > self.last and all(
            want is None or want == have for want, have in zip(self.pattern, path, strict=True)
        )


class Frontier:
    """Facts in, ready nodes out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sizes: dict[tuple[int, Path], int] = {}
        self.totals = [0] * len(plan.tasks)
        self._chains = {Node("task", t.number): t.chain for t in plan.tasks}
        self._chains |= {Node("domain", d.number): d.chain for d in plan.domains}
        self._needs = {node: needs_of(plan, node) for node in self._chains}
        self._readers = self._index_readers()
        self._facts: dict[Node, set[Path]] = {node: set() for node in self._chains}
        self.groups = groups_of(plan)
        self._gates: dict[tuple[int, Path], set[int]] = {}
        self._opened = [0] * len(plan.domains)
        self._open_ended: set[tuple[int, Path]] = set()
        self._summed = [0] * len(plan.domains)
        self._settled: set[tuple[int, Path]] = set()
        self._remaining: list[dict[Path, int]] = [{} for _ in plan.tasks]
        self._given_up: list[Counter[Path]] = [Counter() for _ in plan.tasks]
        self._members = self._index_members()
        self._opens = self._index_opens()
        self._cursors: dict[Node, list[Cursor]] = {node: [] for node in self._chains}
        self._ready: dict[Node, deque[Path]] = {node: deque() for node in self._chains}
        for node, chain in self._chains.items():
            if not chain:
                self._walk(node, ())
                if node.kind == "task":
                    self.totals[node.number] += 1

    # -- facts ---------------------------------------------------------------------------------------------

    def open(self, domain: int, path: Path, size: int, is_final: bool = True) -> None:
        """Takes that a domain has ``size`` indices below a path of its chain; told twice, nothing changes.

        Further ones may follow until it is closed where that is not final; then there are some now.
        """
        if (domain, path) in self.sizes:
            return
        if not is_final:
            self._open_ended.add((domain, path))
        self.sizes[domain, path] = size
        self._opened[domain] += 1
        self._summed[domain] += size
        for task, position in self._members[domain]:
            chain = self.plan.tasks[task].chain
            if position == len(chain) - 1:
                self.totals[task] += size
            self._remaining[task][path] = size
            if size == 0:
                self._completed(task, path)
        if is_final:
            self._note(Node("domain", domain), path)
        if size:
            for node in self._opens[domain]:
                self._walk(node, (*path, None))

    def grow(self, domain: int, path: Path, more: int) -> None:
        """Takes that an opened domain has further indices; it is open-ended, or not complete."""
        size = self.sizes[domain, path]
        self.sizes[domain, path] = size + more
        self._summed[domain] += more
        for task, position in self._members[domain]:
            if position == len(self.plan.tasks[task].chain) - 1:
                self.totals[task] += more
            self._remaining[task][path] += more
        if more:
            self._gates.pop((domain, path), None)
        for index in range(size, size + more):
            for node in self._opens[domain]:
                self._walk(node, (*path, index))

    def close(self, domain: int, path: Path) -> None:
        """Takes that no further indices of a domain follow that was open-ended."""
        self._open_ended.remove((domain, path))
        self._note(Node("domain", domain), path)
        for task, _ in self._members[domain]:
            if self._remaining[task][path] == 0 and self._is_through(task, domain, path):
                self._completed(task, path)

    def is_idle(self, task: int, path: Path) -> bool:
        """Says whether a task is over at all indices so far of its innermost domain below a path."""
        return self._remaining[task][path] == self._given_up[task][path]

    def complete(self, task: int, path: Path) -> None:
        """Takes that a task's job (or a merge task's last job) at a path ended well or was skipped."""
        self._completed(task, path)

    def give_up(self, task: int, path: Path) -> None:
        """Takes that a job failed for good: what reads it will never be ready."""
        self._given_up[task][path[:-1]] += 1

    def complete_before(self, task: int, path: Path) -> None:
        """Takes a job settled before this engine started: as ``complete``, and it is not given out."""
        self._settled.add((task, path))
        self._completed(task, path)

    def hold(self, task: int, path: Path) -> None:
        """Takes that somebody else gives out this job (it was given out before, or failed for good)."""
        self._settled.add((task, path))

    def is_complete(self, task: int, path: Path = ()) -> bool:
        """Says whether all jobs of a task below a path are complete."""
        return path in self._facts[Node("task", task)]

    def has_inputs(self, task: int, path: Path) -> bool:
        """Says whether all that a job (or the merge at a path) reads is complete."""
        return self._is_ready(Node("task", task), path)

    # -- questions -----------------------------------------------------------------------------------------

    def has(self, source: Source) -> bool:
        """Says whether all is known that a source reads at the path of no index."""
        return all(self._has(need.node) for need in value_needs(self.plan, source, ()))

    def upstream(self, sources: Iterable[Source] = (), task: int | None = None) -> set[int]:
        """Returns the tasks that sources at the path of no index, or a task, directly or indirectly read."""
        needs = [need for source in sources for need in value_needs(self.plan, source, ())]
        pending = [need.node for need in needs] if task is None else [Node("task", task)]
        found = set(pending)
        while pending:
            new = {need.node for need in self._needs[pending.pop()]} - found
            found |= new
            pending += new
        return {node.number for node in found if node.kind == "task"} - {task}

    def domains(self, limit: int) -> Iterator[tuple[int, Path]]:
        """Yields up to ``limit`` domains that can be sized, with the path."""
        for domain in self.plan.domains:
            for path in islice(self._take(Node("domain", domain.number), limit), limit):
                yield domain.number, path

    def jobs(self, limit: int) -> Iterator[tuple[int, Path]]:
        """Yields up to ``limit`` jobs that can start, those of later tasks first."""
        fresh = (one for task in reversed(self.plan.tasks) for one in self._fresh(task.number, limit))
        yield from islice(fresh, limit)

    def is_known(self, task: int) -> bool:
        """Says whether the task's number of jobs is final (its merges apart)."""
        chain = self.plan.tasks[task].chain
        return all(
            self._opened[domain] == (self._summed[chain[position - 1]] if position else 1)
            for position, domain in enumerate(chain)
        ) and not any(domain in chain for domain, _ in self._open_ended)

    def _has(self, node: Node) -> bool:
        if node.kind == "task":
            return self.is_complete(node.number)
        return (node.number, ()) in self.sizes and (node.number, ()) not in self._open_ended

    # -- inside --------------------------------------------------------------------------------------------

    def _fresh(self, task: int, at_once: int) -> Iterator[tuple[int, Path]]:
        """Yields the ready jobs of a task that nobody else gives out."""
        for path in self._take(Node("task", task), at_once):
            if (task, path) in self._settled:
                self._settled.discard((task, path))
            else:
                yield task, path

    def _take(self, node: Node, at_once: int) -> Iterator[Path]:
        """Yields the ready paths of a node; each that was yielded is gone."""
        ready, cursors = self._ready[node], self._cursors[node]
        while ready or cursors:
            if ready:
                yield ready.popleft()
            else:
                self._advance(node, cursors[0], at_once)

    def _advance(self, node: Node, cursor: Cursor, limit: int) -> None:
        """Moves ready paths from a cursor to the node's queue; drops the cursor at its end."""
        ready = self._ready[node]
        for path in cursor:
            if self._is_ready(node, path) and not self._will_be_met(node, path, cursor):
                ready.append(path)
                if len(ready) >= limit:
                    return
        self._cursors[node].remove(cursor)

    def _will_be_met(self, node: Node, path: Path, but: Cursor | None = None) -> bool:
        return any(cursor is not but and cursor.will_meet(path) for cursor in self._cursors[node])

    def _is_ready(self, node: Node, path: Path) -> bool:
        return all(
            tuple([path[position] for position in need.positions]) in self._facts[need.node]
            for need in self._needs[node]
        )

    def _walk(self, node: Node, pattern: tuple[int | None, ...]) -> None:
        """Looks at all opened paths of a pattern: at once where it is a single path, else by a cursor."""
        fixed = tuple(index for index in pattern if index is not None)
        if len(fixed) == len(pattern):
            if (
                self._is_opened(node, fixed)
                and self._is_ready(node, fixed)
                and not self._will_be_met(node, fixed)
            ):
                self._ready[node].append(fixed)
        else:
            self._cursors[node].append(Cursor(node, pattern, self._paths(self._chains[node], pattern, ())))

    def _is_opened(self, node: Node, path: Path) -> bool:
        chain = self._chains[node]
        return not chain or path[-1] < self.sizes.get((chain[-1], path[:-1]), 0)

    def _paths(self, chain: Sequence[int], pattern: tuple[int | None, ...], path: Path) -> Iterator[Path]:
        position = len(path)
        if position == len(chain):
            yield path
            return
        size = self.sizes.get((chain[position], path), 0)
        wanted = pattern[position]
        if wanted is not None:
            if wanted < size:
                yield from self._paths(chain, pattern, (*path, wanted))
            return
        index = 0
        # a domain may grow while it is walked
        while index < self.sizes.get((chain[position], path), 0):
            yield from self._paths(chain, pattern, (*path, index))
            index += 1

    def _completed(self, task: int, path: Path) -> None:
        node = Node("task", task)
        remaining, chain = self._remaining[task], self.plan.tasks[task].chain
        while True:
            self._note(node, path)
            if not path:
                return
            domain, path = chain[len(path) - 1], path[:-1]
            remaining[path] -= 1
            if remaining[path] or not self._is_through(task, domain, path):
                return

    def _is_through(self, task: int, domain: int, path: Path) -> bool:
        """Says whether a task that is complete at all indices of a domain is complete at the path outside it.

        The chain of an event range may fail at a later task, and the domain grow: so it is only when the
        whole chain is complete; then it is for all its tasks.  An open-ended domain must be closed first.
        """
        if (domain, path) in self._open_ended:
            return False
        group = self.groups.get(domain, frozenset())
        if task not in group:
            return True
        gate = self._gates.setdefault((domain, path), set())
        gate.add(task)
        if len(gate) < len(group):
            return False
        del self._gates[domain, path]
        for other in group - {task}:
            self._completed(other, path)
        return True

    def _note(self, node: Node, path: Path) -> None:
        """Keeps a fact if somebody waits for it, and wakes the readers."""
        readers = self._readers[node].get(len(path), ())
        if readers or not path:
            self._facts[node].add(path)
        for reader, need in readers:
            pattern: list[int | None] = [None] * len(self._chains[reader])
            for position, index in zip(need.positions, path, strict=True):
                pattern[position] = index
            self._walk(reader, tuple(pattern))

    def _index_readers(self) -> dict[Node, dict[int, list[tuple[Node, Need]]]]:
        """Returns for each node, by the depth at which it is read, its readers."""
        readers: dict[Node, dict[int, list[tuple[Node, Need]]]] = {node: {} for node in self._chains}
        for node, needs in self._needs.items():
            for need in needs:
                readers[need.node].setdefault(len(need.positions), []).append((node, need))
        return readers

    def _index_opens(self) -> list[list[Node]]:
        """Returns for each domain the nodes that its opening may make ready.

        A node that needs a fact at the new index of the same domain waits for that fact, which cannot be
        there yet; so the indices of a million files are walked once, not again for each step behind.
        """
        opens: list[list[Node]] = [[] for _ in self.plan.domains]
        for node, chain in self._chains.items():
            last = len(chain) - 1
            follows = any(
                (position, self._chains[need.node][at]) == (last, chain[last])
                for need in self._needs[node]
                for at, position in enumerate(need.positions)
            )
            if chain and not follows:
                opens[chain[last]].append(node)
        return opens

    def _index_members(self) -> list[list[tuple[int, int]]]:
        members: list[list[tuple[int, int]]] = [[] for _ in self.plan.domains]
        for task in self.plan.tasks:
            for position, domain in enumerate(task.chain):
                members[domain].append((task.number, position))
        return members


def groups_of(plan: Plan) -> dict[int, frozenset[int]]:
    """Returns for each split domain the tasks that run for each of its ranges, where that may grow."""
    groups = {}
    for domain in plan.domains:
        if domain.cut is not None:
            inside = [task for task in plan.tasks if domain.number in task.chain]
            own = [t for t in inside if t.name == domain.step or t.name.startswith(f"{domain.step}/")]
            if not any(task.fed for task in own if task.split == domain.number):
                groups[domain.number] = frozenset(task.number for task in own)
    return groups
