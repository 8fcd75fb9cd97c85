"""Jobs for the backend under test, and what is awaited of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from helios_wf.backend import Backend
from helios_wf.model import JobSpec, Json, Report, Resources, digest

PATIENCE_S = 60.0
"""How long a test waits for what must come."""


def shell_tool(script: str, **fields: Json) -> dict[str, Json]:
    """Returns a tool that runs a shell script in its working directory.

    Its inputs are ``x`` (``$1``, a string) and ``f`` (``$2``, a File), both optional; its output ``out`` is
    the file ``out``, optional; ``fields`` go over those of the tool.
    """
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["/bin/sh", "-c", script, "sh"],
        "inputs": [
            {"id": "x", "type": ["null", "string"], "inputBinding": {"position": 1}},
            {"id": "f", "type": ["null", "File"], "inputBinding": {"position": 2}},
        ],
        "outputs": [{"id": "out", "type": ["null", "File"], "outputBinding": {"glob": "out"}}],
        **fields,
    }


def timed(tool: dict[str, Json], seconds: int) -> dict[str, Json]:
    """Returns a tool with a time limit."""
    return {**tool, "requirements": [{"class": "ToolTimeLimit", "timelimit": seconds}]}


def drain(
    backend: Backend, count: int, patience_s: float = PATIENCE_S, early: Iterable[Report] = ()
) -> dict[str, Report]:
    """Returns ``count`` reports by handle, with the early ones; fails when one comes twice, or too late."""
    reports = {report.handle: report for report in early}
    deadline = time.monotonic() + patience_s
    while len(reports) < count:
        assert time.monotonic() < deadline, f"{len(reports)} of {count} reports came in {patience_s} s"
        for report in backend.poll(0.2):
            assert report.handle not in reports, f"{report.handle} was reported twice"
            reports[report.handle] = report
    return reports


def wait_until(condition: Callable[[], bool], backend: Backend | None = None) -> list[Report]:
    """Polls until a condition holds; returns what the backend reported meanwhile."""
    reports: list[Report] = []
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true in {PATIENCE_S} s"
        if backend is None:
            time.sleep(0.01)
        else:
            reports += backend.poll(0.01)
    return reports


class Bench:
    """Makes and submits jobs of one run to the backend under test."""

    def __init__(self, backend: Backend, folder: Path, run: str) -> None:
        self.backend = backend
        self.folder = folder
        self.run = run
        self._count = 0
        self._early: list[Report] = []

    def spec(self, tool: dict[str, Json], resources: Resources | None = None, **inputs: Json) -> JobSpec:
        """Returns an attempt of a new job; its tool is defined."""
        name = digest(tool)
        self.backend.define({name: tool})
        self._count += 1
        return JobSpec(
            run=self.run,
            key=f"0/{self._count}",
            attempt=1,
            tool=name,
            directory=str(self.folder / "runs" / f"{self._count}.1"),
            inputs=inputs,
            resources=resources or Resources(),
        )

    def submit(self, *tools: dict[str, Json], **inputs: Json) -> list[str]:
        """Submits one job of each tool, and returns the handles."""
        return self.backend.submit([self.spec(tool, **inputs) for tool in tools])

    def report(self, tool: dict[str, Json], **inputs: Json) -> Report:
        """Runs one job to its end."""
        (handle,) = self.submit(tool, **inputs)
        return self.drain(1)[handle]

    def drain(self, count: int) -> dict[str, Report]:
        """Returns ``count`` reports by handle, with those that came while something else was awaited."""
        early, self._early = self._early, []
        return drain(self.backend, count, early=early)

    def started(self, handle: str) -> None:
        """Waits until an attempt has begun."""
        seen: set[str] = set()

        def has_begun() -> bool:
            seen.update(self.backend.started())
            return handle in seen

        self._early += wait_until(has_begun, self.backend)
