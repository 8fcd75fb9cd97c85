"""A run as a Workflow Run RO-Crate: what was run on what, when, and what came of it; data by reference.

Source: the Workflow Run Crate profile 0.5, with the Process Run Crate 0.5 and Workflow RO-Crate 1.0 profiles
that it builds on, and the Bioschemas profiles of ComputationalWorkflow and FormalParameter.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from helios_wf import __version__
from helios_wf.errors import MissingExtraError, RunError
from helios_wf.model import Document, Json, Output, Parameter
from helios_wf.states import SETTLED_RUNS, RunState
from helios_wf.store import Store, documents
from helios_wf.tables import jobs as job_table

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

    from helios_wf.store.rows import RunRow

PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"

KINDS = {
    "File": "File",
    "stdout": "File",
    "stderr": "File",
    "Directory": "Dataset",
    "string": "Text",
    "boolean": "Boolean",
    "int": "Integer",
    "long": "Integer",
    "float": "Float",
    "double": "Float",
}
"""CWL type: the type of schema.org that such a parameter has; others may be anything."""

SOFTWARE = "https://w3id.org/helios-wf"


def export(store: Store, run: RunRow, folder: Path) -> None:
    """Writes the crate of a settled run to a folder that must not be there yet.

    Raises:
        RunError: the run is not settled, or the folder is there.
        MissingExtraError: the package ``rocrate`` is not installed.
    """
    if run.state not in SETTLED_RUNS:
        raise RunError(f"run {run.id} is {run.state}: only a run that is settled can be exported")
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty; give a folder that is new")
    try:
        from rocrate.rocrate import ROCrate
    except ModuleNotFoundError:
        raise MissingExtraError("an RO-Crate", "rocrate", "provenance") from None
    with store.read() as tx:
        document = msgspec.json.decode(documents.get(tx, run.document), type=Document)
        folder.mkdir(parents=True, exist_ok=True)
        table = folder / "jobs.csv"
        job_table.write_csv(tx, run.id, table)
    crate = ROCrate(version="1.1")
    _Crate(crate, run, document).fill(folder, table)
    crate.write(folder)


class _Crate:
    """One crate while it is filled."""

    def __init__(self, crate: ROCrate, run: RunRow, document: Document) -> None:
        self._crate = crate
        self._run = run
        self._document = document
        self._files: dict[str, Any] = {}

    def fill(self, folder: Path, table: Path) -> None:
        """Adds everything that is known of the run."""
        from rocrate.model.contextentity import ContextEntity

        crate, run = self._crate, self._run
        root = crate.root_dataset
        crate.name = f"Run {run.id} of {run.label}"
        crate.description = f"One run of {run.label} by helios-wf {__version__}: {run.state}."
        root["datePublished"] = run.changed_at.isoformat(timespec="seconds")
        root["license"] = (
            "The data are where they were, under their own terms; nothing of them is copied here."
        )
        root["conformsTo"] = [
            crate.add(
                ContextEntity(
                    crate, uri, {"@type": "CreativeWork", "name": uri, "version": uri.rpartition("/")[2]}
                )
            )
            for uri in PROFILES
        ]
        workflow = self._workflow()
        process = self._document.process
        objects = [*self._bound("in", process.inputs, run.inputs or {}, workflow, "input")]
        results = [*self._bound("out", process.outputs, run.outputs or {}, workflow, "output")]
        action = crate.add(ContextEntity(crate, f"#{run.id}", self._action()))
        action["instrument"] = workflow
        for key, values in (("object", objects), ("result", results)):
            for value in values:
                action.append_to(key, value, compact=True)
        engine = crate.add(ContextEntity(crate, SOFTWARE, _software()))
        root["mentions"] = [action, engine, *self._datasets()]
        root["hasPart"] = [*root.get("hasPart", []), self._table(table)]
        root["mainEntity"] = workflow

    def _workflow(self) -> Any:
        """Adds the document: its text, when that is still what was run, and what it was loaded to."""
        crate, document = self._crate, self._document
        path = Path(document.path.partition("#")[0])
        unchanged = path.is_file() and _digest(path) == document.files.get(str(path))
        source = path if unchanged else path.as_uri()
        workflow = crate.add_workflow(
            source, path.name if unchanged else None, main=True, lang="cwl", fetch_remote=False
        )
        workflow["name"] = document.process.name or path.name
        workflow["conformsTo"] = {"@id": WORKFLOW}
        workflow["programmingLanguage"]["version"] = document.cwl_version
        if not unchanged:
            workflow["description"] = (
                "This document was changed or removed after the run; SHA-256 is that of the run."
            )
        workflow["encodingFormat"] = _encoding(path.name)
        workflow["version"] = str(self._run.version or document.digest[:12])
        workflow["sha256"] = document.files.get(str(path), "")
        for other, digest in document.files.items():
            if other != str(path):
                file = crate.add_file(Path(other).as_uri(), fetch_remote=False)
                file["name"], file["sha256"] = Path(other).name, digest
                file["encodingFormat"] = _encoding(other)
                workflow.append_to("hasPart", file, compact=True)
        return workflow

    def _action(self) -> dict[str, Json]:
        run = self._run
        good = run.state in (RunState.DONE, RunState.FINISHED)
        action = {
            "@type": "CreateAction",
            "name": f"Run {run.id} of {run.label}",
            "startTime": run.created_at.isoformat(timespec="seconds"),
            "endTime": run.changed_at.isoformat(timespec="seconds"),
            "description": f"{run.label} was run to the state {run.state}. {run.reason}".strip(),
            "actionStatus": f"http://schema.org/{'Completed' if good else 'Failed'}ActionStatus",
        }
        if run.reason and not good:
            action["error"] = run.reason
        return action

    def _bound(
        self, side: str, ports: Iterable[Parameter | Output], values: dict[str, Json], workflow: Any, key: str
    ) -> Iterator[Any]:
        """Adds the parameters of one side of the workflow; yields the values that the run bound to them."""
        from rocrate.model.contextentity import ContextEntity

        for port in ports:
            parameter = self._crate.add(ContextEntity(self._crate, f"#{side}-{port.name}", _parameter(port)))
            workflow.append_to(key, parameter, compact=True)
            value = values.get(port.name)
            if value is None:
                continue
            found = list(_files(value))
            entities = [self._file(one) for one in found] or [self._scalar(side, port.name, value)]
            for entity in entities:
                entity.append_to("exampleOfWork", parameter, compact=True)
            yield from entities

    def _file(self, value: dict[str, Json]) -> Any:
        """Adds a file or folder by reference; the same one once."""
        uri = value.get("location") or Path(value.get("path", "")).as_uri()
        if uri not in self._files:
            add = self._crate.add_file if value["class"] == "File" else self._crate.add_dataset
            entity = self._files[uri] = add(uri, fetch_remote=False)
            entity["name"] = value.get("basename", uri.rpartition("/")[2])
            if value["class"] == "File":
                entity["encodingFormat"] = _encoding(entity["name"])
            if value.get("size") is not None:
                entity["contentSize"] = str(value["size"])
            if value.get("checksum"):
                entity["sha1"] = value["checksum"].removeprefix("sha1$")
        return self._files[uri]

    def _scalar(self, side: str, name: str, value: Json) -> Any:
        from rocrate.model.contextentity import ContextEntity

        text = value if isinstance(value, str | int | float | bool) else json.dumps(value)
        fields = {"@type": "PropertyValue", "name": name, "value": text}
        return self._crate.add(ContextEntity(self._crate, f"#{side}-{name}-value", fields))

    def _datasets(self) -> list[Any]:
        """Adds the datasets that the run read and made, with the files of each."""
        from rocrate.model.contextentity import ContextEntity

        made: dict[str, str] = (self._run.options or {}).get("datasets", {})
        sides = [(self._run.datasets, self._run.inputs or {}), (made, self._run.outputs or {})]
        return [
            self._crate.add(
                ContextEntity(
                    self._crate,
                    f"#dataset-{name}",
                    {
                        "@type": "Collection",
                        "name": name,
                        "hasPart": [{"@id": self._file(one).id} for one in _files(values.get(port))],
                    },
                )
            )
            for names, values in sides
            for port, name in names.items()
        ]

    def _table(self, table: Path) -> Any:
        file = self._crate.add_file(table, table.name)
        file["name"], file["encodingFormat"] = "The jobs of the run", "text/csv"
        file["description"] = f"One line for each job; columns: {', '.join(job_table.COLUMNS)}."
        return file


def _parameter(port: Parameter | Output) -> dict[str, Json]:
    inner, required, many = port.type, True, False
    while True:
        if isinstance(inner, list) and "null" in inner:
            required = False
            rest = [one for one in inner if one != "null"]
            inner = rest[0] if len(rest) == 1 else rest
        elif isinstance(inner, dict) and inner.get("type") == "array":
            many, inner = True, inner["items"]
        else:
            break
    return {
        "@type": "FormalParameter",
        "name": port.name,
        "additionalType": KINDS.get(inner, "Thing") if isinstance(inner, str) else "Thing",
        "valueRequired": required,
        "multipleValues": many,
        "conformsTo": {"@id": PARAMETER},
    }


def _encoding(name: str) -> str:
    if name.endswith(".cwl"):
        return "application/cwl"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _software() -> dict[str, Json]:
    return {
        "@type": "SoftwareApplication",
        "name": "helios-wf",
        "softwareVersion": __version__,
        "url": SOFTWARE,
    }


def _files(value: Json) -> Iterator[dict[str, Json]]:
    """Yields the files and folders in a value, those beside a file too."""
    if isinstance(value, list):
        for one in value:
            yield from _files(one)
    elif isinstance(value, dict):
        if value.get("class") in ("File", "Directory"):
            yield value
            yield from _files(value.get("secondaryFiles"))
        else:
            yield from _files(list(value.values()))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
