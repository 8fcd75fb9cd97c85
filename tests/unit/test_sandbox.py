"""JavaScript in its sandbox: no evaluation sees another, limits hold, and crashes cost one call."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from helios_wf.confined import Confined
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.javascript import LATER, Call, JavascriptError, Sandbox, Script, complete_all
from helios_wf.cwl.sandbox import EvaluationError, Kept
from helios_wf.cwl.sandbox import Sandbox as Evaluator
from helios_wf.cwl.sandbox import Script as Source
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(1.0)
    yield made
    made.process.close()


def value(sandbox: Sandbox, code: str, *library: str, **inputs: Json) -> Json:
    (found,) = sandbox.run([Call(Script(code, library), inputs)])
    if isinstance(found, JavascriptError):
        raise found
    return found


MARKS = [
    ("{globalThis.x = 1; return 1;}", "(typeof x)"),
    ("{Array.prototype.map = 7; return 1;}", "(typeof [].map)"),
    ('{[]["con" + "structor"]["proto" + "type"].mark = 7; return 1;}', "(typeof [].mark)"),
    ("{inputs.__proto__.mark = 7; return 1;}", "(typeof {}.mark)"),
    ('{inputs["__pro" + "to__"].mark = 7; return 1;}', "(typeof {}.mark)"),
    ("{Object.prototype.mark = 7; return 1;}", "(typeof {}.mark)"),
    ('{[].values()["__pro" + "to__"].mark = 7; return 1;}', '(typeof [].values()["mark"])'),
    (
        '{(function* () {})["__pro" + "to__"].mark = 7; return 1;}',
        '(typeof (function* () {})["mark"])',
    ),
    ("{Math.max = 7; return 1;}", "(typeof Math.max)"),
    ("{JSON.stringify = 7; return 1;}", "(typeof JSON.stringify)"),
    ('{Error["prepare" + "StackTrace"] = 7; return 1;}', '(typeof Error["prepare" + "StackTrace"])'),
    ('{[]["con" + "structor"]["con" + "structor"]("mark = 1")(); return 1;}', "(typeof mark)"),
    ("{inputs = 7; return 1;}", "(typeof inputs)"),
    ("{self = 7; return 1;}", "(typeof self)"),
    ("(1)}); let mark = 7; (function () {return (1)", "(typeof mark)"),
]


@pytest.mark.parametrize(("marks", "sees"), MARKS)
def test_an_evaluation_does_not_see_what_another_did(sandbox: Sandbox, marks: str, sees: str) -> None:
    before = value(sandbox, sees, a=1)
    assert value(sandbox, marks, a=1) == 1
    assert value(sandbox, sees, a=1) == before
    assert value(sandbox, sees.replace("(", "(  ", 1), a=1) == before


@pytest.mark.parametrize(
    ("library", "code"),
    [
        ("var n = 0; function next() { return ++n; }", "(next())"),
        ("let n = 0; function next() { return ++n; }", "(next())"),
        ("var o = {n: 0};", "(++o.n)"),
        ("var next = (function () { var n = 0; return function () { return ++n; }; })();", "(next())"),
        ("globalThis.n = 0;", "(++n)"),
        ("function next() { return next.n = (next.n || 0) + 1; }", "(next())"),
        ("function next() { if (typeof n == 'undefined') globalThis.n = 0; return ++n; }", "(next())"),
    ],
)
def test_a_library_begins_anew_with_each_evaluation(sandbox: Sandbox, library: str, code: str) -> None:
    assert [value(sandbox, code, library) for _ in range(3)] == [1, 1, 1]


def test_the_same_code_with_state_begins_anew(sandbox: Sandbox) -> None:
    code = "0)}), (function () {var n = 0; return function () {return ++n}})(), (function () {return (1"
    for text in (code, "{" + code, f"({code})"):
        found = list(sandbox.run([Call(Script(text))] * 3))
        assert len({str(one) for one in found}) == 1


PLAIN = [
    "(inputs.n + 1)",
    "{var s = 0; for (var i = 0; i < inputs.n; i++) s += i; return s;}",
    "({class: 'File', basename: inputs.t.replace(/a/g, 'b')})",
    "(inputs.list.map(function (x) { return x * 2; }))",
    "(twice(inputs.n))",
    "{inputs.n = 9; return inputs;}",
    "{var o = {}; o.toString = function () { return 'o'; }; return '' + o;}",
    "(undefined)",
    "(0 / 0)",
    "(inputs.gone.x)",
    "{throw 'text';}",
    "(new Date(0))",
    "([...inputs.list].sort().reverse())",
    "(Object.keys(inputs).length)",
    "{const [a, ...rest] = inputs.list; return {a, rest};}",
]


@pytest.mark.parametrize("code", PLAIN)
def test_what_is_kept_and_what_is_made_anew_give_the_same(code: str) -> None:
    library = ("// says it twice\nfunction twice(x) { return 2 * x; }\n",)
    given = json.dumps({"inputs": {"n": 3, "t": "banana", "list": [3, 1, 2]}, "self": None, "runtime": {}})

    def outcome(evaluator: Evaluator, script: Source) -> str:
        try:
            return str(evaluator.evaluate(script, given))
        except EvaluationError as error:
            return f"failed: {error}"

    kept, anew = Evaluator(5.0), Evaluator(5.0)
    script = Source(code, library)
    # a word that only a context of its own may have
    other = Source(code, (*library, "function never() { return this; }"))
    assert outcome(kept, script) == outcome(kept, script) == outcome(anew, other)


def test_plain_code_is_compiled_once_and_code_that_could_tell_is_not_kept() -> None:
    evaluator = Evaluator(5.0)
    given = json.dumps({"inputs": {"n": 3}, "self": None, "runtime": {}})
    plain = Source("(inputs.n + 1)", ())
    for _ in range(3):
        assert evaluator.evaluate(plain, given) == "4"
    kept = evaluator.kept(plain)
    assert isinstance(kept, Kept)
    assert kept.uses == 3
    telling = Source("(Object.isFrozen(Math))", ())
    assert evaluator.evaluate(telling, given) == "false"
    assert evaluator.kept(telling) is None


@pytest.mark.parametrize(
    ("code", "library", "said"),
    [
        (
            "{\n  return (\ninputs.a.b\n);}",
            (),
            "TypeError: cannot read property 'b' of undefined (line 3 of it)",
        ),
        ("(foo bar)", (), "SyntaxError: Unexpected identifier 'bar' (line 1 of it)"),
        (
            "(boom())",
            ("function boom() {\n\n throw new Error('x\\ny'); }",),
            "Error: x y (line 3, in boom())",
        ),
        (
            "(1)",
            ("function f() {}", "var = 3"),
            "SyntaxError: variable name expected (line 1 of expressionLib[1])",
        ),
        ("{throw 'text';}", (), "text"),
    ],
)
def test_a_failure_says_what_javascript_said_and_on_which_line(
    sandbox: Sandbox, code: str, library: tuple[str, ...], said: str
) -> None:
    with pytest.raises(JavascriptError) as caught:
        value(sandbox, code, *library)
    assert str(caught.value) == said


def test_an_endless_loop_ends_the_batch_and_the_rest_is_left_for_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HELIOS_EXPRESSION_SECONDS", "0.5")
    endless = compile_expression("${ while (inputs.n == 2) {} return inputs.n; }", ())
    works = [endless.work({"n": n}, None, {}) for n in range(5)]
    found = complete_all(works)
    assert found[:2] == [0, 1]
    assert isinstance(found[2], JobError)
    assert found[2].cause is Cause.EXPRESSION
    assert "more than 0.5 s of processor time" in str(found[2])
    assert found[3:] == [LATER, LATER]
    assert complete_all([endless.work({"n": 4}, None, {})]) == [4]


def test_what_does_not_look_at_its_limit_is_killed(sandbox: Sandbox) -> None:
    # one native function that computes for long
    with pytest.raises(JavascriptError, match="more than 1 s"):
        value(sandbox, '(new Array(1e9).join("ab"))')
    assert value(sandbox, "(1 + 1)") == 2


CRASH = """
import os, signal, sys
from helios_wf.confined import serve

scripts = {}

def answer(line):
    name, _, text = line[1:].partition(b" ")
    if line[:1] == b"D":
        scripts[name] = text
        return b""
    if b"crash" in scripts[name]:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"once" in scripts[name] and not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return b"=7"

serve(answer, float(sys.argv[1]), 500)
"""


def test_a_crash_costs_one_call_and_the_others_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text(CRASH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    crashing = Sandbox(1.0)
    crashing.process = Confined("crashing", 1.0)
    calls = [Call(Script(code), {}) for code in ("a", "once", "b", "crash", "c", "crash")]
    found = list(crashing.run(calls))
    crashing.process.close()
    assert [one for one in found if one == 7] == [7] * 4
    assert [str(found[at]) for at in (3, 5)] == ["QuickJS failed: its process was ended by SIGSEGV"] * 2


def test_a_process_that_was_killed_while_idle_is_started_anew(sandbox: Sandbox) -> None:
    assert value(sandbox, "(1)") == 1
    pid = sandbox.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert value(sandbox, "(2)") == 2
    assert sandbox.process.pid != pid


@pytest.mark.parametrize(
    "code",
    [
        "{var a = []; while (true) a.push('x'.repeat(1000000) + a.length);}",
        "{var s = 'x'; while (true) s += s;}",
        "(new Array(300000000).fill(1))",
        "(new ArrayBuffer(3e9).byteLength)",
    ],
)
def test_memory_ends(sandbox: Sandbox, code: str) -> None:
    with pytest.raises(JavascriptError, match=r"memory|string too long|array buffer|more than 1 s"):
        value(sandbox, code)
    assert value(sandbox, "(1 + 1)") == 2


def test_only_what_an_expression_uses_is_sent() -> None:
    read = []

    class Watched(dict[str, Json]):
        def __getitem__(self, key: str) -> Json:
            read.append(key)
            return super().__getitem__(key)

    inputs = Watched(i=1, big=["x"] * 1000, other=2)
    compiled = compile_expression("$(inputs.i + inputs['other'])", ())
    assert compiled(inputs, ["unused"] * 1000, {"cores": 1}) == 3
    assert sorted(read) == ["i", "other"]
    (call,) = compiled.work(inputs, ["unused"], {"cores": 1})
    assert call.self_value is None
    assert call.runtime == {}


def test_large_values_go_both_ways(sandbox: Sandbox) -> None:
    big = ["x" * 100] * 50_000
    calls = [Call(Script("(inputs.big)"), {"big": big})] * 3
    assert list(sandbox.run(calls)) == [big] * 3


def test_text_of_any_kind_goes_both_ways(sandbox: Sandbox) -> None:
    text = "a\nb\u2028\x00 ü 🜁 \\ \" '"
    assert value(sandbox, "(inputs.t)", t=text) == text
    assert value(sandbox, '("\\ud800")') == "\ud800"
