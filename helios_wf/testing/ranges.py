"""What every backend promises about attempts with event ranges; a part of ``BackendContract``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from msgspec.structs import replace

from helios_wf.model import EventRange, Feeding, JobSpec, Json, RangeNews, RangeReport, Report, Way
from helios_wf.states import Cause

if TYPE_CHECKING:
    from helios_wf.backend import Backend
    from helios_wf.testing.bench import Bench

PATIENCE_S = 60.0

SCRIPT = """
import pathlib, sys, time
from helios_wf.event_stream import event_ranges, whole

def work(events):
    {body}
    pathlib.Path(events.outdir, "out").write_text(f"{{events.first}} {{events.stop}}")

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if "stream" in options or "folder" in options:
    for events in event_ranges(options.get("folder")):
        with events:
            work(events)
else:
    first = int(options["first"])
    work(whole(None, first, first + int(options["count"])))
"""


def range_tool(body: str = "pass", **fields: Json) -> dict[str, Json]:
    """Returns a tool in Python that is told its event ranges in each of the three ways.

    ``body`` is done for each range (``events``); then the bounds are written to the output ``out``.
    """
    kinds = {"stream": "boolean", "folder": "string", "first": "long", "count": "long"}
    inputs: list[Json] = [
        {
            "id": name,
            "type": ["null", kind],
            "inputBinding": {"prefix": name, "valueFrom": "$(self)"} if kind != "boolean" else None,
        }
        for name, kind in kinds.items()
    ]
    inputs[0]["inputBinding"] = {"prefix": "stream", "valueFrom": "on"}
    script = SCRIPT.format(body=body.replace("\n", "\n    "))
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": [sys.executable, "-c", script],
        "inputs": inputs,
        "outputs": [{"id": "out", "type": "File", "outputBinding": {"glob": "out"}}],
        **fields,
    }


def feeding(way: Way, *bounds: tuple[int, int], more: bool = False) -> Feeding:
    """Returns how ``range_tool`` is fed with ranges between these bounds."""
    switch = {Way.PROCESS: None, Way.RESIDENT: "stream", Way.FOLDER: "folder"}[way]
    ranges = tuple(EventRange(*each) for each in bounds)
    return Feeding(way=way, ranges=ranges, first="first", count="count", switch=switch, more=more)


class Told(NamedTuple):
    """All that was told of an attempt."""

    report: Report
    news: list[RangeNews]
    ranges: list[RangeReport]

    def causes(self) -> dict[int, Cause | None]:
        """Returns what became of each range, by its first position; none may be told twice."""
        found = {each.first: each.cause for each in self.ranges}
        assert len(found) == len(self.ranges), f"a range was told twice: {self.ranges}"
        return found

    def texts(self) -> dict[int, str]:
        """Returns what the ranges wrote that are done."""
        done = [each for each in self.ranges if each.cause is None]
        return {each.first: Path(each.outputs["out"]["path"]).read_text() for each in done}


Listener = Callable[[RangeNews], None]


def listen(backend: Backend, handle: str, on_news: Listener = lambda news: None) -> Told:
    """Waits for the report of an attempt, and returns all that is told of it until then."""
    news: list[RangeNews] = []
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < deadline, f"{handle} was not reported in {PATIENCE_S} s; heard: {news}"
        reports = {report.handle: report for report in backend.poll(0.05)}
        for each in backend.heard():
            if each.handle == handle:
                news.append(each)
                on_news(each)
        if handle in reports:
            report = reports[handle]
            early = [one for each in news for one in each.ranges]
            return Told(report, news, [*early, *report.ranges])


class RangePromises:
    """Promises about attempts with event ranges; those about feeding hold for a backend that ``feeds``."""

    def start(self, bench: Bench, tool: dict[str, Json], given: Feeding) -> JobSpec:
        """Submits an attempt that is fed in this way."""
        spec = replace(bench.spec(tool), feeding=given)
        bench.backend.submit([spec])
        return spec

    @pytest.mark.parametrize("way", Way)
    def test_the_ranges_of_a_spec_are_told_once_each_with_their_outputs(self, bench: Bench, way: Way) -> None:
        spec = self.start(bench, range_tool(), feeding(way, (0, 10), (10, 25), (25, 26)))
        told = listen(bench.backend, spec.handle)
        assert (told.report.cause, told.report.outputs) == (None, {}), told.report.message
        assert told.causes() == {0: None, 10: None, 25: None}
        assert told.texts() == {0: "0 10", 10: "10 25", 25: "25 26"}
        for each in told.ranges:
            assert each.directory.startswith(f"{spec.directory}/")
            assert each.outputs["out"]["checksum"].startswith("sha1$")

    @pytest.mark.parametrize("way", Way)
    def test_a_range_that_fails_is_told_with_its_reason_and_the_others_are_done(
        self, bench: Bench, way: Way
    ) -> None:
        tool = range_tool("if events.first == 10: print('bad event 17', file=sys.stderr); sys.exit(3)")
        spec = self.start(bench, tool, feeding(way, (0, 10), (10, 25), (25, 26)))
        told = listen(bench.backend, spec.handle)
        assert told.report.cause is None
        assert told.causes() == {0: None, 10: Cause.EXIT, 25: None}
        (bad,) = [each for each in told.ranges if each.cause]
        assert (bad.stop, bad.number, bad.exit_code) == (25, 1, 3)
        assert "bad event 17" in bad.stderr_tail

    def test_a_tool_that_never_gets_ready_is_no_range_s_fault(self, bench: Bench) -> None:
        tool = range_tool()
        tool["baseCommand"] = ["/bin/sh", "-c", "echo no geometry >&2; exit 3", "sh"]
        spec = self.start(bench, tool, feeding(Way.RESIDENT, (0, 10), (10, 20)))
        told = listen(bench.backend, spec.handle)
        assert (told.report.cause, told.ranges) == (Cause.NOT_READY, [])
        assert "no geometry" in told.report.message

    def test_a_cancelled_attempt_keeps_what_its_ranges_had_done(self, bench: Bench) -> None:
        tool = range_tool("if events.first == 10: time.sleep(1000)")
        spec = self.start(bench, tool, feeding(Way.RESIDENT, (0, 10), (10, 20), (20, 30)))
        bench.started(spec.handle)
        bench.backend.cancel([spec.handle])
        told = listen(bench.backend, spec.handle)
        assert told.report.cause is Cause.CANCELLED
        assert told.causes() in ({}, {0: None})

    def test_an_attempt_takes_the_ranges_that_it_is_fed_until_there_are_no_more(self, bench: Bench) -> None:
        self.only_if_it_feeds(bench)
        meals = [[(0, 10)], [(10, 20), (20, 30)], [(30, 40)]]
        for way in Way:
            spec = self.start(bench, range_tool(), feeding(way, more=True))
            told = listen(bench.backend, spec.handle, _serve(bench.backend, list(meals)))
            assert told.report.cause is None, told.report.message
            assert told.texts() == {0: "0 10", 10: "10 20", 20: "20 30", 30: "30 40"}

    def test_news_say_what_has_begun_and_how_many_events_are_done(self, bench: Bench) -> None:
        self.only_if_it_feeds(bench)
        gate = bench.folder / "gate"
        body = f"events.progress(3)\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)"
        spec = self.start(bench, range_tool(body), feeding(Way.RESIDENT, (0, 10)))
        seen: list[RangeNews] = []
        deadline = time.monotonic() + PATIENCE_S
        while not any(each.processed for each in seen):
            assert time.monotonic() < deadline
            assert bench.backend.poll(0.05) == []
            seen += bench.backend.heard()
        gate.touch()
        assert {id_ for each in seen for id_ in each.begun} == {"0-10.1"}
        assert [each.processed for each in seen if each.processed] == [{"0-10.1": 3}]
        assert listen(bench.backend, spec.handle).causes() == {0: None}

    def test_feeding_an_attempt_that_is_not_there_is_passed_over(self, bench: Bench) -> None:
        self.only_if_it_feeds(bench)
        spec = self.start(bench, range_tool(), feeding(Way.PROCESS, (0, 10)))
        listen(bench.backend, spec.handle)
        bench.backend.feed(spec.handle, [EventRange(10, 20)], False)
        bench.backend.feed("no-such-run/0.1", [EventRange(10, 20)], False)
        after = self.start(bench, range_tool(), feeding(Way.PROCESS, (20, 30)))
        assert listen(bench.backend, after.handle).causes() == {20: None}

    def test_what_was_told_of_ranges_before_a_worker_was_lost_counts(self, bench: Bench) -> None:
        self.only_if_it_feeds(bench)
        body = "if events.first == 10: time.sleep(1000)"
        spec = self.start(bench, range_tool(body), feeding(Way.RESIDENT, (0, 10), (10, 20)))
        lost: list[str] = []

        def lose(news: RangeNews) -> None:
            if news.ranges and not lost:
                lost.append(news.handle)
                self.lose(bench.backend, news.handle)

        told = listen(bench.backend, spec.handle, lose)
        assert told.report.cause is Cause.LOST
        assert told.causes() == {0: None}

    def lose(self, backend: Backend, handle: str) -> None:
        """Takes away, without a warning, the worker that runs an attempt."""
        raise NotImplementedError

    def only_if_it_feeds(self, bench: Bench) -> None:
        """Skips a test of what only some backends do."""
        if not bench.backend.feeds:
            pytest.skip(f"the backend {bench.backend.name!r} gives an attempt all its ranges at its start")


def _serve(backend: Backend, meals: list[list[tuple[int, int]]]) -> Listener:
    """Returns what feeds an attempt, a meal each time that it asks."""

    def serve(news: RangeNews) -> None:
        if news.wants:
            meal = meals.pop(0) if meals else []
            backend.feed(news.handle, [EventRange(*each) for each in meal], bool(meals))

    return serve
