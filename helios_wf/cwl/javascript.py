"""JavaScript in QuickJS: a fresh context for each evaluation, with limits of time and memory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

TIME_LIMIT_S = 20
MEMORY_LIMIT_BYTES = 256 * 1024 * 1024
STACK_LIMIT_BYTES = 1024 * 1024

_INPUTS_USE = re.compile(
    r"""\binputs\b(?:\s*\.\s*([A-Za-z_$][\w$]*)|\[\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\])?"""
)
_SEES_ALL = re.compile(r"\b(?:this|globalThis|eval|Function|constructor|with)\b|\\u")


def names_used(code: str, library: Sequence[str]) -> frozenset[str] | None:
    """Returns the names of the inputs that the code can see, or None when it may see them all."""
    names = set()
    for text in (code, *library):
        if _SEES_ALL.search(text):
            return None
        for use in _INPUTS_USE.finditer(text):
            name = use[1] or use[2] or use[3]
            if name is None:
                return None
            names.add(name)
    return frozenset(names)


def run_javascript(
    code: str,
    library: Sequence[str],
    inputs: Mapping[str, Json],
    self_value: Json,
    runtime: Mapping[str, Json],
) -> Json:
    """Returns the value of a CWL expression.

    Args:
        code: what stands after the ``$``: ``(EXPRESSION)`` or ``{STATEMENTS}``.
        library: the ``expressionLib`` of the InlineJavascriptRequirement.

    Raises:
        JobError: the code failed, or passed a limit; ``Cause.EXPRESSION``.
    """
    import quickjs

    context = quickjs.Context()
    context.set_memory_limit(MEMORY_LIMIT_BYTES)
    context.set_max_stack_size(STACK_LIMIT_BYTES)
    context.set_time_limit(TIME_LIMIT_S)
    body = code if code.startswith("{") else f"{{return ({code});}}"
    source = "\n".join(('"use strict";', *library, f"JSON.stringify((function(){body})())"))
    try:
        for name, value in (("inputs", inputs), ("self", self_value), ("runtime", runtime)):
            context.set(name, context.parse_json(json.dumps(value)))
        result = context.eval(source)
    except (quickjs.JSException, quickjs.StackOverflow, MemoryError) as error:
        raise JobError(Cause.EXPRESSION, _reason(error)) from None
    return None if result is None else json.loads(result)


def _reason(error: Exception) -> str:
    text = str(error).strip()
    if "interrupted" in text:
        return f"it took more than {TIME_LIMIT_S} s"
    if "out of memory" in text or not text or text == "null":
        return f"it needed more than {MEMORY_LIMIT_BYTES // 2**20} MiB of memory"
    return text.splitlines()[0]
