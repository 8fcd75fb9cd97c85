"""How many jobs go to a worker at once: about 100 ms of work, and one by one near the end."""

from __future__ import annotations

BATCH_S = 0.1
LARGEST_BATCH = 100
_WEIGHT = 0.2


class Pace:
    """What the jobs of each tool have taken so far, wall time and overhead together."""

    def __init__(self) -> None:
        self._mean_s: dict[str, float] = {}

    def learn(self, tool: str, seconds: float) -> None:
        """Takes the duration of one job into the moving mean of its tool."""
        mean = self._mean_s.get(tool)
        self._mean_s[tool] = seconds if mean is None else mean + _WEIGHT * (seconds - mean)

    def batch(self, tool: str) -> int:
        """Returns how many jobs of a tool last about as long as a batch should; 1 while nothing is known."""
        mean = self._mean_s.get(tool)
        if mean is None:
            return 1
        return max(1, min(LARGEST_BATCH, int(BATCH_S / max(mean, 1e-6))))


def share(waiting: int, workers: int) -> int:
    """Returns the most jobs that one worker may take of those that wait, so that all end together."""
    return max(1, -(-waiting // (2 * max(1, workers))))
