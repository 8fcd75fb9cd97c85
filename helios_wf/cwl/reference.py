"""A tool run whole by cwltool, for what the compiler does not cover.

The runner starts ``python -m helios_wf.cwl.reference REQUEST`` in the place of the tool, so that time limits,
logs, accounting and cleaning up are the same; cwltool is imported in that process only.  The request and the
answer are JSON files beside the working directory.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from helios_wf.cwl.bindings import Scope
from helios_wf.cwl.command import Invocation, runtime_of
from helios_wf.cwl.docker import CONTAINER, container_of, plain
from helios_wf.cwl.files import Folders, Stage, to_location, to_path
from helios_wf.cwl.found import Finder
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.program import Program
from helios_wf.cwl.requirements import requirement
from helios_wf.errors import JobError
from helios_wf.model import Json, Resources
from helios_wf.processes import JOB_MARK, RUN_MARK
from helios_wf.states import Cause

if TYPE_CHECKING:
    from helios_wf.containers import Container, Engine

REQUEST = "reference.json"
ANSWER = "reference.answer.json"
TOOL = "reference.cwl"


class ReferenceProgram(Program):
    """A tool that cwltool runs."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        super().__init__(body)
        self._body = body

    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Writes the request, and returns how to start cwltool on it."""
        runtime = runtime_of(resources, folders)
        request = write_request(self._body, given, runtime, folders.directory)
        stage = Stage(folders)
        change_files(dict(given), lambda value: _note(value, stage))
        limit = (requirement(self._body, "ToolTimeLimit") or {}).get("timelimit")
        container = container_of(self._body)
        return Invocation(
            argv=[sys.executable, "-P", "-m", "helios_wf.cwl.reference", request],
            # engines keep images and passwords in the user's own home
            environment={"HOME": os.path.expanduser("~")} if container else {},
            stdin=None,
            stdout=None,
            stderr=None,
            time_limit_s=limit if isinstance(limit, int | float) and limit else None,
            scope=Scope(given, runtime),
            stage=stage,
            inherited=dict(os.environ),
            ending=_ending(container, folders) if container else (),
        )

    def exit_code(self, invocation: Invocation, code: int) -> int:
        """Returns the exit code of the tool that cwltool ran.

        Raises:
            JobError: cwltool could not run it.
        """
        if code < 0:
            return code
        try:
            answer = self._answer(invocation)
        except FileNotFoundError:
            raise JobError(Cause.NOT_STARTED, f"cwltool ended with {code} and left no answer") from None
        if answer.get("error") and not answer.get("exit_code") and answer.get("expression"):
            raise JobError(Cause.EXPRESSION, f"cwltool: {answer['expression']}")
        if answer.get("error") and not answer.get("exit_code"):
            cause = Cause.BAD_INPUT if answer.get("exit_code") is None else Cause.MISSING_OUTPUT
            raise JobError(cause, f"cwltool: {answer['error']}")
        return int(answer["exit_code"])

    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object that cwltool collected, checked as the compiler's own are."""
        outputs: dict[str, Json] = change_files(
            self._answer(invocation)["outputs"], Finder(invocation.stage).finish
        )
        return outputs

    def _answer(self, invocation: Invocation) -> dict[str, Any]:
        path = Path(invocation.stage.folders.directory, ANSWER)
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return answer


def write_request(
    body: Mapping[str, Json], given: Mapping[str, Json], runtime: Mapping[str, Json], directory: str
) -> str:
    """Writes what cwltool is to do with one job, and returns the path of the request."""
    Path(directory, TOOL).write_text(json.dumps(plain(body)), encoding="utf-8")
    request = Path(directory, REQUEST)
    inputs = change_files(dict(given), _bare)
    asked = {"inputs": inputs, "runtime": runtime, "container": body.get(CONTAINER)}
    request.write_text(json.dumps(asked), encoding="utf-8")
    return str(request)


def _ending(container: Container, folders: Folders) -> tuple[str, ...]:
    """Returns the command that ends the container that cwltool started."""
    if not container.engine.is_oci:
        return ()
    script = f'for id in "$0"/*.cid; do {container.engine.executable} rm --force "$(cat "$id")"; done'
    return ("/bin/sh", "-c", script, folders.directory)


def _note(value: dict[str, Json], stage: Stage) -> dict[str, Json]:
    if value.get("location") or value.get("path"):
        path = to_path(value.get("location") or value["path"])
        stage.sources[path] = path
    return value


def _bare(value: dict[str, Json]) -> dict[str, Json]:
    """Returns a File or Directory without what follows from its place: cwltool would stage it there."""
    bare = {key: each for key, each in value.items() if key not in ("dirname", "nameroot", "nameext")}
    path = bare.pop("path", None)
    if path is not None and "location" not in bare:
        bare["location"] = to_location(to_path(path))
    for key in ("secondaryFiles", "listing"):
        if bare.get(key):
            bare[key] = change_files(bare[key], _bare)
    return bare


def main(arguments: list[str]) -> None:
    """Runs the tool of a request through cwltool, and writes the answer beside it."""
    request = Path(arguments[0])
    asked = json.loads(request.read_text(encoding="utf-8"))
    answer = _run(request.with_name(TOOL), asked["inputs"], asked["runtime"], asked["container"])
    request.with_name(ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def _run(
    tool_path: Path, inputs: dict[str, Json], runtime: dict[str, Json], container: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns ``exit_code``, ``outputs`` and ``error`` of one run of a tool."""
    from cwltool.errors import WorkflowException
    from schema_salad.exceptions import SchemaSaladException

    from helios_wf.containers import Engine
    from helios_wf.cwl.quickjs_engine import install

    engine = install()
    answer: dict[str, Any] = {"exit_code": None, "outputs": {}, "error": None}
    try:
        tool, context = load_alone(tool_path, runtime)
        if container is not None:
            _contain(context, msgspec.convert(container["engine"], Engine), tool_path.parent)

        def finished(outputs: Any, status: str) -> None:
            answer["outputs"] = outputs or {}
            if status != "success" and answer["exit_code"] == 0:
                answer["error"] = f"{status}; its log has the reason"

        for job in tool.job(inputs, finished, context):
            _record(job, answer)
            job.run(context)
    except (WorkflowException, SchemaSaladException, OSError) as error:
        answer["error"] = str(error)
    if answer["error"]:
        answer["expression"] = engine.failure
    return answer


def _contain(context: Any, engine: Engine, folder: Path) -> None:
    """Lets cwltool run tools with an engine, in the words of its own options."""
    context.use_container = True
    # what cwltool tells podman, only one without root understands
    context.podman = engine.name == "podman" and "rootless" in engine.traits
    context.singularity = not engine.is_oci
    known = "podman" if context.podman else "docker" if engine.is_oci else "singularity"
    if engine.executable != known:
        # cwltool calls engines by these names
        shims = folder / "engine"
        shims.mkdir()
        (shims / known).symlink_to(shutil.which(engine.executable) or engine.executable)
        os.environ["PATH"] = f"{shims}{os.pathsep}{os.environ['PATH']}"
    # the image is there; and a container that outlives its process is found by these files
    context.pull_image = False
    context.cidfile_dir = str(folder)


def _record(job: Any, answer: dict[str, Any]) -> None:
    """Notes the tool's exit code when cwltool collects the outputs."""
    collect = job.collect_outputs

    def collecting(outdir: str, code: int) -> Any:
        answer["exit_code"] = code
        return collect(outdir, code)

    job.collect_outputs = collecting


def load_alone(path: Path, runtime: dict[str, Json]) -> tuple[Any, Any]:
    """Returns a tool as cwltool loads it, and the context to run it in."""
    import cwltool.workflow  # sets the default maker of tools
    from cwltool.context import LoadingContext, RuntimeContext
    from cwltool.load_tool import load_tool

    from helios_wf.cwl.strict import EXTENSIONS, know_extensions

    if EXTENSIONS in path.read_text(encoding="utf-8"):
        know_extensions()
    loading = LoadingContext({"disable_js_validation": True, "strict": False, "relax_path_checks": True})
    loading.construct_tool_object = cwltool.workflow.default_make_tool
    tool = load_tool(str(path), loading)
    resources = {name: runtime[name] for name in ("cores", "ram", "tmpdirSize", "outdirSize")}
    from threading import Condition

    context = RuntimeContext(
        {
            "outdir": runtime["outdir"],
            "tmpdir": runtime["tmpdir"],
            "basedir": str(path.parent),
            "use_container": False,
            "preserve_environment": [RUN_MARK, JOB_MARK],
            "rm_tmpdir": False,
            "toplevel": True,
            "workflow_eval_lock": Condition(),
            "select_resources": lambda asked, _: resources,
        }
    )
    return tool, context


if __name__ == "__main__":
    main(sys.argv[1:])
