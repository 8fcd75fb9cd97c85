"""Event statistics on a GPU and on the CPU: events per second from file to result, and where the time goes.

    python benchmarks/gpu.py [--events 100000000] [--output results.json]

It needs an NVIDIA device and CuPy (helios-wf[cuda]); without, it says so and measures the CPU alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from measuring import BIN, Measured, compare, in_turn, report, results, row, together, work_folder

from helios_wf.errors import SettingsError
from helios_wf.event_tools.device import device_of

PARTS = """
import json, sys, time
from pathlib import Path
from helios_wf import formats
from helios_wf.event_tools.device import device_of
from helios_wf.event_tools.partial import Question
from helios_wf.event_tools.tally import Tally, gathered

path, device = Path(sys.argv[1]), device_of(sys.argv[2])
counted = ["status", "sensor_id"]
question = Question(*counted, "energy", threshold=80.0, bins=100, low=0.0, high=200.0, filter=None)
spent = {"read": 0.0, "crunch": 0.0}
begun = time.perf_counter()
with formats.read(path, columns=[*counted, "energy"], dictionaries=counted) as reader:
    tally, batches = Tally(question, reader.schema, device), gathered(reader, device.at_once)
    while True:
        at = time.perf_counter()
        batch = next(batches, None)
        spent["read"] += time.perf_counter() - at
        if batch is None:
            break
        at = time.perf_counter()
        tally.add(batch)
        spent["crunch"] += time.perf_counter() - at
spent["all"] = time.perf_counter() - begun
print(json.dumps(spent))
"""
"""Where the time of one process goes: reading and decoding, or crunching (with the way to the device)."""


def main() -> None:
    options = arguments()
    with work_folder(options.work) as work:
        file = work / "events.parquet"
        together(
            [BIN / "helios-events", "generate", "--n-events", str(options.events), "--seed", "1", "-o", file]
        )
        devices = ["cpu", *(["cuda"] if has_cuda() else [])]
        contest: dict[str, Callable[[], Measured]] = {
            name: partial(statistics, file, name, work / f"{name}.json") for name in devices
        }
        rows = [
            row(name, options.events, timings) for name, timings in in_turn(options.times, contest).items()
        ]
        if len({(work / f"{name}.json").read_bytes() for name in devices}) > 1:
            sys.exit("the devices give different statistics")
        compare(rows, [one for one in rows if one["name"] == "cpu"])
        for one in rows:
            one["events_per_second"] = round(options.events / one["median"])
            one["parts"] = parts(file, one["name"])
        report(results("gpu", {"helios-wf": version("helios-wf")}, rows), options.output)


def has_cuda() -> bool:
    try:
        device_of("cuda")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return False
    return True


def statistics(file: Path, device: str, output: Path) -> Measured:
    return together([BIN / "helios-events", "stats", file, "--device", device, "-o", output])


def parts(file: Path, device: str) -> dict[str, float]:
    """Returns the seconds that go to reading and to crunching."""
    said = subprocess.run(
        [sys.executable, "-c", PARTS, file, device], check=True, capture_output=True, text=True
    ).stdout
    found: dict[str, float] = json.loads(said)
    return {part: round(seconds, 3) for part, seconds in found.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder to work in, kept")
    parser.add_argument("--output", type=Path, help="JSON file for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
