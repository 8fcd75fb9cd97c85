"""Names, masks, name patterns and the index of masks."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helios_wf.errors import MaskError
from helios_wf.masks import (
    Kind,
    Mask,
    MaskIndex,
    NamePattern,
    check_name,
    difference,
    is_name,
    machine,
    may_produce,
    overlap,
)
from helios_wf.masks.regex import regex


@pytest.mark.parametrize(
    "name", ["raw", "spd.00000012.mu.raw", "a/b.c", "user.me:a.b/c", "A-b_c=d+e.0", "x" * 250, "u:x"]
)
def test_a_name_is_segments_joined_by_dots_or_slashes(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "it is empty"),
        ("a..b", "segment 2 is empty; two separators meet: '\\.\\.'"),
        ("..", "segment 1 is empty; the name starts with '\\.'"),
        ("a/../b", "segment 2 is empty; two separators meet"),
        ("/a", "the name starts with '/'"),
        ("a.b.", "segment 3 is empty; the name ends with '\\.'"),
        ("a\nb", r"character 2 is '\\n'"),
        ("a.b\n", r"character 4 is '\\n'"),
        ("spd raw", "character 4 is ' '"),
        ("naïve", "character 3 is 'ï'"),
        ("a:b:c", "':' stands in it twice"),
        ("a/b:c", "'/' stands before ':'"),
        (":a", "the name starts with ':'"),
        ("x" * 251, "it has 251 characters; at most 250"),
    ],
)
def test_a_bad_name_is_told_what_is_wrong(name: str, message: str) -> None:
    assert not is_name(name)
    assert Mask.parse("**").match(name) is None
    with pytest.raises(MaskError, match=message):
        check_name(name)


@pytest.mark.parametrize(
    ("mask", "name", "captures"),
    [
        ("spd.{run:08d}.{stream}.raw", "spd.00000012.mu.raw", {"run": 12, "stream": "mu"}),
        ("spd.{run:08d}.{stream}.raw", "spd.0000012.mu.raw", None),
        ("spd.{run:08d}.{stream}.raw", "spd.000000123.mu.raw", None),
        ("spd.{run:08d}.{stream}.raw", "spd.00000012.mu.x.raw", None),
        ("spd.{run:08d}.{stream}.raw", "spd.00000012/mu.raw", None),
        ("a.v{n:int}", "a.v0", {"n": 0}),
        ("a.v{n:int}", "a.v70", {"n": 70}),
        ("a.v{n:int}", "a.v07", None),
        ("a.v{n:int}", "a.v" + "9" * 18, {"n": 10**18 - 1}),
        ("a.v{n:int}", "a.v" + "9" * 19, None),
        ("{k:raw|raw2}.x", "raw2.x", {"k": "raw2"}),
        ("{k:raw|raw2}.x", "raw3.x", None),
        ("a.*.c", "a.b.c", {}),
        ("a.*", "a/b", None),
        ("a.?b*", "a.xb", {}),
        ("a.?b*", "a.b", None),
        ("{a}_{b}", "x_y_z", {"a": "x", "b": "y_z"}),
        ("{a}_{b}_{c}_{d}", "1_2_3_4_5", {"a": "1", "b": "2", "c": "3", "d": "4_5"}),
        ("{a}_{n:int}.x", "p_q_7.x", {"a": "p_q", "n": 7}),
        ("{r:03d}*", "0079", {"r": 7}),
        ("raw/{run:04d}/spd.{run:04d}.x", "raw/0007/spd.0007.x", {"run": 7}),
        ("raw/{run:04d}/spd.{run:04d}.x", "raw/0007/spd.0008.x", None),
        ("raw/{run:04d}/spd.{run:06d}.x", "raw/0007/spd.000007.x", {"run": 7}),
    ],
)
def test_a_mask_takes_a_name_and_captures(mask: str, name: str, captures: dict[str, object] | None) -> None:
    assert Mask.parse(mask).match(name) == captures
    assert (difference(Mask.parse(mask), name) is None) == (captures is not None)


@pytest.mark.parametrize(
    ("mask", "taken", "left"),
    [
        ("**", ["a", "a.b/c", "u:a.b"], []),
        (
            "**.test.**",
            ["test", "a.test", "test.a", "a/b.test.c", "u:x.test.y"],
            ["atest", "a/test", "a.tests.b"],
        ),
        (
            ".test.",
            ["test", "a.test", "test/a", "a/test/b", "u:test", "test:a"],
            ["atest.b", "tests", "a.Test"],
        ),
        (".v{n:int}.", ["v1", "a.v2.b", "a/v3"], ["v", "a.vv1"]),
        (".a.b.", ["a.b", "x.a.b", "a.b/y"], ["a/b", "a.x.b", "b.a"]),
        ("a.**", ["a", "a.b", "a.b/c"], ["a/b", "ab", "b.a"]),
        ("**.a", ["a", "b.a", "u:b.a"], ["b/a", "u:a", "ba"]),
        ("a.**.b", ["a.b", "a.x.b", "a.x/y.b", "a.b.b"], ["a/b", "a.xb", "a.b.c", "a.x/b"]),
        ("a.**/b", ["a/b", "a.x/b"], ["a.b", "a/x/b"]),
        ("**:a", ["a", "u:a", "u.v:a"], ["u.a", "u:b.a"]),
        ("u:*", ["u:a"], ["a", "v:a", "u:a.b"]),
        ("a.**.b.**.c.**.d", ["a.b.c.d", "a.x.b.y/z.c.d"], ["a.c.b.d", "a.b.c"]),
    ],
)
def test_two_stars_take_any_number_of_segments(mask: str, taken: list[str], left: list[str]) -> None:
    parsed = Mask.parse(mask)
    assert [name for name in taken if parsed.match(name) is None] == []
    assert [name for name in left if parsed.match(name) is not None] == []


def test_two_stars_before_another_separator_try_every_place() -> None:
    assert Mask.parse("**.a.**.b").match("a/x.a.b") == {}


@pytest.mark.parametrize(
    ("mask", "column", "message"),
    [
        ("a..b", 3, "two separators meet"),
        (".a", 1, "the mask starts with '.'.*or write '.test.' for a segment anywhere"),
        ("a.", 2, "the mask ends with"),
        ("..", 1, "the mask starts with"),
        ("...", 2, "the mask starts with"),
        ("x.{a}{b}", 6, "{a} and {b} meet; put a literal between two captures"),
        ("{a}?{b}", 5, "put a literal between"),
        ("{a}*", 4, "put a literal between"),
        ("*{n:int}", 2, "put a literal between"),
        ("a**", 2, "'\\*\\*' stands alone"),
        ("a.***", 3, "'\\*\\*' stands alone"),
        ("**.**", 4, "one of them is enough"),
        ("a.{run:8d}", 8, "unknown format '8d'; write {run}, {run:int}, {run:06d} \\(exactly six digits\\)"),
        ("{run:019d}", 6, "more than 18 digits"),
        ("{run:099999999999999999999d}", 6, "more than 18 digits"),
        ("{run", 1, "never closed"),
        ("a}", 2, "'}' without '{'"),
        ("{1a}", 2, "is no name of a part"),
        ("{}", 2, "is no name of a part"),
        ("{a:}", 4, "unknown format ''"),
        ("{a:b|}", 4, "choices in 'b|' must not be empty"),
        ("{a:b|c.d}", 4, "choices"),
        ("{a:int}.{a}", 9, "can never be equal"),
        ("é", 1, "unexpected character 'é'"),
        ("a\n", 2, "unexpected character"),
        ("a:b:c", 4, "':' stands twice"),
        ("a/b:c", 4, "'/' stands before ':'"),
    ],
)
def test_a_mistake_in_a_mask_names_its_column(mask: str, column: int, message: str) -> None:
    with pytest.raises(MaskError, match=rf"column {column}: .*{message}"):
        Mask.parse(mask)


def test_a_mask_that_can_take_no_name_is_a_mistake() -> None:
    with pytest.raises(MaskError, match="at least 251 characters"):
        Mask.parse("x" * 249 + ".{a}")
    with pytest.raises(MaskError, match="at most 400 are read"):
        Mask.parse("?" * 401)
    with pytest.raises(MaskError, match=r"write '\*\*' for every name"):
        Mask.parse("")


def test_captures_come_in_order_each_once() -> None:
    assert Mask.parse("{b}.{a:02d}.{b}").captures == ("b", "a")


def test_equal_masks_are_equal() -> None:
    assert Mask.parse("a.*") == Mask.parse("a.*")
    assert len({Mask.parse("a.*"), Mask.parse("a.*"), Mask.parse("b.*")}) == 2
    assert repr(Mask.parse("a.*")) == "Mask.parse('a.*')"


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        ("*a" * 100 + "b", "a" * 250),
        ("*a*a*a*a*a*a*b", "a" * 250),
        ("{a}_{b}_{c}_{d}_{e}_{f}x", "_" * 250),
        (".".join(["**.a"] * 60) + ".b", ".".join("a" * 125)),
        ("**.{a}1{n:int}x.**.b", ".".join(["1" * 60] * 4)),
        ("{a}1{n:int}x", "1" * 250),
        ("{a:" + "|".join("a" * n for n in range(1, 25)) + "}" + "*a*b", "a" * 250),
        (".".join([f"{{a{n}}}_{{b{n}}}" for n in range(20)]) + ".x", ".".join(["a_b_c_d_e"] * 20) + ".y"),
    ],
)
def test_a_hostile_mask_does_not_blow_up(mask: str, name: str) -> None:
    assert Mask.parse(mask).match(name) is None


# Masks and names over a tiny alphabet, so that they meet often.
choices = st.sampled_from(
    ["a", "b", "_", "0", "1", "ab", "*", "?", "{x}", "{y}", "{n:int}", "{d:02d}", "{k:a|ab|0}"]
)
invertible = st.sampled_from(["a", "b", "_", "0", "1", "{x}", "{y}", "{n:int}", "{d:02d}", "{k:a|ab|0}"])
segments = st.lists(choices, min_size=1, max_size=4).map("".join) | st.just("**")


@st.composite
def mask_texts(draw: st.DrawFn) -> str:
    text = draw(segments)
    for _ in range(draw(st.integers(0, 4))):
        text += draw(st.sampled_from("../:")) + draw(segments)
    return f".{text}." if draw(st.integers(0, 9)) == 0 else text


@st.composite
def invertible_texts(draw: st.DrawFn) -> str:
    segment = st.lists(invertible, min_size=1, max_size=4).map("".join)
    return draw(segment) + "".join(
        draw(st.sampled_from("../")) + draw(segment) for _ in range(draw(st.integers(0, 3)))
    )


@st.composite
def masks(draw: st.DrawFn, texts: st.SearchStrategy[str] | None = None) -> Mask:
    try:
        return Mask.parse(draw(mask_texts() if texts is None else texts))
    except MaskError:
        assume(False)
        raise


@st.composite
def names(draw: st.DrawFn) -> str:
    text = draw(st.text("ab_01", min_size=1, max_size=4))
    for _ in range(draw(st.integers(0, 4))):
        text += draw(st.sampled_from("../")) + draw(st.text("ab_01", min_size=1, max_size=4))
    return f"a:{text}" if draw(st.booleans()) else text


@given(st.text("ab1{}:|*?./_d0nt é", max_size=20))
def test_any_text_is_a_mask_or_a_mask_error(text: str) -> None:
    try:
        mask = Mask.parse(text)
    except MaskError:
        return
    assert mask.text == text


@given(masks(), names())
def test_the_regular_expression_and_the_machine_agree(mask: Mask, name: str) -> None:
    assume(regex(mask.elements) is not None)
    assert mask.match(name) == mask._by_machine(name)


@given(masks())
def test_the_shortest_name_of_a_mask_is_taken_by_it(mask: Mask) -> None:
    name = overlap(mask, mask)
    assume(name is not None and len(set(mask.captures)) == len(mask.parts))
    assert name is not None
    assert mask.match(name) is not None
    assert difference(mask, name) is None


@given(masks(), masks(), names())
def test_an_overlap_is_a_name_that_both_masks_take(left: Mask, right: Mask, name: str) -> None:
    example = overlap(left, right)
    assert overlap(right, left) is None or example is not None
    if example is None:
        assert left.match(name) is None or right.match(name) is None
    elif all(len(mask.captures) == len(mask.parts) for mask in (left, right)):
        assert left.match(example) is not None
        assert right.match(example) is not None


@given(masks(invertible_texts()), names())
def test_a_name_is_built_again_from_its_captures(mask: Mask, other: str) -> None:
    """Masks invert: whatever was taken, the captures say which name it was."""
    for name in (other, overlap(mask, mask)):
        captures = mask.match(name or "-")
        if captures is not None and len(captures) == len(mask.parts):
            assert NamePattern.parse(mask.text).build(captures) == name


@given(st.integers(0, 10**8 - 1), st.text("abc0_-+=", min_size=1, max_size=9), st.integers(0, 10**18 - 1))
def test_what_was_built_is_captured(run: int, stream: str, version: int) -> None:
    text = "spd.{run:08d}/{stream}.v{version:int}"
    values = {"run": run, "stream": stream, "version": version}
    assert Mask.parse(text).match(NamePattern.parse(text).build(values)) == values


@given(masks(), names())
def test_a_difference_is_told_exactly_when_the_mask_does_not_take_the_name(mask: Mask, name: str) -> None:
    assert (difference(mask, name) is None) == (mask.match(name) is not None)


@pytest.mark.parametrize(
    ("mask", "name", "told"),
    [
        ("spd.{run:08d}.calib", "spd.00000012.raw", "segment 3 is 'raw', mask wants 'calib'"),
        ("spd.{run:08d}.calib", "spd.12.calib", "segment 2 is '12', mask wants '{run:08d}'"),
        ("spd.{run:08d}.calib", "spd.00000012", "it ends after segment 2, mask wants 'calib' next"),
        ("spd.raw", "spd.raw.x", "it has 3 segments, mask wants 2"),
        ("spd.raw", "spd/raw", "'/' stands before segment 2, mask wants '.'"),
        ("**.raw", "a.b.calib", "segment 3 is 'calib', mask wants 'raw' there"),
        (".test.", "a.b", "no segment is 'test', which the mask wants"),
        ("**.a.**.b.**", "b.a", "its segments are not in the mask's order"),
        ("{r:02d}.{r:02d}", "01.02", "r: twice in the mask"),
        ("a.b", "a..b", "segment 2 is empty"),
    ],
)
def test_a_difference_says_which_segment(mask: str, name: str, told: str) -> None:
    said = difference(Mask.parse(mask), name)
    assert said is not None
    assert told in said


@pytest.mark.parametrize(
    ("left", "right", "example"),
    [
        ("a.*.c", "*.b.*", "a.b.c"),
        ("a.{n:int}", "a.{n:06d}", "a.100000"),
        ("**.x", "y.**", "y.x"),
        ("**:a", "{s:u|v}:*", "u:a"),
        ("a.b", "a.c", None),
        ("a.**", "b.**", None),
        ("a.*", "a/*", None),
        ("a.{n:02d}", "a.{n:03d}", None),
        (".test.", "spd.{run:08d}.raw", None),
        (".test.", "spd.{stream}.raw", "spd.test.raw"),
        ("x" * 200 + ".**", "**." + "y" * 60, None),
    ],
)
def test_an_overlap_is_shown_by_a_name(left: str, right: str, example: str | None) -> None:
    found = overlap(Mask.parse(left), Mask.parse(right))
    assert (found is None) == (example is None)
    if found is not None and example is not None:
        assert len(found) == len(example)


def test_a_pattern_builds_names() -> None:
    pattern = NamePattern.parse("spd.{run:08d}.{stream}.kept.v{version}")
    assert pattern.parts == ("run", "stream", "version")
    assert pattern.build({"run": 12, "stream": "mu", "version": 3, "else": 1}) == "spd.00000012.mu.kept.v3"
    assert pattern.bind({"version": 3}).shown() == "spd.{run:08d}.{stream}.kept.v3"
    assert NamePattern.parse("a.{flag}").build({"flag": True}) == "a.true"


@pytest.mark.parametrize(
    ("pattern", "value", "message"),
    [
        ("a.{x:08d}", 123456789, "is 123456789; {x:08d} has room for 8 digits"),
        ("a.{x:08d}", "12", "is the text '12'; {x:08d} takes an integer"),
        ("a.{x:08d}", -1, "takes no negative number"),
        ("a.{x:08d}", True, "takes an integer"),
        ("a.{x:int}", 10**18, "has room for 18 digits"),
        ("a.{x:b|c}", "d", "takes 'b' or 'c'"),
        ("a.{x}", "b.c", "with '.' in it; a part is made of"),
        ("a.{x}", "..", "with '.' in it"),
        ("a.{x}", "", "with nothing in it"),
        ("a.{x}", None, "is null"),
        ("a.{x}", 0.5, "a float; a name takes text and integers"),
        ("a.{x}", "y" * 250, "at most 250"),
    ],
)
def test_a_value_that_does_not_fit_its_part_is_told(pattern: str, value: object, message: str) -> None:
    with pytest.raises(MaskError) as caught:
        NamePattern.parse(pattern).build({"x": value})
    assert message in str(caught.value)


def test_a_part_without_a_value_lists_what_there_is() -> None:
    with pytest.raises(MaskError, match=r"the part {strem} has no value; did you mean 'stream'"):
        NamePattern.parse("a.{strem}").build({"stream": "mu", "run": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a..b", "column 3: an empty segment"),
        (".a", "column 1: an empty segment"),
        ("a.*", r"column 3: '\*' belongs in a mask"),
        ("{x}/", "column 4: it ends with '/'"),
        ("a/b:c", "':' does not follow a scope"),
        ("a b", "column 2: unexpected character ' '"),
        ("", "it is empty"),
        ("{x:5}", "unknown format"),
    ],
)
def test_a_mistake_in_a_name_pattern_is_told(text: str, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        NamePattern.parse(text)


def test_a_value_pattern_is_free_text() -> None:
    pattern = NamePattern.parse("--run={run} {{x}} °", use="value")
    assert pattern.build({"run": 12}) == "--run=12 {x} °"
    assert pattern.parts == ("run",)
    assert NamePattern.parse("{run:04d}", "value").build({"run": 12}) == "0012"


def test_a_file_pattern_builds_one_safe_file_name() -> None:
    pattern = NamePattern.parse("{dataset}.{index:06d}{ext}", use="file")
    assert pattern.build({"dataset": "spd.raw", "index": 3, "ext": ".txt"}) == "spd.raw.000003.txt"
    with pytest.raises(MaskError, match="has no '/'"):
        pattern.build({"dataset": "a/b", "index": 3, "ext": ""})
    with pytest.raises(MaskError, match="cannot stand in the name of a file"):
        NamePattern.parse("x/{dataset}", use="file")
    with pytest.raises(MaskError, match="has no '/'"):
        NamePattern.parse("{basename}", use="file").build({"basename": ".."})
    with pytest.raises(MaskError, match="at most 255"):
        NamePattern.parse("{basename}", use="file").build({"basename": "é" * 130})


@pytest.mark.parametrize(
    ("pattern", "mask", "answer"),
    [
        ("spd.{run:08d}.{stream}.kept", "spd.{run:08d}.{stream}.raw", False),
        ("spd.{run:08d}.{stream}.raw", "spd.{run:08d}.{stream}.raw", True),
        ("spd.{run:08d}.{stream}", "spd.**", True),
        ("a.{run:08d}", "a.{run:06d}", False),
        ("a.{x}", "a.raw", True),
        ("a.{n}", "a.raw", False),
        ("a.v{version}", "a.v3", False),
    ],
)
def test_whether_an_output_may_be_taken_by_a_mask(pattern: str, mask: str, answer: bool) -> None:
    kinds = {"n": Kind("int")}
    bound = NamePattern.parse(pattern).bind({"version": 4})
    assert (may_produce(bound, Mask.parse(mask), kinds) is not None) is answer


def test_what_is_excluded_is_no_overlap() -> None:
    kept = NamePattern.parse("spd.{stream}.kept.v{version}").bind({"version": 1})
    everything, kept_ones = Mask.parse("spd.**"), Mask.parse("**.kept.**")
    assert may_produce(kept, everything) is not None
    assert may_produce(kept, everything, exclude=[kept_ones]) is None
    assert may_produce(kept, everything, exclude=[Mask.parse("**.v2")]) is not None
    assert overlap(everything, Mask.parse("**.raw"), [Mask.parse(".raw.")]) is None


@given(masks(), masks(), masks(), names())
def test_an_overlap_leaves_out_what_is_excluded(left: Mask, right: Mask, out: Mask, name: str) -> None:
    assume(all(len(mask.captures) == len(mask.parts) for mask in (left, right, out)))
    example = overlap(left, right, [out])
    if example is None:
        assert left.match(name) is None or right.match(name) is None or out.match(name) is not None
    else:
        assert left.match(example) is not None
        assert right.match(example) is not None
        assert out.match(example) is None


@given(st.lists(masks(), max_size=8), names())
def test_the_index_finds_what_a_loop_finds(many: list[Mask], name: str) -> None:
    index: MaskIndex[int] = MaskIndex()
    for number, mask in enumerate(many):
        index.add(number, mask)
    by_loop = [(number, mask.match(name)) for number, mask in enumerate(many)]
    assert index.match(name) == [(number, found) for number, found in by_loop if found is not None]


def test_the_index_looks_at_few_masks() -> None:
    index: MaskIndex[int] = MaskIndex()
    for number in range(1000):
        index.add(number, Mask.parse(f"spd.{{run:08d}}.stream{number}.raw"))
    name = "spd.00000012.stream500.raw"
    assert index.match(name) == [(500, {"run": 12})]
    assert len(index._candidates(name)) <= 2
    assert index.match("not..a.name") == []
    assert len(index) == 1000


def test_the_machine_takes_few_steps_for_a_hostile_mask() -> None:
    program = Mask.parse("*a" * 100 + "b").program
    assert machine.match(program, "a" * 250) is None
    assert len(program) < 500
