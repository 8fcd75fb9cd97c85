"""Datasets to templates: checks, combinations, names and explanations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import FilterError, MaskError
from helios_wf.match import (
    Combinations,
    Match,
    TemplateIndex,
    check_repository,
    check_template,
    combinations,
    explain_name,
    file_names,
    name_parts,
    output_names,
)
from helios_wf.model import (
    Dataset,
    DatasetField,
    MaskField,
    Output,
    Parameter,
    Place,
    Step,
    TemplateField,
    Tool,
    Workflow,
)
from helios_wf.states import DatasetState, TemplateStatus

FILES = {"type": "array", "items": "File"}
LINE = iter(range(1, 10**6))


def place() -> Place:
    return Place("t.cwl", next(LINE), 1)


def masked(name: str, mask: str, type_: Any = FILES, **more: Any) -> Parameter:
    return Parameter(name, type_, place(), mask=MaskField(mask, **more))


def scalar(name: str, type_: Any = "string", value: str | None = None) -> Parameter:
    return Parameter(name, type_, place(), value=value)


def out(name: str, dataset: str, type_: Any = FILES, files: str | None = None) -> Output:
    return Output(name, type_, place(), dataset=DatasetField(dataset, files))


def step(name: str, run: Any = None) -> Step:
    return Step(name, run or Tool("tool", (), (), {}, place()), (), (), place())


def template(
    *ports: Parameter | Output,
    name: str = "spd",
    version: int = 3,
    status: TemplateStatus = TemplateStatus.ACTUAL,
    rank: int = 0,
    logs: str | None = None,
    steps: tuple[Step, ...] = (),
) -> Workflow:
    return Workflow(
        name,
        tuple(port for port in ports if isinstance(port, Parameter)),
        tuple(port for port in ports if isinstance(port, Output)),
        steps,
        place(),
        TemplateField(name, version, status, rank, None, logs),
    )


def closed(*names: str, **meta: Any) -> list[Dataset]:
    return [Dataset(name, DatasetState.CLOSED, meta=meta) for name in names]


RAW = masked("raw", "spd.{run:08d}.{stream}.raw")
CALIB = masked("calib", "spd.{run:08d}.calib.v{cv:int}", "File", pick="last")
RUN = scalar("run", "int", "{run}")
KEPT = out("kept", "spd.{run:08d}.{stream}.kept.v{version}")
SPD = template(RAW, CALIB, RUN, KEPT)


def told(*ports: Parameter | Output, **more: Any) -> list[str]:
    return [problem.message for problem in check_template(template(*ports, **more))]


# What is wrong with one template.


def test_a_sound_template_has_no_problems() -> None:
    assert check_template(SPD) == []
    assert told(RAW, KEPT, logs="spd.{run:08d}.{stream}.{step}.log", steps=(step("a"),)) == []
    assert told(scalar("n", "long"), scalar("p"), out("o", "mc.{p}.{n:06d}.v{version}")) == []
    assert told(RAW, out("o", "spd.{run_id}.o")) == []


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ([masked("raw", "a..b")], r"input 'raw', mask: mask 'a\.\.b': column 3: two separators meet"),
        (
            [masked("raw", "a.b", exclude=("c.*", "d.{"))],
            r"input 'raw', exclude: .*column 3: '{' is never closed",
        ),
        ([masked("raw", "a.{x}", where="x = 3")], "input 'raw', where: filter: column 3"),
        (
            [masked("raw", "a.{n:03d}", where='n == "five"')],
            r"input 'raw': where: the capture {n:03d} is a number, and \"five\" in .* is not",
        ),
        (
            [masked("raw", "a.{n}", where='m == 1 and not (n in ["a"] or 3 < n)')],
            r"the capture {n} is text, and 3 in .* is not; compare it with text in quotes",
        ),
        ([masked("raw", "a.{version}")], "{version} is a name part of helios-wf's own"),
        ([masked("raw", "a.{x}"), scalar("x")], "has the name of an input without helios:value"),
        ([masked("raw", "a.{x}", pick="last")], "no mask starts a run"),
        ([masked("a", "a.{x}.{n:04d}"), masked("b", "b.{n}.{x}")], "one is a number, the other text"),
        ([masked("a", "a.{x}"), masked("b", "b.{y}")], "shares no capture with 'a'"),
        (
            [masked("a", "a.{x}"), masked("b", "b.{x}"), masked("c", "c.{y}"), masked("d", "d.{y}")],
            "'c' .* shares no capture with 'a' and 'b'",
        ),
        ([RAW, masked("c", "spd.{run:08d}.calib", pick="last")], "wants a capture of its own"),
        (
            [RAW, CALIB, masked("al", "spd.{run:08d}.al.v{cv:int}", pick="last")],
            "{cv} is a capture of input 'calib' too",
        ),
        ([RAW, out("o", "spd.{rum}.x.{stream}.{run}")], "nothing binds {rum}; did you mean 'run'"),
        ([RAW, out("o", "spd.{run}.x")], "lacks {stream}, so two runs could write one dataset"),
        ([RAW, out("o", "spd.{run}.{stream}.{step}")], "{step} is there for 'logs' only"),
        ([RAW, out("o", "spd.{run}.{stream}.{index}")], "{index} is there for 'files' only"),
        ([RAW, out("o", "spd.{run}.{stream:03d}.x")], "wants a number, and 'stream' is text"),
        ([RAW, out("o", "spd.{run}.{stream}.*")], r"output 'o', dataset: .*'\*' belongs in a mask"),
        ([RAW, out("o", "spd.{run:08d}.{stream}.raw")], "it would start itself for ever"),
        ([RAW, CALIB, out("o", "spd.{run:08d}.calib.v{run_id}", "File")], "own input 'calib'"),
        ([RAW, out("o", "x.{run}.{stream}"), out("p", "x.{run}.{stream}")], "output 'o' has the same name"),
        (
            [RAW, out("o", "x.{run}.{stream}.{w}"), scalar("w", "double")],
            "{w} is an input that cannot be used",
        ),
        ([RAW, scalar("version"), KEPT], "{version} is helios-wf's own part; rename the input"),
        ([RAW, out("o", "x.{run}.{stream}", files="{dataset}{ext}")], "calls all files the same"),
        ([RAW, out("o", "x.{run}.{stream}", files="a/{index}")], "cannot stand in the name of a file"),
        ([RAW, out("o", "x.{run}.{stream}", files="{indx}")], "nothing binds {indx}; did you mean 'index'"),
        (
            [RAW, scalar("s", "string", "{strem}")],
            "input 's', value: nothing binds {strem}; did you mean 'stream'",
        ),
        ([RAW, scalar("s", "string", "{")], "input 's', value: .* never closed"),
        ([RAW, scalar("s", "int", "{stream}")], "the input is a whole number, and '{stream}'"),
        ([RAW, scalar("s", "long", "r{run}")], "the input is a whole number, and 'r'"),
        ([RAW, scalar("p"), scalar("s", "string", "{p}")], "{p} is an input that cannot be used here"),
    ],
)
def test_a_mistake_in_a_template_is_told(ports: list[Parameter | Output], message: str) -> None:
    (problem,) = check_template(template(*ports))
    assert re.search(message, problem.message), problem.message
    assert problem.place in [port.place for port in ports]


def test_all_mistakes_are_told_at_once_in_document_order() -> None:
    problems = check_template(
        template(
            masked("a", "a..b", exclude=("{",), where="x ="),
            scalar("s", "string", "{"),
            out("o", "x..y"),
            out("p", "{nothing_can_be_said_of_this}", files="*"),
        )
    )
    lines = [problem.place.line for problem in problems if problem.place]
    assert len(problems) == 6
    assert lines == sorted(lines)


def test_a_loop_that_is_excluded_is_none() -> None:
    kept = out("o", "spd.{x}.kept")
    assert len(told(masked("raw", "spd.{x}.*"), kept)) == 1
    assert told(masked("raw", "spd.{x}.*", exclude=("**.kept",)), kept) == []


def test_logs_need_steps_whose_names_can_stand_in_names() -> None:
    logs = "x.{run}.{stream}.{step}"
    inner = template(steps=(step("b c"),))
    (message,) = told(RAW, KEPT, logs=logs, steps=(step("a"), step("s", inner)))
    assert "the name of step 's/b c' cannot stand in a dataset name" in message
    assert "lacks {stream}" in told(RAW, logs="x.{run}.{step}")[0]


def test_a_workflow_without_a_template_has_no_version() -> None:
    workflow = Workflow("w", (RAW,), (KEPT,), (), place())
    (problem,) = check_template(workflow)
    assert "{version} is not known here; the workflow has no helios:template" in problem.message


# What is wrong with several templates.


def test_two_actual_versions_are_a_mistake() -> None:
    old, new = template(RAW, KEPT, version=2), template(RAW, KEPT, version=3)
    problems, _ = check_repository([old, new])
    (message,) = [problem.message for problem in problems]
    assert f"two ACTUAL versions: 3 here and 2 at {old.place}" in message
    archived = template(RAW, KEPT, version=2, status=TemplateStatus.ARCHIVED)
    assert check_repository([archived, new]) == ([], [])
    problems, _ = check_repository([new, template(RAW, KEPT, version=3)])
    assert "version 3 is at" in problems[0].message


def test_templates_that_start_each_other_are_named_in_their_circle() -> None:
    a = template(masked("i", "a.{x}"), out("o", "b.{x}"), name="a")
    b = template(masked("i", "b.{x}"), out("o", "c.{x}"), name="b")
    c = template(masked("i", "c.{x}"), out("o", "a.{x}"), name="c")
    problems, warnings = check_repository([a, b, c])
    (message,) = [problem.message for problem in problems]
    assert "for ever" in message
    assert any(circle in message for circle in ("a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"))
    assert "output 'o' of 'a' is taken by input 'i' of 'b' ('b.{x}'), such as 'b.a'" in message
    assert warnings == []
    draft = template(*c.inputs, *c.outputs, name="c", status=TemplateStatus.DRAFT)
    assert check_repository([a, b, draft]) == ([], [])


def test_every_circle_is_told() -> None:
    pairs = [
        template(masked("i", f"{mine}.{{x}}"), out("o", f"{other}.{{x}}"), name=mine)
        for mine, other in ("ab", "ba", "cd", "dc")
    ]
    problems, _ = check_repository(pairs)
    assert len(problems) == 2


def test_many_templates_that_overlap_are_one_warning_each() -> None:
    templates = [template(masked("x", "a.{b}.{c}"), name=f"t{number}") for number in range(9)]
    _, warnings = check_repository([*templates, template(masked("x", "z.{b}"), name="other")])
    assert len(warnings) == 8
    assert warnings[0].message.endswith("both take names such as 'a.a.a'")
    assert "'t8' ('a.{b}.{c}') and 'x' of 't7'" in warnings[-1].message
    assert warnings[-1].message.endswith("; so do t0, t1, t2, t3, t4 and 2 more")


def test_two_versions_of_a_template_do_not_overlap() -> None:
    twice = [template(masked("x", "a.{b}"), version=version) for version in (1, 2)]
    problems, warnings = check_repository(twice)
    assert len(problems) == 1
    assert warnings == []


def test_overlapping_masks_are_a_warning_with_a_name() -> None:
    one = template(masked("i", "a.{x}.*"), name="one")
    two = template(masked("j", "*.b.{y}"), name="two")
    problems, (warning,) = check_repository([one, two])
    assert problems == []
    assert "both take names such as 'a.b.a'" in warning.message
    other = template(masked("j", "*.b.{y}", exclude=("a.**",)), name="two")
    assert check_repository([one, other]) == ([], [])
    last = template(masked("k", "k.{x}"), masked("j", "*.b.{y}", pick="last"), name="two")
    assert check_repository([one, last]) == ([], [])


# Which runs start.


def test_a_run_starts_for_every_combination_with_the_highest_calibration() -> None:
    found = combinations(
        SPD,
        closed(
            *["spd.00000001.mu.raw", "spd.00000001.el.raw", "spd.00000002.mu.raw", "spd.00000003.mu.raw"],
            *["spd.00000001.calib.v9", "spd.00000001.calib.v10", "spd.00000002.calib.v1", "other"],
        ),
    )
    assert found.matches == (
        Match(
            {"raw": "spd.00000001.el.raw", "calib": "spd.00000001.calib.v10"},
            {"run": 1, "stream": "el", "cv": 10},
            {"run": 1},
        ),
        Match(
            {"raw": "spd.00000001.mu.raw", "calib": "spd.00000001.calib.v10"},
            {"run": 1, "stream": "mu", "cv": 10},
            {"run": 1},
        ),
        Match(
            {"raw": "spd.00000002.mu.raw", "calib": "spd.00000002.calib.v1"},
            {"run": 2, "stream": "mu", "cv": 1},
            {"run": 2},
        ),
    )
    (waiting,) = found.waiting
    assert waiting.datasets == {"raw": "spd.00000003.mu.raw"}
    assert waiting.reason == (
        "no CLOSED dataset for input 'calib' ('spd.{run:08d}.calib.v{cv:int}') with run = 3"
    )
    assert found.refused == ()


def test_only_closed_datasets_are_taken() -> None:
    states = [DatasetState.OPEN, DatasetState.DELETED]
    datasets = [Dataset(f"spd.0000000{n}.mu.raw", state) for n, state in enumerate(states)]
    assert combinations(template(RAW), datasets) == Combinations()


def test_a_calibration_starts_no_run() -> None:
    assert combinations(SPD, closed("spd.00000001.calib.v1")) == Combinations()


def test_a_workflow_without_masks_is_started_by_no_dataset() -> None:
    assert combinations(template(scalar("x")), closed("a")) == Combinations()


def test_text_is_ordered_as_text_and_several_captures_in_the_order_of_the_mask() -> None:
    last = masked("c", "c.{era}.v{n:int}", pick="last")
    workflow = template(masked("i", "i.{x}"), last)
    names = ["i.a", "c.2024.v9", "c.2025.v1", "c.2025.v2", "c.2024.v10"]
    (match,) = combinations(workflow, closed(*names)).matches
    assert match.datasets["c"] == "c.2025.v2"


def test_excluded_names_and_false_conditions_are_left_out() -> None:
    workflow = template(
        masked("e", "cms.{run:06d}.{s}", exclude=("**.test",), where='run >= 5 and quality == "good"')
    )
    datasets = [
        *closed("cms.000005.mu", "cms.000006.test", "cms.000004.mu", quality="good"),
        *closed("cms.000007.mu", quality="bad"),
        *closed("cms.000008.mu"),
        *closed("cms.000009.mu", quality=3),
    ]
    found = combinations(workflow, datasets)
    assert [match.datasets["e"] for match in found.matches] == ["cms.000005.mu"]
    (refused,) = found.refused
    assert refused.datasets == {"e": "cms.000009.mu"}
    assert "compares a number (quality = 3) with text" in refused.reason


def test_masks_join_on_numbers_whatever_their_width() -> None:
    workflow = template(masked("a", "a.{run:08d}"), masked("b", "b.r{run:int}.{s}"))
    found = combinations(workflow, closed("a.00000012", "b.r12.x", "b.r12.y", "b.r13.x"))
    assert [match.datasets["b"] for match in found.matches] == ["b.r12.x", "b.r12.y"]


def test_masks_that_share_nothing_are_not_multiplied() -> None:
    workflow = template(masked("a", "a.{x}"), masked("b", "b.{y}"))
    with pytest.raises(MaskError, match="shares no capture"):
        combinations(workflow, closed("a.1", "b.1"))


def test_a_value_that_does_not_fit_its_type_is_refused() -> None:
    raw = masked("raw", "a.{n:int}")
    found = combinations(template(raw, scalar("n", "int", "{n}")), closed("a.2147483647", "a.2147483648"))
    assert [match.values for match in found.matches] == [{"n": 2147483647}]
    assert "does not fit its type; make it a long" in found.refused[0].reason
    (match,) = combinations(
        template(raw, scalar("n", ["null", "long"], "{n}")), closed("a.2147483648")
    ).matches
    assert match.values == {"n": 2147483648}
    (match,) = combinations(template(raw, scalar("n", "string", "r{n:04d} {version}")), closed("a.7")).matches
    assert match.values == {"n": "r0007 3"}


small = st.integers(0, 3)


@given(
    st.sets(st.tuples(small, small)),
    st.sets(st.tuples(small, small)),
    st.sets(st.tuples(small, small)),
    st.randoms(),
)
def test_the_join_finds_what_nested_loops_find(
    ab: set[tuple[int, int]], bc: set[tuple[int, int]], last: set[tuple[int, int]], random: Any
) -> None:
    workflow = template(
        masked("ab", "ab.{a}.{b}"), masked("bc", "bc.{b}.{c}"), masked("l", "l.{c}.v{v:int}", pick="last")
    )
    names = [f"ab.{a}.{b}" for a, b in ab] + [f"bc.{b}.{c}" for b, c in bc] + [f"l.{c}.v{v}" for c, v in last]
    random.shuffle(names)
    found = combinations(workflow, closed(*names))
    pairs = sorted((f"ab.{a}.{b}", f"bc.{b}.{c}", str(c)) for a, b in ab for b2, c in bc if b == b2)
    highest = {str(c): max(v for c2, v in last if c2 == c) for c, _ in last}
    assert [tuple(match.datasets.values()) for match in found.matches] == [
        (left, right, f"l.{c}.v{highest[c]}") for left, right, c in pairs if c in highest
    ]
    assert [tuple(each.datasets.values()) for each in found.waiting] == [
        (left, right) for left, right, c in pairs if c not in highest
    ]
    assert found == combinations(workflow, closed(*sorted(names)))


# What outputs are called.


def test_outputs_and_logs_are_named_from_the_captures() -> None:
    inner = template(steps=(step("decode"), step("reco")))
    workflow = template(
        RAW,
        KEPT,
        out("plain", "x.{run_id}.{tag}"),
        scalar("tag"),
        logs="spd.{run:08d}.{stream}.{step}.log",
        steps=(step("chain", inner), step("merge")),
    )
    names, logs = output_names(workflow, {"run": 12, "stream": "mu"}, {"tag": "t1"}, "r7")
    assert names == {"kept": "spd.00000012.mu.kept.v3", "plain": "x.r7.t1"}
    assert logs == {
        "chain/decode": "spd.00000012.mu.chain-decode.log",
        "chain/reco": "spd.00000012.mu.chain-reco.log",
        "merge": "spd.00000012.mu.merge.log",
    }


def test_outputs_whose_captures_are_not_there_are_not_published() -> None:
    workflow = template(RAW, RUN, KEPT, out("o", "x.{run:08d}"), logs="l.{stream}.{step}", steps=(step("a"),))
    assert output_names(workflow, {}, {"run": 12}) == ({"o": "x.00000012"}, {})
    assert name_parts(workflow, {"run": 3}, {"run": 12, "else": 1}, "r") == {
        "run": 3,
        "template": "spd",
        "version": 3,
        "run_id": "r",
    }


def test_two_outputs_cannot_become_one_dataset() -> None:
    workflow = template(scalar("a"), scalar("b"), out("o", "x.{a}"), out("p", "x.{b}"))
    with pytest.raises(MaskError, match=r"output 'o' and output 'p' would both become dataset 'x\.s'"):
        output_names(workflow, {}, {"a": "s", "b": "s"})


def test_an_input_that_cannot_stand_in_a_name_is_told() -> None:
    workflow = template(scalar("a"), out("o", "x.{a}"))
    with pytest.raises(MaskError, match=r"the part {a} is '\.\./y', with '\.' in it"):
        output_names(workflow, {}, {"a": "../y"})


def test_files_are_numbered_or_called_like_their_dataset() -> None:
    workflow = template(
        out("many", "x"),
        out("one", "y", "File"),
        out("like", "z", FILES, "{stem}.{run}{ext}"),
    )
    assert file_names(workflow, "many", "u:a/b", ["p.csv.gz", "q", "r.tar.gz"]) == [
        "u.a.b.000000.csv.gz",
        "u.a.b.000001",
        "u.a.b.000002.tar.gz",
    ]
    assert file_names(workflow, "many", "x", ["p.root"], single=True) == ["x.root"]
    assert file_names(workflow, "one", "y", ["p.root"]) == ["y.root"]
    assert file_names(workflow, "like", "z", ["p.txt", "q.txt"], parts={"run": 3}) == ["p.3.txt", "q.3.txt"]
    with pytest.raises(
        MaskError, match=r"files 0 \('p.txt'\) and 2 \('p.txt'\) would both be called 'p.3.txt'"
    ):
        file_names(workflow, "like", "z", ["p.txt", "q.txt", "p.txt"], parts={"run": 3})


# What templates say to a name.


def test_every_template_says_what_it_makes_of_a_name_or_why_not() -> None:
    cms = template(
        masked("e", "cms.{run:06d}.{s}", exclude=("**.test",), where="run >= 5 and quality == 'good'"),
        name="cms",
    )
    mc = template(scalar("x"), name="mc")
    high = template(masked("i", "spd.**"), name="high", rank=5, version=1)
    old = template(RAW, KEPT, version=2, status=TemplateStatus.ARCHIVED)
    all_of_them = [SPD, cms, mc, high, old]

    verdicts = explain_name("spd.00000012.mu.raw", all_of_them)
    assert [(verdict.template, verdict.version, verdict.taken) for verdict in verdicts] == [
        ("high", 1, True),
        ("spd", 3, True),
        ("cms", 3, False),
        ("mc", 3, False),
        ("spd", 2, False),
    ]
    assert verdicts[1].captures == {"run": 12, "stream": "mu"}
    assert verdicts[1].outputs == {"kept": "spd.00000012.mu.kept.v3"}
    assert verdicts[2].reasons == ("input 'e': segment 1 is 'spd', mask wants 'cms'",)
    assert "none of its inputs has a mask" in verdicts[3].reasons[0]
    assert verdicts[4].reasons == ("version 2 is ARCHIVED: datasets start the ACTUAL version only",)

    calib = explain_name("spd.00000012.calib.v7", [SPD])[0]
    assert (calib.taken, calib.input, calib.starts) == (True, "calib", False)
    assert calib.outputs == {"kept": "spd.00000012.{stream}.kept.v3"}

    assert explain_name("cms.000007.test", [cms])[0].reasons == ("input 'e': excluded by '**.test'",)
    unset, unknown = explain_name("cms.000007.mu", [cms])[0].reasons
    assert "is not true: quality is not set, run is 7" in unset
    assert unknown == "no dataset 'cms.000007.mu' is known, so it has no metadata"
    assert explain_name("cms.000007.mu", [cms], closed("cms.000007.mu", quality="good"))[0].taken
    (reason,) = explain_name("cms.000007.mu", [cms], closed("cms.000007.mu", quality=1))[0].reasons
    assert "compares a number (quality = 1) with text" in reason


def test_an_open_dataset_is_taken_when_it_closes() -> None:
    dataset = Dataset("spd.00000012.mu.raw", DatasetState.OPEN)
    (verdict,) = explain_name(dataset.name, [template(RAW)], [dataset])
    assert verdict.taken
    assert verdict.reasons == ("the dataset is OPEN; a dataset is taken when it is CLOSED",)


def test_a_bad_name_is_told_before_any_template_is_asked() -> None:
    with pytest.raises(MaskError, match="two separators meet"):
        explain_name("a..b", [SPD])


def test_many_templates_are_found_by_name() -> None:
    many = TemplateIndex(template(masked("i", f"t{n}.{{x}}"), name=f"t{n}") for n in range(200))
    (found,) = many.takers("t77.a", {}).items()
    assert (found[0], found[1][1]) == (77, {"x": "a"})


def test_a_broken_filter_is_no_silent_no() -> None:
    with pytest.raises(FilterError):
        combinations(template(masked("a", "a.{x}", where="x >")), closed("a.b"))


@pytest.mark.shared
def test_the_shared_templates_have_sound_masks_and_names(shared: Path) -> None:
    from helios_wf.cwl.load import load

    names = ["spd_filter", "cms_hists", "event_stats", "mc", "rubin_isr"]
    workflows = [load(shared / "language" / f"{name}.cwl").process for name in names]
    loaded = [workflow for workflow in workflows if isinstance(workflow, Workflow)]
    assert [str(problem) for workflow in loaded for problem in check_template(workflow)] == []
    assert check_repository(loaded) == ([], [])
    datasets = closed("spd.00000012.mu.raw", "spd.00000012.calib.v2", "spd.00000012.calib.v11")
    (match,) = combinations(loaded[0], datasets).matches
    assert match.datasets["calib"] == "spd.00000012.calib.v11"
    assert output_names(loaded[0], match.captures, match.values)[0] == {"kept": "spd.00000012.mu.kept.v3"}
