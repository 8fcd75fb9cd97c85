"""Measures what matching one dataset name against many masks costs; prints JSON.

    python benchmarks/masks.py [--masks 1000] [--repeat 5]

Each mask has a literal segment of its own, as templates of different streams do.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable

from helios_wf.masks import Mask, MaskIndex

SHAPES: dict[str, Callable[[int], str]] = {
    "spd.{run:08d}.streamN.raw": lambda n: f"spd.{{run:08d}}.stream{n}.raw",
    "**.streamN.{kind}.v{v:int}": lambda n: f"**.stream{n}.{{kind}}.v{{v:int}}",
    "**.streamN.**": lambda n: f"**.stream{n}.**",
}
NAMES: dict[str, Callable[[int], str]] = {
    "taken by one": lambda n: f"spd.{n:08d}.stream{n}.raw",
    "taken by none": lambda n: f"spd.{n:08d}.other.calib.v3",
}


def microseconds(index: MaskIndex[int], names: list[str], repeat: int) -> float:
    """Returns the median time of one match over some rounds."""
    rounds = []
    for _ in range(repeat):
        started = time.perf_counter()
        for name in names:
            index.match(name)
        rounds.append((time.perf_counter() - started) / len(names) * 1e6)
    return statistics.median(rounds)


def measure(masks: int, repeat: int) -> list[dict[str, object]]:
    results: list[dict[str, object]] = []
    for shape, mask in SHAPES.items():
        index: MaskIndex[int] = MaskIndex()
        started = time.perf_counter()
        for number in range(masks):
            index.add(number, Mask.parse(mask(number)))
        built_s = time.perf_counter() - started
        for label, name in NAMES.items():
            names = [name(number % masks) for number in range(1000)]
            microseconds(index, names, 1)
            cost = microseconds(index, names, repeat)
            results.append(
                {
                    "mask": shape,
                    "masks": masks,
                    "name": label,
                    "match_us": round(cost, 2),
                    "build_s": round(built_s, 3),
                }
            )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    chosen = parser.parse_args()
    report = {
        "benchmark": "masks",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "results": measure(chosen.masks, chosen.repeat),
    }
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
