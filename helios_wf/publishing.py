"""The end of a run: its outputs moved into place, its datasets put into the catalogue, all in one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from helios_wf import formats
from helios_wf.config import OnError
from helios_wf.containers import Container
from helios_wf.cwl.found import deep
from helios_wf.engine.destinations import Destinations, Placed, arrange, basename_of, dataset_folder, files_of
from helios_wf.engine.loop import Held
from helios_wf.engine.objects import look
from helios_wf.engine.publish import carry_out
from helios_wf.engine.waiting import Waiting
from helios_wf.errors import DatasetError, EventFileError, MissingExtraError, StoreError, UserError
from helios_wf.match import file_names
from helios_wf.model import Dataset, Document, EventFile, Layout, Noun, Workflow
from helios_wf.model.noun import Json
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, Tx, datasets, event_ranges, jobs, publications, runs
from helios_wf.store.rows import Publication

MISSING = "missing"
"""In the metadata of a dataset: what of it was lost, in words."""

LOGS = "logs of step "
"""How the publications of logs are called, to be told from outputs: no output has a space in its name."""


class Options(Noun, frozen=True):
    """What a run was started with besides its document and inputs; frozen with it.

    ``datasets`` maps outputs to the names of the datasets that they become, ``logs`` steps to those of their
    logs; outputs that are not in it are only returned.
    """

    outdir: str
    keep: str = "failed"
    on_error: OnError = "stop"
    reuse: str = "none"
    changes: tuple[str, ...] = ()
    """``--set`` of the command line."""
    datasets: dict[str, str] = msgspec.field(default_factory=dict)
    logs: dict[str, str] = msgspec.field(default_factory=dict)
    parts: dict[str, Json] = msgspec.field(default_factory=dict)
    """What names of files may be made of besides: captures, scalar inputs, and the rest."""
    apart: bool = False
    """Whether outputs that are no datasets go to a folder of the run's own, as other runs have the same."""
    containers: dict[str, Container] = msgspec.field(default_factory=dict)
    """Step: the container that it is run in."""


class Publisher:
    """Publishes a run: all of it, or in one that went on without what failed, the outputs that there are."""

    def __init__(
        self,
        store: Store,
        held: Held,
        document: Document,
        options: Options,
        home: Path,
    ) -> None:
        self._store = store
        self._held = held
        self._document = document
        self._names = options.datasets
        self._logs = options.logs
        self._parts = options.parts
        self._outdir = Path(options.outdir)
        self._loose = self._outdir / held.id if options.apart else self._outdir
        self._home = home
        self._waiting = Waiting(held.flow) if held.flow.has_failed else None
        self.missing: list[str] = []
        """What the run lost, a line for each step; known once it is published."""
        if self._waiting is not None:
            self._leave_out(self._waiting)

    def publish(self) -> dict[str, Json]:
        """Moves the outputs, records them with their datasets, and returns the CWL output object.

        Raises:
            StoreError: something could not be moved or recorded; the run stays as it is.
            UserError: an output has a name that is none, two files of a dataset would have one, another run
                made a dataset of that name, or a file of somebody else lies where one is to go.
        """
        values = self._values()
        own = self._home / "runs" / self._held.id
        places = Destinations(self._loose, self._folders(), self._file_names(values))
        places.spare(values, self._held.flow.values.inputs)
        arranged = arrange(values, places, own / "literals")
        # of a hundred thousand files each copy counts
        del values
        logs = [self._log_move(step, name) for step, name in self._logs.items()]
        with self._store.write() as tx:
            runs.fence(tx, self._held.id, self._held.epoch)
            self._refuse_taken(tx)
            self._refuse_others(tx, [*arranged.moves, *logs])
            publications.intend(tx, self._held.id, [*arranged.moves, *logs])
        carry_out(arranged.moves, own)
        try:
            outputs = {
                name: deep(value) if name in arranged.unsummed else value
                for name, value in arranged.outputs.items()
            }
            made = [self._dataset(name, arranged.files[output]) for output, name in self._names.items()]
            made += [self._log_dataset(step, name) for step, name in self._logs.items()]
        except OSError as error:
            raise StoreError(f"cannot publish the outputs of run {self._held.id}: {error}") from error
        self._record(arranged.moves, made, outputs)
        return outputs

    def _leave_out(self, waiting: Waiting) -> None:
        """Takes out of what is made the datasets that would not be whole."""
        undone = {self._held.flow.plan.tasks[task].name for task in waiting.steps}
        self._names = {output: name for output, name in self._names.items() if output not in waiting.outputs}
        self._logs = {step: name for step, name in self._logs.items() if step not in undone}

    @property
    def state(self) -> RunState:
        """Where a published run stands: DONE, FINISHED where something was lost, FAILED where it failed."""
        if self._waiting is not None:
            return RunState.FAILED
        return RunState.FINISHED if self.missing else RunState.DONE

    @property
    def reason(self) -> str:
        """What failed, and what is missing, in words."""
        return "; ".join([*(self._waiting.why if self._waiting else ()), *self.missing])

    def _record(self, moves: list[Publication], made: list[Dataset], outputs: dict[str, Json]) -> None:
        """Records that the run is done, what it made, where that is and what is missing."""
        seen = ((move, look(move.destination)) for move in moves)
        ages = [(move.output, move.position, found and found.modified) for move, found in seen]
        with self._store.write() as tx:
            runs.fence(tx, self._held.id, self._held.epoch)
            publications.published(tx, self._held.id, ages)
            for dataset in made:
                if not self._is_own(tx, dataset.name):
                    datasets.create(tx, dataset)
            runs.move(tx, self._held.id, self._held.epoch, self.state, self.reason, outputs)

    def _refuse_taken(self, tx: Tx) -> None:
        """Makes sure that nobody else made one of the datasets in the meantime: nothing of it is touched."""
        for name in (*self._names.values(), *self._logs.values()):
            if datasets.exists(tx, name) and not self._is_own(tx, name):
                text = f"dataset {name!r} was made by another run in the meantime; it is left alone"
                raise DatasetError(text)

    def _is_own(self, tx: Tx, name: str) -> bool:
        """Says whether this run has made a dataset, before it was begun again."""
        return datasets.maker(tx, name) == self._held.id

    def _refuse_others(self, tx: Tx, moves: Sequence[Publication]) -> None:
        """Makes sure that no file is written over that is not this run's own.

        Outputs that become no dataset replace what lies there, as CWL runners do, unless a dataset has it.
        """
        own = {one.destination for one in publications.list(tx, self._held.id)}
        for move in moves:
            place = move.destination
            stays = place == move.source and not _is_log(move)
            there = None if stays or place in own else look(place)
            if there is None:
                continue
            holder = datasets.holder(tx, place)
            fixed = move.output in self._names or _is_log(move)
            if holder is not None or (fixed and not there.is_folder):
                whose = f"dataset {holder!r} has it" if holder else "it is not this run's"
                raise UserError(
                    f"output {move.output!r} cannot be published: {place} exists already, and {whose}; "
                    f"nothing is written over: move it away, then helios-wf resume {self._held.id}"
                )

    def _values(self) -> dict[str, Json]:
        flow = self._held.flow
        with self._store.read() as tx:
            flow.outputs.tx = tx
            absent = self._waiting.outputs if self._waiting else ()
            values = {
                one.output.name: None if one.output.name in absent else flow.values.output(one.source)
                for one in flow.plan.outputs
            }
            self.missing = flow.losses.missing(tx)
        flow.outputs.trim()
        return values

    def _folders(self) -> dict[str, Path]:
        return {output: dataset_folder(self._outdir, name) for output, name in self._names.items()}

    def _file_names(self, values: Mapping[str, Json]) -> dict[str, list[str]]:
        workflow = self._document.process
        if not isinstance(workflow, Workflow):
            return {}
        found = {}
        for output, name in self._names.items():
            basenames = [basename_of(file) for file in files_of(values[output])]
            single = isinstance(values[output], dict)
            found[output] = file_names(workflow, output, name, basenames, single, self._parts)
        return found

    def _dataset(self, name: str, files: list[Placed]) -> Dataset:
        described = tuple(
            EventFile(file.path, file.size, file.checksum, _layout(file.path)) for file in files
        )
        meta: dict[str, Json] = {MISSING: "; ".join(self.missing)} if self.missing else {}
        return Dataset(name, DatasetState.CLOSED, described, meta, self._held.id)

    def _log_move(self, step: str, name: str) -> Publication:
        path = str(self._log_path(name))
        return Publication(f"{LOGS}{step}", 0, path, path, 0)

    def _log_path(self, name: str) -> Path:
        folder = dataset_folder(self._outdir, name)
        return folder / f"{folder.name}.log"

    def _log_dataset(self, step: str, name: str) -> Dataset:
        """Writes the logs of a step's jobs, one behind the other in index order, as one file."""
        (task,) = (task for task in self._held.flow.plan.tasks if task.name == step)
        path = self._log_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._store.read() as tx, path.open("wb") as out:
            for text, state, _ in jobs.outputs_below(tx, self._held.id, task.number, ""):
                row = jobs.get(tx, self._held.id, task.number, text)
                out.write(f"==== {step}[{text.replace('/', ',')}] attempt {row.attempt} {state}\n".encode())
                for folder in [row.directory, *self._range_folders(tx, task.number, text)]:
                    for log in (Path(folder) / stream for stream in ("stdout", "stderr")):
                        if folder and log.is_file():
                            out.write(log.read_bytes())
        file = EventFile(str(path), path.stat().st_size, formats.checksum(path))
        return Dataset(name, DatasetState.CLOSED, (file,), {}, self._held.id)

    def _range_folders(self, tx: Tx, task: int, path: str) -> Iterator[str]:
        """Yields the folders of a job's event ranges, in event order."""
        last = None
        while page := event_ranges.list(tx, self._held.id, task, path, after=last):
            last = page[-1]
            yield from (row.directory for row in page)


def _is_log(move: Publication) -> bool:
    return move.output.startswith(LOGS)


def _layout(path: str) -> Layout | None:
    try:
        return formats.probe(path) if formats.recognise(path) else None
    except (EventFileError, MissingExtraError):
        return None
