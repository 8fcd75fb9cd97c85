"""Tries a backend: what it says of its site itself, then one small job from beginning to end."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from helios_wf.backend import Backend, BackendFactory, BackendSettings, Finding
from helios_wf.errors import HeliosError
from helios_wf.model import JobSpec, Json, Report, digest

PATIENCE_S = 120.0
"""How long the small job is waited for."""

TOOL: dict[str, Json] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["/bin/sh", "-c", 'printf "%s" "$(uname -n)" > node'],
    "inputs": [],
    "outputs": [{"id": "node", "type": "File", "outputBinding": {"glob": "node"}}],
}


def examine(
    factory: BackendFactory, settings: BackendSettings, patience_s: float = PATIENCE_S
) -> Iterator[Finding]:
    """Yields what was found, one thing after another; stops where nothing more can be tried."""
    looks: Callable[[BackendSettings], Iterator[Finding]] | None = getattr(factory, "examine", None)
    is_sound = True
    for finding in looks(settings) if looks else ():
        yield finding
        is_sound = is_sound and finding.is_good is not False
    if is_sound:
        yield _tried(factory, settings, patience_s)


def _tried(factory: BackendFactory, settings: BackendSettings, patience_s: float) -> Finding:
    what = "a small job"
    folder = Path(settings.home, "trial", uuid.uuid4().hex)
    try:
        folder.mkdir(parents=True)
        with closing(factory(settings)) as backend:
            finding = _run(backend, folder, patience_s)
    except (HeliosError, OSError) as error:
        return Finding(what, False, str(error), "mend that, then try again")
    if finding.is_good:
        shutil.rmtree(folder, ignore_errors=True)
    return finding


def _run(backend: Backend, folder: Path, patience_s: float) -> Finding:
    what = "a small job"
    spec = JobSpec(f"trial-{folder.name}", "0/0", 1, digest(TOOL), str(folder / "0.1"))
    backend.define({spec.tool: TOOL})
    submitted = time.time()
    backend.submit([spec])
    deadline = time.monotonic() + patience_s
    why = ""
    while time.monotonic() < deadline:
        why = backend.waiting([spec.handle]).get(spec.handle, why)
        for report in backend.poll(0.5):
            # what was reported is settled now
            backend.poll(0.0)
            return _finding(report, submitted)
    advice = "give it more time with --patience, or ask for less"
    return Finding(what, False, f"did not end in {patience_s:g} s: {why or 'it was started'}", advice)


def _finding(report: Report, submitted: float) -> Finding:
    what = "a small job"
    if report.cause is None:
        node = Path(report.outputs["node"]["path"]).read_text()
        waited_s = max(0.0, report.started_at - submitted)
        return Finding(what, True, f"ran on {node} {waited_s:.1f} s after its submission; its output is here")
    return Finding(what, False, f"ended with {report.cause}: {report.message}", "mend what the message names")
