from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helios_wf.cwl.expression_text import is_expression, modernise
from helios_wf.cwl.expressions import compile_expression, evaluate
from helios_wf.cwl.javascript import names_used
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

INPUTS: dict[str, Json] = {
    "raw": {"class": "File", "basename": "a.raw", "secondaryFiles": [{"basename": "a.idx"}]},
    "n": 3,
    "list": [10, 20, {"k": None}],
    "odd name": {"it's": 1, 'a"b': 2, "length": 7},
    "nothing": None,
    "text": "plain",
}
RUNTIME: dict[str, Json] = {"cores": 2, "outdir": "/out"}


def value_of(text: str, javascript: tuple[str, ...] | None = None, self_value: Json = None) -> Json:
    return compile_expression(text, javascript)(INPUTS, self_value, RUNTIME)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(inputs.n)", 3),
        ("  $(inputs.n)\n", 3),
        ("$(inputs.list[2].k)", None),
        ("$(inputs['list'][0])", 10),
        ("$(inputs.list.length)", 3),
        ('$(inputs["odd name"]["it\'s"])', 1),
        ("$(inputs['odd name']['it\\'s'])", 1),
        ('$(inputs["odd name"]["a\\"b"])', 2),
        ("$(inputs['odd name'].length)", 7),
        ("$(inputs.raw.secondaryFiles[0].basename)", "a.idx"),
        ("$(self)", "me"),
        ("$(runtime.cores)", 2),
        ("$(null)", None),
        ("$(inputs.nothing)", None),
        ("n=$(inputs.n) $(inputs.text)", "n=3 plain"),
        ("$(inputs.list)!", '[10, 20, {"k": null}]!'),
        ("$(inputs.nothing)!", "null!"),
        (r"\$(inputs.n) is $(inputs.n)", "$(inputs.n) is 3"),
        (r"\\$(inputs.n)", "\\3"),
        (r"\n$(inputs.n)", r"\n3"),
        (r"plain \\ text", r"plain \\ text"),
        ("$5 and $(inputs.n)", "$5 and 3"),
    ],
)
def test_references_and_text_around_them(text: str, value: Json) -> None:
    assert value_of(text, self_value="me") == value
    assert value_of(text, javascript=(), self_value="me") == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$(inputs.gone)", "inputs has no 'gone'; it has: list, n"),
        ("$(inputs.raw.gone)", "inputs.raw has no 'gone'"),
        ("$(inputs.list[7])", "inputs.list has 3 elements; [7] was asked for"),
        ("$(inputs.n.k)", "inputs.n is int '3', which has no 'k'"),
        ("$(inputs.n[0])", "an index needs an array"),
        ("$(inputs.text.length)", "has no 'length'"),
        ("$(inputs.list.length.x)", "has no 'length'"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error_that_names_it(text: str, reason: str) -> None:
    with pytest.raises(JobError) as caught:
        value_of(text)
    assert caught.value.cause is Cause.EXPRESSION
    assert repr(text)[1:-1] in str(caught.value) or text in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["$(1 + 1)", "${ return 1; }", "$(outputs.x)", "$(inputs.list[-1])"])
def test_javascript_without_its_requirement_is_refused_at_once(text: str) -> None:
    with pytest.raises(JobError, match="InlineJavascriptRequirement"):
        compile_expression(text, None)


def test_a_bracket_that_is_never_closed_is_refused() -> None:
    with pytest.raises(JobError, match="never closed"):
        compile_expression("$(inputs['x)']", ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(inputs.n + 1)", 4),
        ("$(inputs.n / 2)", 1.5),
        ("${ var s = 0; for (var i = 0; i < 3; i++) { s += inputs.list[i % 2]; } return s; }", 40),
        ("$(inputs.list.map(function (x) { return ')'; }))", [")", ")", ")"]),
        ("$(inputs.gone)", None),
        ("$(inputs.text.length)", 5),
        ("$(0/0)", None),
        ("${ return undefined; }", None),
        ("$({class: 'File', basename: runtime.outdir + '/x'})", {"class": "File", "basename": "/out/x"}),
        ("$(self.a)-$(self.b + 1)", "1-3"),
        ("$(double(inputs.n))", 6),
    ],
)
def test_javascript_sees_inputs_self_runtime_and_library(text: str, value: Json) -> None:
    library = ("function double(x) { return 2 * x; }",)
    assert value_of(text, javascript=library, self_value={"a": 1, "b": 2}) == value


def test_one_evaluation_does_not_see_another() -> None:
    assert value_of("${ Array.prototype.mark = 1; return inputs.n; }", ()) == 3
    assert value_of("$(typeof [].mark)", ()) == "undefined"


@pytest.mark.parametrize("text", ["$(nothing.at.all)", "${ throw new Error('bad'); }", "$(syntax error)"])
def test_a_failure_of_javascript_names_the_expression(text: str) -> None:
    with pytest.raises(JobError) as caught:
        value_of(text, ())
    assert caught.value.cause is Cause.EXPRESSION
    assert text in str(caught.value).replace('"', "'") or repr(text) in str(caught.value)


def test_endless_javascript_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOS_EXPRESSION_SECONDS", "1")
    with pytest.raises(JobError, match="more than 1 s"):
        value_of("${ while (true) {} }", ())


def test_greedy_javascript_is_ended() -> None:
    with pytest.raises(JobError, match="MiB of memory"):
        value_of("${ var a = []; while (true) { a.push('x'.repeat(1000000) + a.length); } }", ())


def test_deep_recursion_is_an_error_and_no_crash() -> None:
    with pytest.raises(JobError, match="f"):
        value_of("${ function f() { return f() + 1; } return f(); }", ())


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("(inputs.a + inputs['b c'])", {"a", "b c"}),
        ("(runtime.cores)", set()),
        ("(Object.keys(inputs))", None),
        ("(inputs[name])", None),
        ("(this.inputs.a)", None),
        ("(eval('inputs'))", None),
    ],
)
def test_only_inputs_that_code_can_see_are_given_to_it(code: str, names: set[str] | None) -> None:
    assert names_used(code, ()) == names


@settings(deadline=None)
@given(st.text())
def test_text_without_an_expression_is_itself(text: str) -> None:
    if not is_expression(text):
        assert value_of(text) == text


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"\w+", fullmatch=True), st.integers(), min_size=1))
def test_every_key_of_word_characters_can_be_referred_to(inputs: dict[str, int]) -> None:
    for key, value in inputs.items():
        assert evaluate(f"$(inputs.{key})", None, inputs) == value
        assert evaluate(f"$(inputs['{key}'])", None, inputs) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text().filter(lambda key: key != "__proto__"), below),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_values)
def test_a_value_goes_through_javascript_unchanged(value: Json) -> None:
    assert evaluate("${ return self; }", (), {}, value) == json.loads(json.dumps(value))


@settings(deadline=None)
@given(st.text(alphabet="ab\\$( )", max_size=12))
def test_text_with_escapes_equals_what_cwl_utils_makes_of_it(text: str) -> None:
    from cwl_utils.expression import interpolate, needs_parsing
    from cwl_utils.sandboxjs import NodeJSEngine

    text += "$(inputs.n)"
    # an unescaped bracket is never closed
    if re.search(r"(?<!\\)(?:\\\\)*\$\(", text[:-11]):
        return
    assert needs_parsing(text)
    roots = {"inputs": {"n": 3}, "self": None, "runtime": {}}
    expected = interpolate(text, roots, js_engine=NodeJSEngine(), strip_whitespace=False)
    assert compile_expression(text, None, strip=False)({"n": 3}, None, {}) == expected
    old = interpolate(text, roots, js_engine=NodeJSEngine(), strip_whitespace=False, escaping_behavior=1)
    assert compile_expression(modernise(text), None, strip=False)({"n": 3}, None, {}) == old
