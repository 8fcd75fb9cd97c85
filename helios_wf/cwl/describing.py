"""How cwltool would run one job: ``python -m helios_wf.cwl.describing REQUEST``.

The request is that of the reference way; nothing is run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from helios_wf.cwl.comparison import Description, Places, files_in, literal, real
from helios_wf.cwl.reference import ANSWER, TOOL, load_alone


class Answer(msgspec.Struct):
    """How cwltool would run a job, or the error for which it would not."""

    description: Description | None = None
    error: str = ""


def main(arguments: list[str]) -> None:
    """Describes the job of a request, and writes the answer beside it."""
    request = Path(arguments[0])
    asked = json.loads(request.read_text(encoding="utf-8"))
    answer = _answer(request.with_name(TOOL), asked["inputs"], asked["runtime"])
    request.with_name(ANSWER).write_bytes(msgspec.json.encode(answer))


def _answer(path: Path, inputs: dict[str, Any], runtime: dict[str, Any]) -> Answer:
    from cwltool.errors import WorkflowException
    from schema_salad.exceptions import SchemaSaladException

    from helios_wf.cwl.quickjs_engine import install

    install()
    try:
        tool, context = load_alone(path, runtime)
        (job,) = tool.job(inputs, lambda *_: None, context)
        return Answer(described(job, context))
    except (WorkflowException, SchemaSaladException, OSError) as error:
        return Answer(error=str(error))


def described(job: Any, context: Any) -> Description:
    """Returns how cwltool would run a job; what belongs into its working directory is put there.

    Args:
        job: as ``CommandLineTool.job`` of cwltool yields it.
        context: the runtime context that it was made in.
    """
    entries = [entry for _, entry in job.pathmapper.items() if not entry.target.startswith(job.outdir + "/")]
    places = Places(job.outdir, job.tmpdir, {entry.target: _written(entry) for entry in entries})
    _lay(job, context)
    own = {"HOME": job.outdir, "TMPDIR": job.tmpdir, "PATH": os.environ.get("PATH")}
    environment = {name: value for name, value in job.environment.items() if own.get(name) != value}
    # cwltool's texts may be ruamel's
    return Description(
        argv=[places.plain(str(word)) for word in job.command_line],
        environment={str(name): places.plain(str(value)) for name, value in environment.items()},
        stdin=places.plain(str(job.stdin)) if job.stdin else None,
        stdout=str(job.stdout) if job.stdout else None,
        stderr=str(job.stderr) if job.stderr else None,
        time_limit_s=job.timelimit,
        files=files_in(job.outdir, places),
    )


def _lay(job: Any, context: Any) -> None:
    """Stages inputs and initial working directory as cwltool does before it starts a tool."""
    from cwltool.job import relink_initialworkdir
    from cwltool.process import stage_files

    Path(job.outdir).mkdir(parents=True, exist_ok=True)
    stage_files(job.pathmapper, ignore_writable=True, symlink=True)
    if "listing" in job.generatefiles:
        inside = job.builder.outdir
        mapper = job.make_path_mapper(job.generatefiles["listing"], inside, context, False)
        stage_files(mapper, ignore_writable=job.inplace_update, symlink=True)
        relink_initialworkdir(mapper, job.outdir, inside, inplace_update=job.inplace_update)


def _written(entry: Any) -> str:
    """Returns how a path of cwltool's is written."""
    if entry.type in ("CreateFile", "CreateWritableFile"):
        return literal(entry.resolved)
    return literal(None) if entry.resolved.startswith("_:") else real(entry.resolved)


if __name__ == "__main__":
    main(sys.argv[1:])
