"""A CommandLineTool compiled: from inputs to command line, environment, streams and staged files.

A tool is compiled once and run for many jobs; what the compiler does not cover, ``reference`` runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from helios_wf.cwl.bindings import CommandLine, Scope
from helios_wf.cwl.docker import DOCKER, container_of
from helios_wf.cwl.expression_text import modernise
from helios_wf.cwl.expressions import Expression, Javascript, compile_expression, scripts_in
from helios_wf.cwl.files import Folders, Stage
from helios_wf.cwl.inputs import Inputs
from helios_wf.cwl.requirements import CUDA, entries, javascript_of, pairs, requirement, version_of
from helios_wf.cwl.schema import Types, UncoveredError, show
from helios_wf.cwl.workdir import WorkDirectory
from helios_wf.errors import JobError
from helios_wf.model import Json, Resources
from helios_wf.states import Cause

IN_PLACE = "InplaceUpdateRequirement"
MPI = "http://commonwl.org/cwltool#MPIRequirement"

COVERED = frozenset(
    {
        IN_PLACE,
        "InlineJavascriptRequirement",
        "SchemaDefRequirement",
        "ShellCommandRequirement",
        "EnvVarRequirement",
        "InitialWorkDirRequirement",
        "ResourceRequirement",
        "ToolTimeLimit",
        "LoadListingRequirement",
        "SoftwareRequirement",
        "WorkReuse",
        "NetworkAccess",
        DOCKER,
        "SubworkflowFeatureRequirement",
        "ScatterFeatureRequirement",
        "MultipleInputFeatureRequirement",
        "StepInputExpressionRequirement",
        CUDA,
    }
)
"""Requirements that the compiler knows, or that say nothing about how a tool is run."""

STDOUT_NAME = "stdout.txt"
STDERR_NAME = "stderr.txt"
"""Files of outputs of type ``stdout`` and ``stderr`` where the tool names none."""


class Invocation(NamedTuple):
    """How to run a tool for one job.

    ``stdin`` is a path, ``stdout`` and ``stderr`` are names below the working directory (None: to a log).
    ``environment`` holds only what the tool sets.  ``time_limit_s`` 0 or None means none.
    """

    argv: list[str]
    environment: dict[str, str]
    stdin: str | None
    stdout: str | None
    stderr: str | None
    time_limit_s: float | None
    scope: Scope
    stage: Stage
    inherited: Mapping[str, str] = {}
    """Environment that the process takes over from the worker."""
    ending: tuple[str, ...] = ()
    """Command that ends what would live on when the process is killed: its container."""
    differences: tuple[str, ...] = ()
    """In what the compiler and cwltool differ for this job, where they were compared; cwltool runs it."""


class CompiledTool:
    """A tool as functions of a job's inputs.

    Raises:
        UncoveredError: the tool needs something that is not compiled.
        JobError: an expression is malformed.
    """

    def __init__(self, body: Mapping[str, Json]) -> None:
        _refuse(body)
        if version_of(body) in ("v1.0", "v1.1"):
            body = modernise(body)
        self.body = body
        self._container = container_of(body)
        self.javascript = javascript_of(body)
        types = Types(body)
        ports = types.ports(body.get("inputs"))
        self.outputs = types.ports(body.get("outputs"))
        self._inputs = Inputs(body, ports, self.javascript)
        self._shell = requirement(body, "ShellCommandRequirement") is not None
        self._line = CommandLine(body, ports, self.javascript, self._shell)
        workdir = requirement(body, "InitialWorkDirRequirement")
        in_place = bool((requirement(body, IN_PLACE) or {}).get("inplaceUpdate"))
        if in_place and self._container is not None:
            raise UncoveredError("an InplaceUpdateRequirement in a container is not compiled")
        self._workdir = None if workdir is None else WorkDirectory(workdir, self.javascript, in_place)
        stdin = next((f"$(inputs[{port.name!r}].path)" for port in ports if port.type.kind == "stdin"), None)
        self._streams = _streams(body, self.outputs, stdin, self.javascript)
        self._environment = _environment(body, self.javascript)
        limit = requirement(body, "ToolTimeLimit")
        self._time_limit = None if limit is None else _compiled(limit.get("timelimit"), self.javascript)

    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Stages the inputs of a job and returns how to run the tool on them.

        Raises:
            JobError: an input does not fit or is not there, or an expression failed.
        """
        stage = Stage(folders)
        runtime = runtime_of(resources, folders)
        if self._container is not None:
            stage.workdir = runtime["outdir"] = self._container.workdir or folders.out
            stage.takes_absolute = self._container.is_required
        scope = Scope(self._inputs.prepare(given, stage), runtime)
        if self._workdir is not None:
            scope = Scope(self._workdir.lay(scope, stage), scope.runtime)
        words = self._line.words(scope)
        if not words and self._container is None:
            raise JobError(
                Cause.NOT_STARTED, "the command line is empty; a tool needs a baseCommand or arguments"
            )
        stdin, stdout, stderr = (_stream(name, expression, scope) for name, expression in self._streams)
        return Invocation(
            argv=["/bin/sh", "-c", " ".join(words)] if self._shell else words,
            environment=_texts(self._environment, scope),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            time_limit_s=self._limit(scope),
            scope=scope,
            stage=stage,
        )

    def _limit(self, scope: Scope) -> float | None:
        if self._time_limit is None:
            return None
        limit = self._time_limit(scope.inputs, None, scope.runtime)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
            raise JobError(
                Cause.EXPRESSION, f"timelimit must be a number of seconds, 0 or more; it is {show(limit)}"
            )
        return limit or None


def way_of(body: Mapping[str, Json]) -> tuple[str, str]:
    """Returns how a tool is run, and why.

    ``compiled``, ``compiled with JavaScript`` or ``reference``; ``unsupported`` where an expression is none.
    """
    try:
        tool = CompiledTool(body)
        from helios_wf.cwl.collect import Collection

        Collection(tool)
    except UncoveredError as error:
        return "reference", str(error)
    except JobError as error:
        return "unsupported", str(error)
    scripts = [] if tool.javascript is None else list(scripts_in(tool.body))
    if not scripts:
        return "compiled", ""
    more = f" and {len(scripts) - 1} more" if len(scripts) > 1 else ""
    return "compiled with JavaScript", f"it has to evaluate {show(scripts[0])}{more}"


def runtime_of(resources: Resources, folders: Folders) -> dict[str, Json]:
    """Returns what expressions see as ``runtime``."""
    runtime: dict[str, Json] = {
        "cores": math.ceil(resources.cores),
        "ram": math.ceil(resources.ram_mb),
        "tmpdirSize": math.ceil(resources.tmpdir_mb),
        "outdirSize": math.ceil(resources.outdir_mb),
        "outdir": folders.out,
        "tmpdir": folders.tmp,
    }
    if resources.gpus:
        runtime["cudaDeviceCount"] = resources.gpus
    return runtime


def _refuse(body: Mapping[str, Json]) -> None:
    for entry in entries(body, "requirements"):
        if entry["class"] not in COVERED:
            raise UncoveredError(f"{entry['class']} is not compiled")
    if requirement(body, MPI):
        raise UncoveredError(f"{MPI} is not compiled")


def _compiled(value: Json, javascript: Javascript) -> Expression:
    if isinstance(value, str):
        return compile_expression(value, javascript)
    return lambda inputs, self_value, runtime: value


def _streams(
    body: Mapping[str, Json], outputs: Any, stdin: str | None, javascript: Javascript
) -> list[tuple[str, Expression | None]]:
    kinds = {port.type.kind for port in outputs}
    given = {
        "stdin": body.get("stdin") or stdin,
        "stdout": body.get("stdout") or (STDOUT_NAME if "stdout" in kinds else None),
        "stderr": body.get("stderr") or (STDERR_NAME if "stderr" in kinds else None),
    }
    return [
        (name, None if text is None else compile_expression(text, javascript)) for name, text in given.items()
    ]


def _stream(name: str, expression: Expression | None, scope: Scope) -> str | None:
    if expression is None:
        return None
    value = expression(scope.inputs, None, scope.runtime)
    if name == "stdin" and (value is None or isinstance(value, str)):
        return value
    if not isinstance(value, str) or not value:
        raise JobError(Cause.EXPRESSION, f"{name} must be the name of a file; it is {show(value)}")
    if os.path.isabs(value) or ".." in value.split("/"):
        raise JobError(Cause.EXPRESSION, f"{name} must lie in the working directory; it is {value!r}")
    return value


def _environment(body: Mapping[str, Json], javascript: Javascript) -> dict[str, Expression]:
    found = requirement(body, "EnvVarRequirement") or {}
    entries_ = pairs(found.get("envDef"), "envName", "envValue")
    return {each["envName"]: _compiled(each["envValue"], javascript) for each in entries_}


def _texts(environment: Mapping[str, Expression], scope: Scope) -> dict[str, str]:
    texts = {}
    for name, expression in environment.items():
        value = expression(scope.inputs, None, scope.runtime)
        if not isinstance(value, str):
            raise JobError(
                Cause.EXPRESSION, f"the environment variable {name} must be text; it is {show(value)}"
            )
        texts[name] = value
    return texts
