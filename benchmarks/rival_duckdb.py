"""Event statistics by DuckDB, to stand beside ours: ``rival_duckdb.py FILE THREADS``."""

from __future__ import annotations

import json
import sys

import duckdb

path, threads = sys.argv[1], int(sys.argv[2])
connection = duckdb.connect()
connection.execute(f"SET threads = {threads}")
if path.endswith(".csv"):
    types = {
        "event_id": "BIGINT",
        "timestamp": "BIGINT",
        "sensor_id": "INTEGER",
        "energy": "DOUBLE",
        "status": "VARCHAR",
    }
    source = f"read_csv('{path}', header = true, columns = {types})"
else:
    source = f"read_parquet('{path}')"
rows = connection.execute(
    f"""
    SELECT status, sensor_id, CAST(floor(energy / 2) AS INTEGER) AS bin,
           count(*), sum(energy), count(*) FILTER (energy > 80)
    FROM {source} GROUP BY ALL
    """
).fetchall()

statuses: dict[str, int] = {}
sensors: dict[int, int] = {}
bins: dict[int, int] = {}
for status, sensor, bin_, count, _, _ in rows:
    statuses[status] = statuses.get(status, 0) + count
    sensors[sensor] = sensors.get(sensor, 0) + count
    bins[min(bin_, 100)] = bins.get(min(bin_, 100), 0) + count
n_events = sum(statuses.values())
print(
    json.dumps(
        {
            "version": duckdb.__version__,
            "n_events": n_events,
            "status": statuses,
            "sensors": len(sensors),
            "mean": sum(row[4] for row in rows) / n_events,
            "high": sum(row[5] for row in rows),
            "histogram": [bins.get(i, 0) for i in range(100)],
        }
    )
)
