"""Event ranges on their way to a worker and back."""

from __future__ import annotations

from enum import StrEnum

from helios_wf.model.noun import Json, Noun
from helios_wf.states import Cause


class Way(StrEnum):
    """How a tool is told its event ranges."""

    PROCESS = "process"
    """one process for each range, told by the inputs for the first event and the number of events"""
    RESIDENT = "resident"
    """one process for the attempt, which takes ranges as JSON lines on its standard streams"""
    FOLDER = "folder"
    """one process for the attempt, which takes the same lines from files in a folder"""


class EventRange(Noun, frozen=True):
    """One try of one event range: positions ``[first, stop)`` in the job's file, counted from 0."""

    first: int
    stop: int
    number: int = 1
    """Which try of this range it is, counted from 1; fences reports of earlier tries."""

    @property
    def id(self) -> str:
        """What names this try to a tool: ``first-stop.number``."""
        return f"{self.first}-{self.stop}.{self.number}"


class Feeding(Noun, frozen=True):
    """How an attempt feeds its tool, and the ranges that it has at its start, in event order.

    ``first``, ``count`` and ``file`` are inputs of the tool: those that are told a range (``Way.PROCESS``)
    and the File that is cut; ``switch`` is the input that turns the stream on (``Way.RESIDENT``: true) or is
    told the folder (``Way.FOLDER``).  With ``more``, the attempt asks for further ranges while it runs
    (``RangeNews.wants``) until it is told that there are none; without, ``ranges`` are all.
    """

    way: Way
    ranges: tuple[EventRange, ...]
    first: str = "first_event"
    count: str = "n_events"
    file: str | None = None
    switch: str | None = None
    more: bool = False


class RangeReport(Noun, frozen=True):
    """What became of one try of one event range.

    ``cause`` is None when it succeeded; ``outputs`` is then the CWL output object of this range, one value
    for each output of the tool.  ``at_event`` is the position in the file that the tool blames, ``n_out`` the
    number of events that it says it wrote; times as in ``Report``.
    """

    first: int
    stop: int
    number: int
    cause: Cause | None = None
    outputs: dict[str, Json] = {}
    exit_code: int | None = None
    signal: int | None = None
    permanent: bool = False
    temporary: bool = False
    at_event: int | None = None
    n_out: int | None = None
    message: str = ""
    stderr_tail: str = ""
    directory: str = ""
    """The folder of this try, where its logs are; empty when it never had one."""
    started_at: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_mb: float | None = None


class RangeNews(Noun, frozen=True):
    """What an attempt says of its ranges before it ends; nothing of it is said again in its report.

    ``begun`` are the ids of tries that started, ``ranges`` those that ended; ``processed`` counts the events
    done so far of tries that run, by id; ``wants`` is how many further ranges the attempt asks for (asked
    again until it is fed).
    """

    run: str
    key: str
    attempt: int
    begun: tuple[str, ...] = ()
    ranges: tuple[RangeReport, ...] = ()
    processed: dict[str, int] = {}
    wants: int = 0
    host: str = ""
    worker: str = ""

    @property
    def handle(self) -> str:
        """The handle of the attempt that this is about."""
        return f"{self.run}/{self.key}.{self.attempt}"
