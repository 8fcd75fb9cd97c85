"""Outputs: what a tool left in its working directory, as a CWL output object.

Source: CWL v1.2 CommandLineTool, sections 4.2 (output binding) and 5.2 (cwl.output.json).
"""

from __future__ import annotations

import glob
import json
import locale
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from helios_wf.cwl.bindings import Scope
from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import Expression, compile_expression
from helios_wf.cwl.files import contents, is_file_or_directory, listing, secondary_name
from helios_wf.cwl.found import Finder
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.requirements import requirement
from helios_wf.cwl.schema import Port, Type, as_list, fits, show
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

if TYPE_CHECKING:
    from helios_wf.cwl.command import CompiledTool, Invocation


class Collection:
    """The outputs of a tool, compiled."""

    def __init__(self, tool: CompiledTool) -> None:
        self._outputs = [_Output(port, tool) for port in tool.outputs]

    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object of a job whose tool has succeeded.

        Files have ``location``, ``path``, ``basename``, ``nameroot``, ``nameext``, ``size`` and ``checksum``.

        Raises:
            JobError: a required output is missing or does not fit its type (``Cause.MISSING_OUTPUT``), leads
                out of the directory (``Cause.UNSAFE_OUTPUT``), or an expression failed.
        """
        finder = Finder(invocation.stage)
        scope = Scope(invocation.scope.inputs, {**invocation.scope.runtime, "exitCode": exit_code})
        written = os.path.join(finder.out, "cwl.output.json")
        if os.path.lexists(written):
            return self._written(written, finder)
        found = {}
        for output in self._outputs:
            value = change_files(output.collect(scope, invocation, finder), finder.finish)
            found[output.name] = output.checked(value, finder)
        return found

    def _written(self, path: str, finder: Finder) -> dict[str, Json]:
        """Returns the output object that the tool wrote itself."""
        finder.check(path)
        with open(path, "rb") as file:
            try:
                given = json.load(file)
            except ValueError as error:
                raise JobError(Cause.MISSING_OUTPUT, f"cwl.output.json is no JSON: {error}") from None
        if not isinstance(given, dict):
            raise JobError(Cause.MISSING_OUTPUT, f"cwl.output.json must hold an object; it is {show(given)}")
        found: dict[str, Json] = change_files(given, finder.finish)
        checked = {output.name: output.checked(found.get(output.name), finder) for output in self._outputs}
        return {**found, **checked}


class _Output:
    """One output, or the field of a record, compiled."""

    def __init__(self, port: Port, tool: CompiledTool) -> None:
        self.name = port.name
        self._type = port.type
        self._stream = port.type.kind if port.type.kind in ("stdout", "stderr") else None
        self._bound = "outputBinding" in port.given or self._stream is not None
        binding = port.given.get("outputBinding") or {}
        javascript = tool.javascript
        self._globs = [compile_expression(each, javascript) for each in as_list(binding.get("glob") or [])]
        self._eval: Expression | None = None
        if binding.get("outputEval") is not None:
            self._eval = compile_expression(binding["outputEval"], javascript)
        required = requirement(tool.body, "LoadListingRequirement") or {}
        self._listing = binding.get("loadListing") or required.get("loadListing") or "no_listing"
        self._loads = bool(binding.get("loadContents"))
        self._secondary = [_Secondary(each, tool) for each in as_list(port.given.get("secondaryFiles") or [])]
        self._format = (
            compile_expression(port.given["format"], javascript) if port.given.get("format") else None
        )
        self._fields = [_Output(field, tool) for field in port.type.fields]

    def collect(self, scope: Scope, invocation: Invocation, finder: Finder) -> Json:
        """Returns the output's value; its Files are not checked or summed yet."""
        if not self._bound:
            if self._type.kind == "record":
                return {field.name: field.collect(scope, invocation, finder) for field in self._fields}
            return None
        patterns = self._patterns(scope, invocation)
        value: Json = [self._seen(path, finder) for pattern in patterns for path in _matches(pattern, finder)]
        if self._eval is not None:
            value = self._eval(scope.inputs, value, scope.runtime)
        value = self._single(value, patterns, finder)
        for each in as_list(value) if value is not None else ():
            if is_file_or_directory(each):
                self._add(each, scope, finder)
        if self._type.optional and isinstance(value, list) and not value:
            return None
        return value

    def checked(self, value: Json, finder: Finder) -> Json:
        """Returns the value, if it fits the output's type."""
        if fits(self._type, value) or (value is None and self._type.kind == "Any"):
            return value
        if value is None:
            raise self._missing([], finder)
        raise JobError(
            Cause.MISSING_OUTPUT, f"output {self.name!r} must be {self._type}; it is {show(value)}"
        )

    def _patterns(self, scope: Scope, invocation: Invocation) -> list[str]:
        if self._stream is not None:
            return [glob.escape(str(getattr(invocation, self._stream)))]
        patterns: list[str] = []
        for expression in self._globs:
            value = expression(scope.inputs, None, scope.runtime)
            for each in as_list(value) if value else ():
                if not isinstance(each, str):
                    raise JobError(
                        Cause.EXPRESSION, f"the glob of output {self.name!r} must be text; it is {show(each)}"
                    )
                patterns.append(each)
        return patterns

    def _seen(self, path: str, finder: Finder) -> dict[str, Json]:
        """Returns a match as ``outputEval`` sees it."""
        found = finder.see(path)
        if found["class"] == "Directory":
            if self._listing != "no_listing":
                found["listing"] = listing(path, self._listing == "deep_listing")
        elif self._loads:
            found["contents"] = contents(path, self.name)
        return found

    def _single(self, value: Json, patterns: list[str], finder: Finder) -> Json:
        """Returns the one match of an output that is one File or Directory."""
        if not _one_file(self._type) or not (value is None or isinstance(value, list)):
            return value
        if not value:
            if self._type.optional:
                return None
            raise self._missing(patterns, finder)
        if len(value) > 1:
            if any(each.kind == "array" for each in self._type.alternatives):
                return value
            several = f"{len(value)}: " + ", ".join(str(each.get("basename")) for each in value[:5])
            raise JobError(
                Cause.MISSING_OUTPUT,
                f"output {self.name!r} is one {self._type}; {_quoted(patterns)} matches {several}",
            )
        return value[0]

    def _add(self, value: dict[str, Json], scope: Scope, finder: Finder) -> None:
        """Adds secondary files and the format to a File."""
        for each in self._secondary:
            found = each.find(value, scope, finder, self.name)
            if found:
                value.setdefault("secondaryFiles", []).extend(found)
        if self._format is not None and value["class"] == "File":
            value["format"] = self._format(scope.inputs, value, scope.runtime)

    def _missing(self, patterns: list[str], finder: Finder) -> JobError:
        looked = f"nothing matches {_quoted(patterns)}" if patterns else "the tool gave none"
        return JobError(
            Cause.MISSING_OUTPUT,
            f"output {self.name!r} ({self._type}) is missing: {looked} in {finder.out}; {finder.contents()}",
        )


class _Secondary:
    """One entry of an output's ``secondaryFiles``, compiled."""

    def __init__(self, given: Json, tool: CompiledTool) -> None:
        entry = given if isinstance(given, Mapping) else {"pattern": given.removesuffix("?")}
        self._pattern = entry["pattern"]
        self._expression = (
            compile_expression(self._pattern, tool.javascript) if is_expression(self._pattern) else None
        )
        required = entry.get("required")
        self._required = (
            compile_expression(required, tool.javascript) if isinstance(required, str) else required
        )

    def find(
        self, primary: dict[str, Json], scope: Scope, finder: Finder, output: str
    ) -> list[dict[str, Json]]:
        """Returns the secondary files of a File that are there.

        Raises:
            JobError: a required one is not.
        """
        if self._expression is None:
            wanted = [secondary_name(primary["basename"], self._pattern)]
        else:
            wanted = as_list(self._expression(scope.inputs, primary, scope.runtime))  # type: ignore[assignment]
        found = []
        for each in wanted:
            if not each:
                continue
            value = dict(each) if isinstance(each, Mapping) else None
            path = finder.path_of(value) if value else os.path.join(os.path.dirname(primary["path"]), each)
            if os.path.exists(path):
                found.append(finder.see(path) | (value or {}))
            elif self._is_required(primary, scope):
                raise JobError(
                    Cause.MISSING_OUTPUT,
                    f"output {output!r}: the secondary file {os.path.basename(path)!r} of "
                    f"{primary['basename']!r} is missing; {finder.contents()}",
                )
        return found

    def _is_required(self, primary: dict[str, Json], scope: Scope) -> bool:
        if callable(self._required):
            return bool(self._required(scope.inputs, primary, scope.runtime))
        return bool(self._required)


def _one_file(kind: Type) -> bool:
    if kind.kind in ("File", "Directory", "stdout", "stderr"):
        return True
    return any(each.kind in ("File", "Directory") for each in kind.alternatives)


def _quoted(patterns: list[str]) -> str:
    return " or ".join(repr(each) for each in patterns) or "no glob"


def _matches(pattern: str, finder: Finder) -> list[str]:
    """Returns the paths below the working directory that match, in order.

    Raises:
        JobError: the pattern leads out of the working directory.
    """
    pattern = finder.host(pattern)
    if pattern == finder.out or pattern.startswith(finder.out + "/"):
        pattern = pattern[len(finder.out) + 1 :] or "."
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise JobError(Cause.UNSAFE_OUTPUT, f"the glob {pattern!r} leads out of the working directory")
    if pattern in (".", "./"):
        return [finder.out]
    if not glob.has_magic(pattern):
        path = os.path.join(finder.out, os.path.normpath(pattern))
        return [path] if os.path.lexists(path) else []
    escaped = glob.escape(finder.out)
    return sorted(glob.glob(f"{escaped}/{os.path.normpath(pattern)}"), key=locale.strxfrm)
