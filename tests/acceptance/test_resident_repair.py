"""A resident tool that dies at some events: exactly those are lost, and all others are there once."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helios_wf import event_stream

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

HERE = Path(__file__).parent
N = 2000
REASONS = {
    "exit": "it exited with 3",
    "signal": "it was ended by SIGSEGV (segmentation fault)",
    "hang": "it ran longer than its time limit of 3 s",
    "error": "a bad event",
}


@pytest.mark.parametrize("how", REASONS)
def test_exactly_the_poisonous_events_are_lost_and_all_others_done_once(helios: Command, how: str) -> None:
    for name in ("poisonous_events.py", "poisonous_events.cwl"):
        shutil.copy(HERE / name, helios.folder)
    shutil.copy(event_stream.__file__, helios.folder)
    bad = sorted(random.Random(how).sample(range(N), 1 if how == "hang" else 3))
    raw = helios.write("raw.txt", "".join(f"event {event}\n" for event in range(N)))
    job = {"raw": [{"class": "File", "path": str(raw)}], "how": how, "bad": ",".join(map(str, bad))}
    helios.write("job.json", json.dumps(job))
    outputs = helios.json("run", "poisonous_events.cwl", "job.json", "--outdir", "out", "--quiet")
    joined = Path(outputs["joined"]["path"]).read_text().splitlines()
    assert joined == [f"event {event}" for event in range(N) if event not in bad]
    for event in bad:
        assert f"event {event} of {raw} ({REASONS[how]})" in helios.err
