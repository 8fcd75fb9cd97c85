"""JavaScript of expressions: what it uses, and how the sandbox, a process beside this one, is asked for it.

Work that evaluates is a generator that yields ``Call``s and is sent their values, so that the calls of many
jobs travel together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from helios_wf.confined import Confined, DiedError
from helios_wf.cwl.limits import EXPRESSION_MB, EXPRESSION_SECONDS, expression_s
from helios_wf.errors import JobError
from helios_wf.model import Json

T = TypeVar("T")


class Script(NamedTuple):
    """JavaScript code: what stands after the ``$``, ``(EXPRESSION)`` or ``{STATEMENTS}``, and its library."""

    code: str
    library: tuple[str, ...] = ()


class Call(NamedTuple):
    """An evaluation of a script."""

    script: Script
    inputs: Mapping[str, Json] = {}
    self_value: Json = None
    runtime: Mapping[str, Json] = {}
    only_compile: bool = False
    """Whether its syntax is all that is asked for."""


class JavascriptError(Exception):
    """JavaScript failed; says why."""


class PassedLimitError(JavascriptError):
    """It passed a limit of time or memory."""


class Later(Enum):
    """Stands for the outcome of work that was not done."""

    LATER = "later"


LATER: Final = Later.LATER

_GREEDY = PassedLimitError(f"it needed more than {EXPRESSION_MB} MiB of memory")

Work: TypeAlias = Generator[Call, Json, T]

_INPUTS_USE = re.compile(
    r"""\binputs\b(?:\s*(?:\?\s*)?\.\s*([A-Za-z_$][\w$]*)|\s*\[\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\])?"""
)
_SEES_ALL = re.compile(r"\b(?:this|globalThis|eval|Function|constructor|with)\b|\\u|\\x")


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


def uses(word: str, code: str, library: Sequence[str]) -> bool:
    """Says whether the code may see a global name such as ``self``."""
    return any(re.search(rf"\b{word}\b", text) or _SEES_ALL.search(text) for text in (code, *library))


class Sandbox:
    """The process that evaluates, and which scripts it was told."""

    def __init__(self, limit_s: float, hint: str = "") -> None:
        """Takes the processor time of one call, and what to say where that is passed."""
        self.process = Confined("helios_wf.cwl.sandbox", limit_s)
        self._late = PassedLimitError(f"it took more than {limit_s:g} s of processor time{hint}")
        self._generation = 0
        self._known: dict[Script, int] = {}

    def run(self, calls: Sequence[Call]) -> Iterator[Json | JavascriptError]:
        """Yields what each call gives, in order; ends early after one that ran out of time.

        A call over which the process died is tried once more: something else may have ended it.
        """
        n_done = 0
        died_at = -1
        while n_done < len(calls):
            try:
                for answer in self.process.ask(self._lines(calls[n_done:])):
                    if answer[:1] == b"?":
                        yield self._late
                        return
                    if answer:
                        n_done += 1
                        yield _GREEDY if answer == b"#" else _value(answer)
            except DiedError as died:
                if died.out_of_time:
                    yield self._late
                    return
                if died_at == n_done:
                    yield JavascriptError(f"QuickJS failed: {died}")
                    n_done += 1
                else:
                    died_at = n_done

    def _lines(self, calls: Sequence[Call]) -> Iterator[bytes]:
        """Yields the requests of calls, each script before its first call."""
        generation = self.process.start()
        if generation != self._generation:
            self._generation, self._known = generation, {}
        for call in calls:
            script = call.script
            number = self._known.get(script)
            if number is None:
                number = self._known[script] = len(self._known)
                told = {"code": script.code, "library": script.library}
                yield b"D%d %b" % (number, msgspec.json.encode(told))
            if call.only_compile:
                yield b"C%d " % number
                continue
            given = {"inputs": call.inputs, "self": call.self_value, "runtime": call.runtime}
            yield b"E%d %b" % (number, msgspec.json.encode(given))


@lru_cache
def _sandbox(limit_s: float) -> Sandbox:
    return Sandbox(limit_s, f"; {EXPRESSION_SECONDS} sets another limit")


def _value(answer: bytes) -> Json | JavascriptError:
    value: Json = json.loads(answer[1:])
    return value if answer[:1] == b"=" else JavascriptError(value)


def run(call: Call) -> Json:
    """Returns the value of one call.

    Raises:
        JavascriptError: the code failed, or passed a limit.
    """
    (value,) = _sandbox(expression_s()).run([call])
    if isinstance(value, JavascriptError):
        raise value
    return value


def complete(work: Work[T]) -> T:
    """Returns what some work gives; its calls are run one by one."""
    try:
        call = next(work)
        while True:
            try:
                value = run(call)
            except JavascriptError as error:
                call = work.throw(error)
            else:
                call = work.send(value)
    except StopIteration as end:
        result: T = end.value
        return result


def complete_all(works: Sequence[Work[T]]) -> list[T | JobError | Later]:
    """Returns what works give, or the error of each that failed; the calls of all are run together.

    After a call that ran out of time no further ones are run: what needs them is left for ``LATER``, so that
    many such calls do not keep their caller for as many times the limit.
    """
    outcomes: list[T | JobError | Later] = [LATER] * len(works)
    waiting: list[tuple[int, Call]] = []

    def advance(number: int, value: Json | JavascriptError) -> None:
        work = works[number]
        try:
            call = work.throw(value) if isinstance(value, JavascriptError) else work.send(value)
        except StopIteration as end:
            outcomes[number] = end.value
        except JobError as error:
            outcomes[number] = error
        else:
            waiting.append((number, call))

    for number in range(len(works)):
        advance(number, None)
    while waiting:
        asked, waiting = waiting, []
        values = list(_sandbox(expression_s()).run([call for _, call in asked]))
        for (number, _), value in zip(asked, values, strict=False):
            advance(number, value)
        if len(values) < len(asked):
            break
    return outcomes
