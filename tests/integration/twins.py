"""cwltool's jobs, and beside each the same one compiled."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from helios_wf.cwl.bodies import body
from helios_wf.cwl.comparison import describe, differences
from helios_wf.cwl.describing import described
from helios_wf.cwl.files import Folders
from helios_wf.cwl.marks import plain
from helios_wf.cwl.program import CompiledProgram, program_of
from helios_wf.cwl.schema import short
from helios_wf.model import JobSpec, Json, Report, Resources
from helios_wf.runner import run

UNNAMED = re.compile(r"\b[0-9a-f]{40}\b")
"""Names that cwltool makes up for streams; ours tell the tool's meaning."""


class Twins:
    """Runs cwltool, and beside each of its jobs the same one compiled; notes what differs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[str] = []
        self.count = 0

    def load(self, uri: str) -> Any:
        """Returns a process as cwltool loads it, with twins of all its tools."""
        from cwltool.context import LoadingContext
        from cwltool.load_tool import load_tool

        loading = LoadingContext({"disable_js_validation": True, "relax_path_checks": True})
        loading.construct_tool_object = self.make
        return load_tool(uri, loading)

    def drive(self, process: Any, order: Any, folder: str) -> None:
        """Has cwltool run a process on an input object that was read in a folder."""
        from cwltool.context import RuntimeContext
        from cwltool.executors import SingleJobExecutor

        context = RuntimeContext(
            {
                "use_container": False,
                "basedir": folder,
                "outdir": f"{self.folder}/outputs",
                "tmp_outdir_prefix": f"{self.folder}/out",
                "tmpdir_prefix": f"{self.folder}/tmp",
                "rm_tmpdir": False,
                "toplevel": True,
                "move_outputs": "leave",
            }
        )
        SingleJobExecutor()(process, order, context)

    def make(self, document: Any, loading: Any) -> Any:
        import cwltool.workflow
        from cwltool.command_line_tool import CommandLineTool

        if document.get("class") != "CommandLineTool":
            return cwltool.workflow.default_make_tool(document, loading)
        twins = self

        class Tool(CommandLineTool):
            def job(self, job_order: Any, output_callbacks: Any, context: Any) -> Any:
                twin = Twin(self, job_order, context, twins)

                def finished(outputs: Any, status: str) -> None:
                    twin.finish(outputs if status == "success" else None)
                    output_callbacks(outputs, status)

                for job in super().job(job_order, finished, context):
                    twin.begin(job)
                    yield job

            def probe(self, job_order: Any, context: Any) -> Any:
                # cwltool writes into the requirements where it has put things
                kept, self.requirements = self.requirements, copy.deepcopy(self.requirements)
                (job,) = super().job(copy.deepcopy(job_order), lambda *_: None, context)
                self.requirements = kept
                return job

        return Tool(document, loading)


class Twin:
    """One job, ours beside cwltool's."""

    def __init__(self, tool: Any, order: Any, context: Any, twins: Twins) -> None:
        self.tool, self.order, self.context, self.twins = tool, copy.deepcopy(dict(order)), context, twins
        self.given: dict[str, Json] = plain(self.order)
        self.body = json.loads(json.dumps(body(tool)))
        twins.count += 1
        self.folder = twins.folder / str(twins.count)
        self.report: Report | None = None
        self.theirs: Any = None

    def begin(self, job: Any) -> None:
        """Compares how the job would be run, and runs it."""
        had = job.builder.resources
        resources = Resources(
            cores=had["cores"], ram_mb=had["ram"], tmpdir_mb=had["tmpdirSize"], outdir_mb=had["outdirSize"]
        )
        program = program_of(self.body)
        assert isinstance(program, CompiledProgram), "not compiled"
        self.theirs = job
        self._compare(program, resources)
        if not any(
            entry["class"] == "InplaceUpdateRequirement" for entry in self.body.get("requirements", ())
        ):
            spec = JobSpec(
                run="r", key="0/0", attempt=1, tool="", directory=f"{self.folder}/run", inputs=self.given
            )
            self.report = run(replace(spec, resources=resources), program)

    def _compare(self, program: CompiledProgram, resources: Resources) -> None:
        folders = Folders(f"{self.folder}/compare")
        for path in (folders.out, folders.tmp):
            Path(path).mkdir(parents=True)
        ours = describe(program.prepare(copy.deepcopy(self.given), resources, folders))
        context = self.context.copy()
        for name in ("outdir", "tmpdir", "stagedir"):
            setattr(context, name, f"{self.folder}/cwltool/{name}")
        theirs = described(self.tool.probe(self.order, context), context)
        found = differences(ours, theirs)
        self.twins.found += [text for text in found if not _is_made_up(text)]

    def finish(self, outputs: Any) -> None:
        """Compares what the job gave; ``outputs`` is None where it failed."""
        if self.report is None:
            return
        ours = self.report.outputs if self.report.cause is None else None
        theirs = None if outputs is None else {short(name): value for name, value in outputs.items()}
        mine = _comparable(ours, f"{self.folder}/run/out")
        other = _comparable(theirs, Path(self.theirs.outdir).as_uri())
        if mine != other:
            self.twins.found.append(f"outputs {mine} ({self.report.message}), cwltool has {other}")


def _is_made_up(text: str) -> bool:
    """Returns whether a difference is only that of a made-up name."""
    mine, _, other = UNNAMED.sub("UNNAMED", text).partition(", cwltool has ")
    return mine.endswith(" is " + other)


def _comparable(value: Json, out: str) -> Json:
    """Returns outputs without what depends on where they are."""
    if isinstance(value, list):
        return [_comparable(each, out) for each in value]
    if not isinstance(value, dict):
        return plain(value)
    dropped = {"http://commonwl.org/cwltool#generation"}
    kept = {key: _comparable(each, out) for key, each in value.items() if key not in dropped}
    if value.get("class") not in ("File", "Directory"):
        return {key: each for key, each in kept.items() if each is not None}
    for key in ("location", "path", "dirname", "nameroot", "nameext"):
        kept.pop(key, None)
    if out in (value.get("path"), value.get("location")):
        kept["basename"] = "OUT"
    if not kept.get("secondaryFiles"):
        kept.pop("secondaryFiles", None)
    return {**kept, "basename": UNNAMED.sub("UNNAMED", kept["basename"])}
