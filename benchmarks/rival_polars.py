"""Event statistics by Polars, to stand beside ours: ``rival_polars.py FILE``; POLARS_MAX_THREADS rules."""

from __future__ import annotations

import json
import sys

import polars as pl

path = sys.argv[1]
if path.endswith(".csv"):
    types = {"event_id": pl.Int64, "timestamp": pl.Int64, "sensor_id": pl.Int32, "energy": pl.Float64}
    events = pl.scan_csv(path, schema={**types, "status": pl.String})
else:
    events = pl.scan_parquet(path)
cells = (
    events.group_by(
        "status", "sensor_id", (pl.col("energy") / 2).floor().clip(0, 100).cast(pl.Int32).alias("bin")
    )
    .agg(
        pl.len().alias("count"),
        pl.col("energy").sum().alias("sum"),
        (pl.col("energy") > 80).sum().alias("high"),
    )
    .collect(engine="streaming")
)
n_events = int(cells["count"].sum())
by_bin = dict(cells.group_by("bin").agg(pl.col("count").sum()).iter_rows())
print(
    json.dumps(
        {
            "version": pl.__version__,
            "n_events": n_events,
            "status": dict(cells.group_by("status").agg(pl.col("count").sum()).iter_rows()),
            "sensors": cells["sensor_id"].n_unique(),
            "mean": float(cells["sum"].sum()) / n_events,
            "high": int(cells["high"].sum()),
            "histogram": [by_bin.get(i, 0) for i in range(100)],
        }
    )
)
