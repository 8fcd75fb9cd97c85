"""Several backends as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from helios_wf.backend import BackendSettings, Life
from helios_wf.errors import BackendNotFoundError, BackendUnreachableError, SubmitRefusedError
from helios_wf.model import JobSpec, Report, Resources
from helios_wf.routing import Routing, open_backend
from helios_wf.testing import FakeBackend


class Picky(FakeBackend):
    """Runs only what asks for a GPU, or only what asks for none; counts how often it was asked."""

    def __init__(
        self, name: str, gpus: bool, room: int = 10, answer: Callable[[JobSpec], None] | None = None
    ):
        super().__init__(answer, room)
        self.name = name
        self.polls = 0
        self._gpus = gpus

    def check(self, resources: Resources) -> list[str]:
        return [] if bool(resources.gpus) == self._gpus else ["gives out none"]

    def poll(self, timeout_s: float) -> list[Report]:
        self.polls += 1
        return super().poll(timeout_s)


class Away(Picky):
    """Cannot be reached."""

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        raise BackendUnreachableError("away")


def job(key: str, gpus: int = 0) -> JobSpec:
    return JobSpec("run", key, 1, "0", "/none", resources=Resources(gpus=gpus))


def test_each_job_goes_to_the_first_backend_that_can_run_it() -> None:
    cores, devices, more = Picky("cores", False), Picky("devices", True), Picky("more", True)
    both = Routing([cores, devices, more])
    handles = both.submit([job("0/0"), job("0/1", 1), job("0/2")])
    assert handles == ["run/0/0.1", "run/0/1.1", "run/0/2.1"]
    assert [spec.key for spec in cores.submitted] == ["0/0", "0/2"]
    assert [spec.key for spec in devices.submitted] == ["0/1"]
    assert more.submitted == []
    assert sorted(report.handle for report in both.poll(0)) == handles
    assert sorted(both.started()) == handles


def test_what_nobody_can_run_is_refused_with_the_reason_of_each() -> None:
    both = Routing([Picky("cores", False), Picky("more", False)])
    assert both.check(Resources(gpus=1)) == ["cores: gives out none; more: gives out none"]
    with pytest.raises(SubmitRefusedError, match="cores: gives out none; more: gives out none"):
        both.submit([job("0/0"), job("0/1", 1)])


def test_nothing_stays_behind_where_one_backend_cannot_be_reached() -> None:
    cores = Picky("cores", False, answer=lambda spec: None)
    both = Routing([cores, Away("away", True)])
    with pytest.raises(BackendUnreachableError):
        both.submit([job("0/0"), job("0/1", 1)])
    assert cores.running == {}


def test_the_room_is_that_of_the_backend_that_such_jobs_go_to() -> None:
    both = Routing([Picky("cores", False, 3), Picky("devices", True, 7), Picky("more", True, 9)])
    assert (both.room(), both.room(gpus=True)) == (3, 7)
    assert Routing([Picky("cores", False, 3)]).room(gpus=True) == 0


def test_a_backend_that_reported_is_not_asked_again_before_its_reports_are_settled() -> None:
    cores, devices = Picky("cores", False), Picky("devices", True)
    both = Routing([cores, devices])
    both.submit([job("0/0")])
    assert len(both.poll(10)) == 1
    assert cores.polls == devices.polls == 1


def test_an_attempt_is_adopted_by_whoever_knows_it() -> None:
    class Unsure(Picky):
        def adopt(self, handles: Sequence[str]) -> dict[str, Life]:  # type: ignore[override]
            return {handle: Life.UNKNOWN for handle in handles if handle != "gone"}

    cores = Picky("cores", False, answer=lambda spec: None)
    both = Routing([cores, Unsure("unsure", True)])
    cores.submit([job("0/0")])
    lives = both.adopt(["run/0/0.1", "run/0/1.1", "gone"])
    assert lives == {"run/0/0.1": Life.ALIVE, "run/0/1.1": Life.UNKNOWN, "gone": Life.GONE}


def test_a_name_that_is_not_installed_opens_nothing() -> None:
    asked: list[str] = []

    def settings_of(name: str) -> BackendSettings:
        asked.append(name)
        return BackendSettings("/none")

    with pytest.raises(BackendNotFoundError, match="no backend named 'lsf'"):
        open_backend("local,lsf", settings_of)
    assert asked == []
