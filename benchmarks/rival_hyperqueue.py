"""``md5sum FILE > OUT`` for each file by HyperQueue: ``rival_hyperqueue.py LIST FOLDER WORKERS``."""

from __future__ import annotations

import sys
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

files, folder, workers = Path(sys.argv[1]).read_text().split(), sys.argv[2], int(sys.argv[3])
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=workers))
    client = cluster.client()
    job = Job()
    for file in files:
        job.program(["md5sum", file], stdout=f"{folder}/{Path(file).name}.md5", stderr=None)
    client.wait_for_jobs([client.submit(job)])
