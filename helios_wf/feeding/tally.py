"""What an attempt has used so far, over all processes that it started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Processor time in seconds, and the largest memory of one process in MiB (None: unknown).

    ``differences`` are those between compiler and cwltool that a check found (``--check-compiler``).
    """

    cpu_s: float = 0.0
    peak_memory_mb: float | None = None
    differences: tuple[str, ...] = ()

    def add(self, cpu_s: float, peak_memory_mb: float | None) -> None:
        """Adds a process that has ended."""
        self.cpu_s += cpu_s
        if peak_memory_mb is not None:
            self.peak_memory_mb = max(self.peak_memory_mb or 0.0, peak_memory_mb)
