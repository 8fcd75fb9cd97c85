"""Scans a cut on energy over generated events, and prints what is left: ``python scan.py [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import helios_wf

work = Path(sys.argv[1] if len(sys.argv) > 1 else "work")

# events to look at, made by the template of that name
made = helios_wf.run(
    "generate_events",
    {"campaign": "scan", "seed": 42, "n_events": 40_000},
    changes={"generate.split.eventsPerJob": 10_000},
    outdir=work / "events",
    home=work / "home",
).raise_for_state()
events = made.files()[0]
print(f"{events.basename}: {events.layout().n_events:,} events")

# the whole spectrum, a batch at a time
energies = np.concatenate([batch["energy"].to_numpy() for batch in events.batches(columns=["energy"])])
counts, edges = np.histogram(energies, bins=8, range=(0, 80))
for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
    print(f"{low:3.0f}-{high:<3.0f} GeV {count:7,} {'#' * (60 * count // counts.max())}".rstrip())

# all cuts at once, in the background; each is a run of its own
select = Path(__file__).resolve().parents[2] / "cwl_tools" / "events_select.cwl"
runs = {
    cut: helios_wf.run(
        select,
        {"events": events, "filter": f"energy > {cut}", "extension": "parquet"},
        outdir=work / f"above_{cut}",
        home=work / "home",
        jobs=1,
        wait=False,
    )
    for cut in np.arange(20, 80, 20)
}
for cut, run in runs.items():
    left = run.wait().file("selected").to_arrow(columns=["energy"])
    print(f"above {cut} GeV: {left.num_rows:6,} events, {left.num_rows == (energies > cut).sum()}")
