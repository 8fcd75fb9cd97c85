from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helios_wf_local import LocalBackend
from helios_wf_local.journals import KEPT_S, folder, read
from msgspec.structs import replace

from helios_wf.backend import Backend, BackendSettings, Life, load_backend
from helios_wf.errors import BackendError
from helios_wf.model import JobSpec, Report, Resources, Way, digest
from helios_wf.processes import JOB_MARK, RUN_MARK, marked
from helios_wf.states import Cause
from helios_wf.testing import BackendContract, Bench, drain, shell_tool, wait_until
from helios_wf.testing.ranges import feeding, listen, range_tool


def make_local(home: Path, jobs: int = 2, **options: float) -> LocalBackend:
    return LocalBackend(BackendSettings(home=str(home), jobs=jobs, options={"grace_s": 0.3, **options}))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(handle: str) -> int:
    """Returns the process id of the worker that runs an attempt."""
    tools = marked(JOB_MARK, [handle])
    return next(parent_of(pid) for pid in tools if parent_of(pid) not in tools)


class TestLocalBackend(BackendContract):
    def make(self, home: Path) -> Backend:
        return make_local(home)

    def lose(self, backend: Backend, handle: str) -> None:
        os.kill(worker_of(handle), signal.SIGKILL)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with make_local(tmp_path / "home") as backend:
        yield Bench(backend, tmp_path, f"run-{tmp_path.name}")


def overlap(reports: list[Report]) -> int:
    """Returns how many of the attempts ran at one moment, at most."""
    moments = [(report.started_at, 1) for report in reports]
    moments += [(report.started_at + report.wall_s, -1) for report in reports]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def test_it_is_found_by_its_name(tmp_path: Path) -> None:
    backend = load_backend("local", BackendSettings(home=str(tmp_path), jobs=1))
    assert backend.name == "local"
    backend.close()


def test_a_wrong_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no option 'grace'; known: gpus, grace_s, ram_mb"):
        LocalBackend(BackendSettings(home=str(tmp_path), options={"grace": 1}))


def test_a_job_that_asks_for_all_cores_runs_alone(bench: Bench) -> None:
    wide = [bench.spec(shell_tool("sleep 0.2"), Resources(cores=2)) for _ in range(2)]
    narrow = [bench.spec(shell_tool("sleep 0.2")) for _ in range(4)]
    bench.backend.submit([narrow[0], wide[0], *narrow[1:3], wide[1], narrow[3]])
    reports = bench.drain(6)
    for spec in wide:
        mine = reports[spec.handle]
        assert (
            overlap([mine, *[reports[other.handle] for other in (*narrow, *wide) if other is not spec]]) <= 2
        )
        for other in narrow:
            assert overlap([mine, reports[other.handle]]) == 1
    assert overlap([reports[spec.handle] for spec in narrow]) <= 2


def test_jobs_that_ask_for_all_memory_run_one_by_one(tmp_path: Path) -> None:
    with make_local(tmp_path / "home", ram_mb=1000) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        specs = [bench.spec(shell_tool("sleep 0.1"), Resources(ram_mb=600)) for _ in range(4)]
        backend.submit(specs)
        assert overlap(list(drain(backend, 4).values())) == 1
        assert backend.check(Resources(ram_mb=2000)) == ["needs 2000 MiB of memory; this machine has 1000"]


def test_both_workers_share_what_is_left_at_the_end(bench: Bench) -> None:
    bench.drain(len(bench.submit(*[shell_tool("true")] * 60)))
    bench.submit(*[shell_tool("sleep 0.3")] * 4)
    reports = bench.drain(4)
    assert overlap(list(reports.values())) == 2
    assert len({report.worker for report in reports.values()}) == 2


def test_short_jobs_go_in_batches(bench: Bench) -> None:
    bench.drain(len(bench.submit(*[shell_tool("true")] * 40)))
    assert bench.backend.room() > 20


def test_a_batch_that_is_killed_loses_nothing_that_was_done(bench: Bench) -> None:
    bench.drain(len(bench.submit(*[shell_tool("true")] * 40)))
    handles = bench.submit(*[shell_tool("true")] * 60, shell_tool("sleep 1000"), *[shell_tool("true")] * 20)
    long = handles[60]
    bench.started(long)
    os.kill(worker_of(long), signal.SIGKILL)
    reports = bench.drain(len(handles))
    lost = {handle for handle, report in reports.items() if report.cause is Cause.LOST}
    assert long in lost
    assert lost <= {*handles[60:]}
    assert "SIGKILL" in reports[long].message


def test_jobs_do_not_wait_behind_a_long_one_while_a_worker_is_free(bench: Bench) -> None:
    tool = shell_tool("sleep $1")
    bench.drain(len(bench.submit(*[tool] * 40, x="0")))
    long, *short = [bench.spec(tool, x=x) for x in ("3", *["0"] * 11)]
    bench.backend.submit([long, *short])
    reports = bench.drain(12)
    assert {report.cause for report in reports.values()} == {None}
    ended = reports[long.handle].started_at + reports[long.handle].wall_s
    assert max(reports[spec.handle].started_at for spec in short) < ended - 1


def test_a_huge_constant_travels_once(bench: Bench) -> None:
    tool = shell_tool("true")
    values = {"x": "x" * 3_000_000}
    bench.backend.define({digest(tool): tool, digest(values): values})
    specs = [
        JobSpec(
            run=bench.run,
            key=f"9/{number}",
            attempt=1,
            tool=digest(shell_tool("true")),
            constants=digest(values),
            directory=str(bench.folder / f"huge/{number}"),
            inputs={"x": "small"},
        )
        for number in range(50)
    ]
    bench.backend.submit(specs)
    assert {report.cause for report in bench.drain(50).values()} == {None}


def test_cpu_time_and_memory_are_the_tools(bench: Bench) -> None:
    code = "x = b'x' * 300_000_000; sum(range(3_000_000))"
    report = bench.report(shell_tool("", baseCommand=[sys.executable, "-c", code], inputs=[]))
    assert report.cause is None, report.message
    assert report.cpu_s > 0.01
    assert report.peak_memory_mb is not None
    assert 280 < report.peak_memory_mb < 600
    assert bench.report(shell_tool("true")).peak_memory_mb is None


def journaled(home: Path) -> dict[str, Report]:
    return {report.handle: report for path in folder(str(home)).glob("*.journal") for report in read(path)}


def test_what_was_finished_and_not_settled_is_reported_by_the_next_backend(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with make_local(home) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        handles = bench.submit(*[shell_tool("echo $1 > out")] * 10, x="a")
        reports = bench.drain(10)
    kept = journaled(home)
    assert kept
    assert kept.items() <= reports.items()
    with make_local(home) as backend:
        lives = backend.adopt(handles)
        assert {handle for handle, life in lives.items() if life is Life.ALIVE} == set(kept)
        assert drain(backend, len(kept)) == kept
        assert backend.poll(0) == []


def test_a_torn_line_of_a_journal_is_passed_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with make_local(home, jobs=1) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        handles = bench.submit(*[shell_tool("true")] * 10)
        bench.drain(10)
    (path,) = folder(str(home)).glob("*.journal")
    path.write_bytes(path.read_bytes()[:-30])
    kept = journaled(home)
    assert len(kept) == 9
    with make_local(home) as backend:
        assert sorted(backend.adopt(handles).values()) == [*[Life.ALIVE] * 9, Life.GONE]


def test_workers_drop_what_was_settled_from_their_journals(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helios_wf_local.process._FORGET_BYTES", 1)
    bench.drain(len(bench.submit(*[shell_tool("true")] * 20)))
    assert len(journaled(tmp_path / "home")) >= 1
    wait_until(lambda: not journaled(tmp_path / "home"), bench.backend)
    bench.drain(len(bench.submit(*[shell_tool("true")] * 5)))
    wait_until(lambda: not journaled(tmp_path / "home"), bench.backend)


def test_a_journal_goes_with_its_worker_once_all_it_says_is_settled(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with make_local(home) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        handles = bench.submit(*[shell_tool("true")] * 10)
        bench.drain(10)
        backend.close()
        assert journaled(home).keys() <= set(handles)
        assert journaled(home)
        assert backend.poll(0.0) == []
    assert list(folder(str(home)).iterdir()) == []


def test_what_had_ended_before_close_is_reported_after_it(tmp_path: Path) -> None:
    with make_local(tmp_path / "home", jobs=1) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        bench.submit(*[shell_tool("true")] * 40)
        reported = set(bench.drain(20))
        backend.close()
        reported |= {report.handle for report in backend.poll(0.0)}
        assert journaled(tmp_path / "home").keys() <= reported
        assert backend.poll(0.0) == []


def test_what_waits_behind_a_killed_job_is_not_lost(tmp_path: Path) -> None:
    with make_local(tmp_path / "home", jobs=1) as backend:
        bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
        bench.submit(*[shell_tool("true")] * 40)
        bench.drain(40)
        first, *others = bench.submit(shell_tool("sleep 1000"), *[shell_tool("true")] * 9)
        bench.started(first)
        os.kill(worker_of(first), signal.SIGKILL)
        reports = bench.drain(10)
        assert reports[first].cause is Cause.LOST
        assert {reports[other].cause for other in others} == {None}


def test_a_second_close_does_not_wait_for_the_grace_period(tmp_path: Path) -> None:
    backend = make_local(tmp_path / "home", grace_s=3600)
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    (handle,) = bench.submit(shell_tool("trap '' TERM; while :; do sleep 0.05; done"))
    bench.started(handle)
    interrupted = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    interrupted.start()
    with pytest.raises(KeyboardInterrupt):
        backend.close()
    backend.close()
    assert marked(JOB_MARK, [handle]) == []


def test_a_worker_that_cannot_begin_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    backend = make_local(tmp_path / "home", jobs=1)
    with pytest.raises(BackendError, match=r"cannot start a worker process: local-.* ended with exit code 1"):
        backend.poll(60)
    backend.close()


def test_old_journals_are_swept(tmp_path: Path) -> None:
    old = tmp_path / "home/local/other-boot/local-1-x-1.journal"
    old.parent.mkdir(parents=True)
    old.touch()
    for path in (old, old.parent):
        os.utime(path, (0, time.time() - KEPT_S - 10))
    make_local(tmp_path / "home").close()
    assert not old.exists()


ENGINE = """
import sys, time
from pathlib import Path
from helios_wf.testing import Bench, drain, shell_tool
from helios_wf.backend import BackendSettings
from helios_wf_local import LocalBackend
folder = Path(sys.argv[1])
backend = LocalBackend(BackendSettings(home=str(folder / "home"), jobs=2))
bench = Bench(backend, folder, sys.argv[2])
endless = "(setsid sleep 1000 &); trap '' TERM INT; sleep 1000 & wait"
_, second = bench.submit(shell_tool("echo done > out"), shell_tool(endless))
drain(backend, 1)
bench.started(second)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts an engine with one finished and one endless job, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", ENGINE, str(tmp_path), tmp_path.name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def workers_of(engine: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if parent_of(int(path.name)) == engine:
                found.append(int(path.name))
        except OSError:
            continue
    return found


def test_workers_and_tools_end_when_the_engine_is_killed(
    engine: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = engine()
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    wait_until(lambda: not marked(RUN_MARK, [tmp_path.name]))
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    (report,) = journaled(tmp_path / "home").values()
    assert report.cause is None


def test_adopt_ends_what_a_killed_engine_and_killed_workers_left(
    engine: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = engine()
    workers = workers_of(process.pid)
    os.kill(process.pid, signal.SIGSTOP)
    for pid in (*workers, process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert marked(RUN_MARK, [tmp_path.name])
    with make_local(tmp_path / "home") as backend:
        handles = [f"{tmp_path.name}/0/1.1", f"{tmp_path.name}/0/2.1"]
        assert backend.adopt(handles) == {handles[0]: Life.ALIVE, handles[1]: Life.GONE}
        assert marked(RUN_MARK, [tmp_path.name]) == []
        assert drain(backend, 1)[handles[0]].cause is None


def ranged(bench: Bench, body: str) -> str:
    """Submits an attempt with three event ranges, and returns its handle."""
    spec = bench.spec(range_tool(body))
    given = feeding(Way.RESIDENT, (0, 10), (10, 20), (20, 30))
    return bench.backend.submit([replace(spec, feeding=given)])[0]


def done_ranges(backend: Backend) -> list[int]:
    return [each.first for news in backend.heard() for each in news.ranges if each.cause is None]


def test_what_ranges_had_done_is_heard_again_after_a_restart(bench: Bench, tmp_path: Path) -> None:
    handle = ranged(bench, "if events.first == 20: time.sleep(1000)")
    done: list[int] = []

    def are_done() -> bool:
        done.extend(done_ranges(bench.backend))
        return done == [0, 10]

    wait_until(are_done, bench.backend)
    bench.backend.close()
    with make_local(tmp_path / "home") as later:
        assert later.adopt([handle]) == {handle: Life.GONE}
        assert done_ranges(later) == [0, 10]
        assert later.heard() == []


def test_journals_of_settled_ranges_go(bench: Bench, tmp_path: Path) -> None:
    assert listen(bench.backend, ranged(bench, "pass")).causes() == {0: None, 10: None, 20: None}
    bench.backend.poll(0)
    bench.backend.poll(0)
    bench.backend.close()
    assert list(folder(str(tmp_path / "home")).glob("*.journal")) == []


def test_jobs_do_not_wait_behind_an_attempt_that_tells_of_its_ranges(bench: Bench) -> None:
    short = shell_tool("true")
    bench.drain(len(bench.submit(*[short] * 40)))
    gate = bench.folder / "gate"
    tool = range_tool(f"while not pathlib.Path({str(gate)!r}).exists(): events.progress(1); time.sleep(0.05)")
    long = replace(bench.spec(tool), feeding=feeding(Way.RESIDENT, (0, 10), (10, 20)))
    bench.backend.submit([long, *[bench.spec(short) for _ in range(11)]])
    reports = bench.drain(11)
    assert long.handle not in reports
    gate.touch()
    assert bench.drain(1)[long.handle].cause is None


def test_own_attempts_are_alive(bench: Bench) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    assert bench.backend.adopt([handle]) == {handle: Life.ALIVE}
    assert marked(JOB_MARK, [handle])


def test_ctrl_c_reaches_neither_workers_nor_tools(bench: Bench) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    (tool, *_) = marked(JOB_MARK, [handle])
    assert len({os.getsid(pid) for pid in (0, tool, worker_of(handle))}) == 3


def test_a_worker_sleeps_while_nothing_is_to_do(bench: Bench) -> None:
    bench.report(shell_tool("true"))
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    before = time.process_time()
    bench.backend.poll(0.3)
    assert time.process_time() - before < 0.2
