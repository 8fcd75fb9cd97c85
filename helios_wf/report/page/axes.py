"""Axes of charts: where ticks stand and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from helios_wf.report.page.markup import label, text

STEPS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200),
    *(1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000, 2592000),
)
"""Distances of ticks of time, in seconds."""

YEAR_S = 31536000.0

NARROW = 620
"""The least width at which a drawing can be read, in pixels; on a narrower page it scrolls."""


def time_ticks(seconds: float, most: int = 8) -> list[tuple[float, str]]:
    """Returns instants from 0 to ``seconds`` and what they are called."""
    step = next((one for one in STEPS_S if seconds / one <= most), YEAR_S)
    return [(index * step, _instant(index * step, step)) for index in range(int(seconds / step + 1e-9) + 1)]


def _instant(at: float, step: float) -> str:
    """Returns what a tick says: ``0``, ``0.5 s``, ``20 min``, ``1:20 h``, ``3 d``."""
    if not at:
        return "0"
    if step >= 86400:
        return f"{at / 86400:g} d"
    if at >= 3600 and step >= 60:
        hours, minutes = divmod(round(at / 60), 60)
        return f"{hours}:{minutes:02} h" if minutes else f"{hours} h"
    return f"{at / 60:g} min" if step >= 60 else f"{at:g} s"


def value_ticks(most: float, n: int = 4) -> list[float]:
    """Returns about ``n`` round numbers from 0 to the first at or above ``most``."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999999)
    return [index * step for index in range(math.ceil(most / step - 1e-9) + 1)]


def decade_ticks(most: float) -> list[float]:
    """Returns powers of ten from 1 to the first at or above ``most``, at most about six."""
    n = max(math.ceil(math.log10(max(most, 1)) - 1e-9), 1)
    each = -(-n // 6)
    return [10.0**power for power in range(0, n + each, each)]


def short(value: float) -> str:
    """Returns a number for an axis: ``0``, ``0.25``, ``1,500``, ``20 k``, ``1.5 M``."""
    for size, least, unit in ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e3, 1e4, "k")):
        if abs(value) >= least:
            return f"{value / size:.4g} {unit}"
    return f"{value:,.4g}"


class Frame:
    """The frame of a chart: where values stand in it.

    Args:
        width: of the drawing.
        height: of the drawing.
        x_most: the value at its right edge.
        y_most: the value at its upper edge; 0 stands at the lower one.
        left: room for what stands at the left.
        x_least: the value at its left edge.
        is_log: whether heights go with logarithms, from 0.5 on.
    """

    right, top, bottom = 10, 8, 22

    def __init__(
        self,
        width: int,
        height: int,
        x_most: float,
        y_most: float,
        left: int = 62,
        x_least: float = 0.0,
        is_log: bool = False,
    ) -> None:
        self.width, self.height, self.left = width, height, left
        self.base = height - self.bottom
        self.edge = width - self.right
        self._x_least, self._x_wide = x_least, (x_most - x_least) or 1.0
        self._y_most = y_most or 1.0
        self._is_log = is_log

    def x(self, value: float) -> float:
        """Returns where a value stands from the left."""
        share = (value - self._x_least) / self._x_wide
        return round(self.left + share * (self.edge - self.left), 1)

    def y(self, value: float) -> float:
        """Returns where a value stands from above."""
        share = value / self._y_most
        if self._is_log:
            share = math.log(max(value, 0.5) / 0.5) / math.log(self._y_most / 0.5)
        return round(self.base - share * (self.base - self.top), 1)

    def x_axis(self, ticks: Sequence[tuple[float, str]], grid: bool = True) -> str:
        """Returns ticks below, with lines upward."""
        marks = []
        for at, said in ticks:
            x = self.x(at)
            marks += [f'<path class="grid" d="M{x} {self.top}V{self.base}"/>'] if grid else []
            where = "end" if x > self.edge - 20 else "mid"
            marks.append(label(said, x, self.height - 7, where))
        return "".join(marks)

    def y_axis(self, ticks: Sequence[float], said: Callable[[float], str] = short) -> str:
        """Returns ticks at the left, with lines across."""
        return "".join(
            f'<path class="grid" d="M{self.left} {self.y(tick)}H{self.edge}"/>'
            f"{label(said(tick), self.left - 6, self.y(tick) + 4, 'end')}"
            for tick in ticks
        )

    def base_line(self) -> str:
        """Returns the line on which everything stands."""
        return f'<path class="base" d="M{self.left} {self.base}H{self.edge}"/>'


def svg(width: int, height: int, title: str, *parts: str, attributes: str = "") -> str:
    """Returns a drawing with a title for those who do not see it; it scrolls where the page is narrow."""
    return (
        f'<div class="wide"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(title)}" '
        f'style="min-width:{min(width, NARROW)}px"{attributes}>{"".join(parts)}</svg></div>'
    )
