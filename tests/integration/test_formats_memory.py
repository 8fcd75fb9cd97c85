"""Memory is bounded by a batch, not by the file; and importing formats imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 1_500_000

WRITE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
from helios_wf import formats
def batch(place, n=100_000):
    return pa.record_batch({"event": np.arange(n) + place * n, "energy": np.arange(n) * 0.37 + place,
                            "status": np.array(["active", "idle"])[np.arange(n) % 2]})
batches = [batch(i) for i in range(ROWS // 100_000)]
for path in sys.argv[1:]:
    formats.write(path, batches, batches[0].schema)
pq.write_table(pa.Table.from_batches(batches), "one_group.parquet", row_group_size=ROWS)
"""

READ = """
import sys, pyarrow as pa
from helios_wf import formats
path, out = sys.argv[1:]
with formats.read(path) as batches:
    count = formats.write(out, batches, batches.schema, cluster_events=65_536)
print(count, pa.default_memory_pool().max_memory())
"""


def python(folder: Path, code: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_arrow_never_holds_more_than_some_batches(tmp_path: Path) -> None:
    names = ["a.csv", "a.parquet", "a.arrow", "a.arrows"]
    python(tmp_path, f"ROWS = {ROWS}\n{WRITE}", *names)
    for name in [*names, "one_group.parquet"]:
        size = ROWS * 30
        count, most = map(int, python(tmp_path, READ, name, "out.arrow").split())
        assert count == ROWS
        assert most < size / 2, f"{name}: {most} bytes for a table of about {size}"


def test_importing_formats_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from helios_wf import formats
open("a.parquet", "wb").write(b"PAR1")
formats.recognise("a.parquet"), formats.checksum("a.parquet")
print(*sorted({"pyarrow", "uproot", "h5py", "awkward", "pandas", "numpy"} & set(sys.modules)))
"""
    assert python(tmp_path, code).split() == []
