"""How many jobs make one array task, from what the jobs of each tool took so far; kept between runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from helios_wf.model import JobSpec
from helios_wf.spool import write

LARGEST = 1000
"""The most jobs in one array task."""

LEAST_S = 3.0
"""An array task costs half a second before its first job begins; less work is not worth one."""

OVERHEAD_S = 0.01
"""What a job costs besides its tool."""

_WEIGHT = 0.2


class Pace:
    """The mean duration of the jobs of each tool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_new = False
        self._seen: set[str] = set()
        self._mean_s: dict[str, float] = {}
        with contextlib.suppress(OSError, msgspec.DecodeError):
            self._mean_s = msgspec.json.decode(path.read_bytes(), type=dict[str, float])

    def learn(self, tool: str, seconds: float) -> None:
        """Takes the duration of one job into the moving mean of its tool."""
        mean = self._mean_s.pop(tool, None)
        self._mean_s[tool] = seconds if mean is None else mean + _WEIGHT * (seconds - mean)
        self._seen.add(tool)
        self._is_new = True

    def mean(self, tool: str) -> float | None:
        """Returns how long a job of a tool is thought to last, in seconds; None when that is not known."""
        mean = self._mean_s.get(tool)
        return None if mean is None else mean + OVERHEAD_S

    def largest(self, aim_s: float) -> int:
        """Returns how many jobs of the quickest tool that this engine saw make ``aim_s`` seconds."""
        quickest = min((self._mean_s[tool] for tool in self._seen), default=aim_s)
        return max(1, min(LARGEST, int(aim_s / (quickest + OVERHEAD_S))))

    def save(self, most: int = 1000) -> None:
        """Keeps what was learnt, of the tools that were seen last."""
        if self._is_new:
            with contextlib.suppress(OSError):
                write(self._path, msgspec.json.encode(dict(list(self._mean_s.items())[-most:])))
            self._is_new = False


def cut(
    specs: Sequence[JobSpec],
    mean: Callable[[str], float | None],
    aim_s: float,
    width: int,
    least_s: float = LEAST_S,
) -> Iterator[list[JobSpec]]:
    """Yields consecutive jobs that make about ``aim_s`` seconds, or less where more can go side by side.

    Args:
        specs: jobs that need the same of a node.
        mean: what a job of a tool takes, in seconds; one of which that is not known stays alone.
        aim_s: what a chunk should take.
        width: how many chunks can be worked on at once.
        least_s: a chunk is not made smaller than this for the sake of the width.
    """
    share = -(-len(specs) // max(1, width))
    chunk: list[JobSpec] = []
    seconds = 0.0
    for spec in specs:
        its = mean(spec.tool)
        its = aim_s if its is None else its
        is_enough = len(chunk) >= share and seconds >= least_s
        if chunk and (is_enough or seconds + its > aim_s or len(chunk) >= LARGEST):
            yield chunk
            chunk, seconds = [], 0.0
        chunk.append(spec)
        seconds += its
    if chunk:
        yield chunk
