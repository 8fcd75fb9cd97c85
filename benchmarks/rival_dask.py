"""``md5sum FILE > OUT`` for each file by Dask: ``rival_dask.py LIST FOLDER WORKERS``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from distributed import Client, LocalCluster


def summed(file: str, out: str) -> int:
    with Path(out).open("wb") as stdout:
        return subprocess.run(["md5sum", file], stdout=stdout, check=True).returncode


if __name__ == "__main__":
    files, folder = Path(sys.argv[1]).read_text().split(), sys.argv[2]
    outs = [f"{folder}/{Path(file).name}.md5" for file in files]
    with (
        LocalCluster(n_workers=int(sys.argv[3]), threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(summed, files, outs))
