"""What travels to a worker and back."""

from __future__ import annotations

from helios_wf.model.event_ranges import Feeding, RangeReport
from helios_wf.model.noun import Json, Noun
from helios_wf.states import Cause


class Cuda(Noun, frozen=True):
    """What a job asks of the NVIDIA devices that it gets.

    ``most`` is the number of devices that it can use; ``version_min`` the least CUDA version of the driver
    (``"11.4"``, empty: any); ``capabilities`` the compute capabilities that it can use: with ``exactly`` only
    those listed, else the first of them and all higher ones.

    Source: the CUDARequirement of cwltool's extensions.
    """

    most: int = 1
    version_min: str = ""
    capabilities: tuple[str, ...] = ()
    exactly: bool = False


class Resources(Noun, frozen=True):
    """What a job asks of its machine: ``cores`` may be a fraction, memory and disk in MiB.

    ``gpus`` is the number of devices: the least that it asks for, or what a backend gave it.
    """

    cores: float = 1
    ram_mb: float = 256
    tmpdir_mb: float = 1024
    outdir_mb: float = 1024
    gpus: int = 0
    cuda: Cuda | None = None
    time_s: float | None = None
    """How long its tool may run, where it says so: a ToolTimeLimit that can be known beforehand."""


class DeviceUse(Noun, frozen=True):
    """What was seen of a GPU while an attempt had it: of the whole device, whoever else used it too.

    ``peak_memory_mb`` is the most memory in use, in MiB, ``utilisation`` the mean share of time in which its
    processors worked, in percent.
    """

    uuid: str
    peak_memory_mb: float
    utilisation: float


class JobSpec(Noun, frozen=True):
    """One attempt of one job, as data.

    ``key`` is ``task/index path``, e.g. ``3/0/7``.  ``tool`` and ``constants`` are digests of values that a
    backend gets once per task (``Backend.define``): the tool's body, and the inputs that all its jobs share;
    ``inputs`` are the job's own and go over the constants.  ``directory`` is absolute and does not exist yet.
    """

    run: str
    key: str
    attempt: int
    tool: str
    directory: str
    constants: str | None = None
    inputs: dict[str, Json] = {}
    resources: Resources = Resources()
    first: int | None = None
    stop: int | None = None
    environment: dict[str, str] = {}
    """What a backend adds to the tool's environment, such as the devices that it may use."""
    feeding: Feeding | None = None
    """How its event ranges reach its tool; None for a job without ranges."""

    @property
    def handle(self) -> str:
        """What names this attempt to a backend: ``run/key.attempt``."""
        return f"{self.run}/{self.key}.{self.attempt}"


class Report(Noun, frozen=True):
    """What a worker saw of one attempt.

    ``cause`` is None when it succeeded; ``outputs`` is then the CWL output object (files with ``location``,
    ``path``, ``basename``, ``size``, ``checksum``).  Of an attempt with event ranges, None means that it
    ended in order, whatever became of its ranges: ``ranges`` tells that (of those that no ``RangeNews`` told
    of), and there are no ``outputs``; a range that nobody told of was not done.  Times are seconds since the
    epoch (UTC) or durations in seconds; ``peak_memory_mb`` is None when unknown.
    """

    run: str
    key: str
    attempt: int
    cause: Cause | None = None
    outputs: dict[str, Json] = {}
    exit_code: int | None = None
    signal: int | None = None
    permanent: bool = False
    """The failure is final: a listed ``permanentFailCodes``, or a cause that no other attempt can mend."""
    temporary: bool = False
    """A listed ``temporaryFailCodes``."""
    message: str = ""
    expression: str = ""
    """The text of the expression that was at fault; empty where none was."""
    stderr_tail: str = ""
    command: tuple[str, ...] = ()
    """The command line, only of an attempt that failed."""
    started_at: float = 0.0
    wall_s: float = 0.0
    took_s: float = 0.0
    """From ``started_at`` until this was written: folders, staging, the tool (``wall_s``), collecting."""
    cpu_s: float = 0.0
    peak_memory_mb: float | None = None
    host: str = ""
    worker: str = ""
    differences: tuple[str, ...] = ()
    """In what the compiler and cwltool differ for this job, where they were compared; cwltool ran it."""
    ranges: tuple[RangeReport, ...] = ()
    devices: tuple[DeviceUse, ...] = ()

    @property
    def handle(self) -> str:
        """The handle of the attempt that this is about."""
        return f"{self.run}/{self.key}.{self.attempt}"
