"""The process in which JavaScript runs: ``python -m helios_wf.cwl.sandbox SECONDS``, for ``javascript``.

An expression is evaluated in one of two ways that give the same.  *Alone*: in a new context, thrown away
afterwards.  *Kept*: compiled once, in a context whose globals, prototypes and library are frozen, so that
nothing one evaluation does is there for the next.  Kept are expressions without a word that could tell the
two apart, whose library is nothing but functions; what fails there is evaluated once more, alone, and that
counts.

Lines in: ``D{id} {"code": ..., "library": [...]}`` (define), ``C{id}`` (compile),
``E{id} {"inputs": ..., "self": ..., "runtime": ...}`` (evaluate).  Lines out: empty for the first; for others
``=JSON``, ``!JSON`` of a message, ``?`` (out of time) or ``#`` (out of memory).
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, NamedTuple

import quickjs

from helios_wf.confined import serve
from helios_wf.cwl.limits import EXPRESSION_MB, SANDBOX_MB

KEPT_FOR = 20_000
"""Evaluations after which a kept context is made anew, for what hostile code may pile up in it."""

MOST_KEPT = 32

_STACK_BYTES = 1024 * 1024
_TELLTALE = re.compile(
    r"[Pp]rototype|__\w+__|constructor|[Ff]reeze|[Ff]rozen|[Ss]eal|xtensi|escriptor|defineProp|\\[ux]"
    r"|\b(?:this|globalThis|eval|Function|Reflect|Proxy|with|catch|finally|import|async|await|Promise|Symbol"
    r"|WeakRef|WeakMap|WeakSet|FinalizationRegistry|queueMicrotask|Error)\b"
)
"""Words of code that may see that its context is frozen, or outlive its evaluation."""

_GLOBALS = '"use strict";var inputs, self, runtime;'
_TAKE = "(function(text){var g=JSON.parse(text);inputs=g.inputs;self=g.self;runtime=g.runtime;})"
_RUN = """"use strict";(function(stringify, parse){return function(f){return function(text){
var g=parse(text);inputs=g.inputs;self=g.self;runtime=g.runtime;return stringify(f());};};})"""
_NEW_GLOBALS = (
    "JSON.stringify(Object.getOwnPropertyNames(globalThis).map(function(name){"
    "var v=globalThis[name];return [name, typeof v==='function' ? String(v) : null];}))"
)
_FREEZE = """"use strict";(function(){
  for (const name of ["stackTraceLimit", "prepareStackTrace"])
    Object.defineProperty(Error, name, {value: undefined, writable: false, configurable: false});
  const seen = new Set([inputs, self, runtime]);
  function walk(o) {
    if ((typeof o !== "object" && typeof o !== "function") || o === null || seen.has(o)) return;
    seen.add(o);
    walk(Object.getPrototypeOf(o));
    for (const key of Reflect.ownKeys(o)) {
      const d = Reflect.getOwnPropertyDescriptor(o, key);
      walk(d.value); walk(d.get); walk(d.set);
    }
    if (o !== globalThis) Object.freeze(o);
  }
  function* generator() {}
  async function later() {}
  async function* stream() {}
  const hidden = [generator, generator(), later, stream, stream(), [].values(), new Map().values(),
    new Set().values(), ""[Symbol.iterator](), "".matchAll(/a/g), [].values().map(String),
    Iterator.from({next() {}}), Iterator.concat ? Iterator.concat([]) : null,
    (function () { return arguments; })()];
  hidden.forEach(walk);
  walk(globalThis);
  for (const name of Object.getOwnPropertyNames(globalThis))
    if (name !== "inputs" && name !== "self" && name !== "runtime")
      Object.defineProperty(globalThis, name, {writable: false, configurable: false});
  Object.preventExtensions(globalThis);
})()"""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FRAME = re.compile(r"\n\s*at (.*)")
_AT = re.compile(r"<input>:(\d+):(\d+)")


class Script(NamedTuple):
    """An expression: what stands after the ``$``, brackets included, and its library."""

    code: str
    library: tuple[str, ...]

    @property
    def source(self) -> str:
        """A function expression that evaluates it; its lines are those of the expression."""
        body = self.code if self.code.startswith("{") else f"{{return {self.code}\n;}}"
        return f"(function(){body})"


class EvaluationError(Exception):
    """An evaluation failed: JavaScript's message, and the line that it names."""


class LimitError(EvaluationError):
    """It passed a limit, and may have left its context in disorder."""

    def __init__(self, message: str, out_of_time: bool) -> None:
        super().__init__(message)
        self.out_of_time = out_of_time


class Kept:
    """A frozen context with a library, and the functions compiled in it."""

    def __init__(self, library: tuple[str, ...], limit_s: float) -> None:
        self.uses = 0
        self.runs: dict[str, Any] = {}
        self._context = context = _context(limit_s)
        context.eval(_GLOBALS)
        before = {name for name, _ in json.loads(context.eval(_NEW_GLOBALS))}
        _load_library(context, library)
        functions = [source for name, source in json.loads(context.eval(_NEW_GLOBALS)) if name not in before]
        if not _only_functions(library, functions):
            raise ValueError("the library is more than functions")
        self._runner = context.eval(_RUN)(context.eval("JSON.stringify"), context.eval("JSON.parse"))
        self._text = context.eval("(function(f){return String(f)})")
        context.eval(_FREEZE)

    def compile(self, script: Script) -> None:
        """Compiles a script.

        Raises:
            ValueError: its text reaches out of the function that it is put in.
        """
        function = self._context.eval('"use strict";' + script.source)
        if self._text(function) != script.source[1:-1]:
            raise ValueError("the code is more than one function")
        self.runs[script.code] = self._runner(function)


class Sandbox:
    """Evaluates scripts, each within some seconds."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._kept: dict[tuple[str, ...], Kept] = {}
        self._alone: set[Script] = set()

    def evaluate(self, script: Script, given: str) -> str | None:
        """Returns the value of a script as JSON; None for what JSON does not have.

        Raises:
            EvaluationError: the code failed, or passed a limit.
        """
        kept = self.kept(script)
        if kept is None:
            return _alone(script, given, self._limit_s)
        kept.uses += 1
        if kept.uses >= KEPT_FOR:
            del self._kept[script.library]
        try:
            return _called(kept.runs[script.code], given)
        except LimitError as failure:
            self._kept.pop(script.library, None)
            if failure.out_of_time:
                raise
        except EvaluationError:
            pass
        value = _alone(script, given, self._limit_s)
        self._alone.add(script)
        return value

    def kept(self, script: Script) -> Kept | None:
        """Returns the context in which a script is compiled; None for one that is evaluated alone."""
        if script in self._alone:
            return None
        kept = self._kept.get(script.library)
        if kept is not None and script.code in kept.runs:
            return kept
        try:
            return self._compiled(script)
        except (EvaluationError, quickjs.JSException, quickjs.StackOverflow, ValueError):
            self._alone.add(script)
            return None

    def _compiled(self, script: Script) -> Kept:
        if any(_TELLTALE.search(text) for text in (script.code, *script.library)):
            raise ValueError("the code may tell that it is kept")
        # a context in which compiling fails is not used again
        kept = self._kept.pop(script.library, None) or Kept(script.library, self._limit_s)
        kept.compile(script)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[script.library] = kept
        return kept


def check(script: Script, limit_s: float) -> None:
    """Checks the syntax of a script.

    Raises:
        EvaluationError: it has none.
    """
    try:
        _context(limit_s).eval('"use strict";' + script.source)
    except (quickjs.JSException, quickjs.StackOverflow, MemoryError) as error:
        raise _failure(error, "it") from None


def _alone(script: Script, given: str, limit_s: float) -> str | None:
    """Evaluates in a new context."""
    context = _context(limit_s)
    context.eval(_GLOBALS)
    _called(context.eval(_TAKE), given)
    _load_library(context, script.library)
    try:
        function = context.eval('"use strict";(function(f){return JSON.stringify(f())})')
        code = context.eval('"use strict";' + script.source)
    except (quickjs.JSException, quickjs.StackOverflow, MemoryError) as error:
        raise _failure(error, "it") from None
    return _called(function, code)


def _called(function: Any, argument: Any) -> str | None:
    try:
        value: str | None = function(argument)
    except (quickjs.JSException, quickjs.StackOverflow, MemoryError, TypeError) as error:
        raise _failure(error, "it") from None
    return value


def _load_library(context: Any, library: tuple[str, ...]) -> None:
    for number, text in enumerate(library):
        try:
            context.eval(f'"use strict";{text}\n;undefined')
        except (quickjs.JSException, quickjs.StackOverflow, MemoryError) as error:
            raise _failure(error, f"expressionLib[{number}]") from None


def _only_functions(library: tuple[str, ...], functions: list[str | None]) -> bool:
    """Says whether the text of a library is that of its functions, each once, and nothing else."""
    rest = "\n".join(library)
    for source in functions:
        if source is None or source not in rest:
            return False
        rest = rest.replace(source, "", 1)
    return not _COMMENT.sub("", rest).strip(" \t\r\n;")


def _context(limit_s: float) -> Any:
    context = quickjs.Context()
    context.set_memory_limit(EXPRESSION_MB << 20)
    context.set_max_stack_size(_STACK_BYTES)
    context.set_time_limit(limit_s)
    return context


def _failure(error: Exception, what: str) -> EvaluationError:
    """Returns the failure that an exception of QuickJS stands for.

    Args:
        error: its text is the message, then the stack.
        what: the text that the stack's lines count in.
    """
    text = str(error)
    if "InternalError: interrupted" in text:
        return LimitError("it took too long", out_of_time=True)
    message = re.split(r"\n\s+at ", text, maxsplit=1)[0].strip().removesuffix("\nundefined")
    if isinstance(error, MemoryError) or "out of memory" in message or message in ("", "null"):
        return LimitError("it took too much memory", out_of_time=False)
    return EvaluationError(" ".join([*message.split(), *_where(text, what)]))


def _where(text: str, what: str) -> list[str]:
    """Returns the line that a stack begins with, and what it counts in."""
    for frame in _FRAME.findall(text):
        at = _AT.search(frame)
        if at:
            name = frame.partition(" (")[0]
            named = name != frame and not name.startswith("<")
            return [f"(line {at[1]}, in {name}())" if named else f"(line {at[1]} of {what})"]
    return []


def main(limit_s: float) -> None:
    """Serves until standard input ends."""
    sandbox = Sandbox(limit_s)
    scripts: dict[bytes, Script] = {}

    def answer(line: bytes) -> bytes:
        name, _, text = line[1:].partition(b" ")
        if line[:1] == b"D":
            given = json.loads(text)
            scripts[name] = Script(given["code"], tuple(given["library"]))
            return b""
        try:
            if line[:1] == b"C":
                check(scripts[name], limit_s)
                return b"=null"
            return b"=" + (sandbox.evaluate(scripts[name], text.decode()) or "null").encode()
        except LimitError as failure:
            return b"?" if failure.out_of_time else b"#"
        except EvaluationError as failure:
            return b"!" + json.dumps(str(failure)).encode()
        except MemoryError:
            return b"#"

    # QuickJS looks at its own limit first, and then nothing has to be started anew
    serve(answer, limit_s + 0.5, SANDBOX_MB)


if __name__ == "__main__":
    main(float(sys.argv[1]))
