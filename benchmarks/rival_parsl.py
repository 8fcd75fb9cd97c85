"""``md5sum FILE > OUT`` for each file by Parsl: ``rival_parsl.py LIST FOLDER WORKERS``."""

from __future__ import annotations

import sys
from pathlib import Path

import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider


@parsl.bash_app
def summed(file: str, stdout: str) -> str:
    return f"md5sum {file}"


if __name__ == "__main__":
    files, folder, workers = Path(sys.argv[1]).read_text().split(), sys.argv[2], int(sys.argv[3])
    executor = HighThroughputExecutor(
        max_workers_per_node=workers, provider=LocalProvider(init_blocks=1, max_blocks=1)
    )
    with parsl.load(Config(executors=[executor], run_dir=f"{folder}/.parsl", usage_tracking=0)):
        futures = [summed(file, stdout=f"{folder}/{Path(file).name}.md5") for file in files]
        for future in futures:
            future.result()
