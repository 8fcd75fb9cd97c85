"""Jobs and notices in a shared folder: who has a chunk, and what can be seen when."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from helios_wf.file_worker import Files
from helios_wf.model import JobSpec, Json, Resources
from helios_wf.spool import Spool, Terms, moved, names, unseen, wait_for, write

TERMS = Terms(values="/none", grace_s=1.0, beat_s=1.0, late_s=0.5)


def specs(count: int, **fields: Json) -> list[JobSpec]:
    return [JobSpec("run", f"0/{number}", 1, "t", f"/w/{number}", **fields) for number in range(count)]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "helios-0")
    made.make(TERMS)
    return made


def test_a_chunk_is_taken_once_however_many_try(spool: Spool) -> None:
    for chunk in range(50):
        spool.put(chunk, specs(1))
    taken: list[int] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        for chunk in range(50):
            if Spool(spool.path).take(chunk, name) is not None:
                taken.append(chunk)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter(range(50))
    assert set(spool.listing().taken) == set(range(50))


def test_what_was_taken_back_cannot_be_taken(spool: Spool) -> None:
    spool.put(0, specs(1))
    assert spool.take_back(0)
    assert spool.take(0, "w") is None
    assert spool.is_settled(0)
    assert list(spool.chunks()) == []


def test_what_was_taken_cannot_be_taken_back(spool: Spool) -> None:
    spool.put(0, specs(2))
    assert spool.take(0, "w") == specs(2)
    assert not spool.take_back(0)
    assert dict(spool.chunks()) == {0: specs(2)}


def test_a_rename_whose_answer_was_lost_counts(tmp_path: Path) -> None:
    """NFS sends a rename again whose answer did not come; the second one finds nothing."""
    (tmp_path / "a").touch()
    assert moved(tmp_path / "a", tmp_path / "b")
    assert moved(tmp_path / "a", tmp_path / "b")
    assert not moved(tmp_path / "a", tmp_path / "c")


def test_news_come_in_order_and_once(spool: Spool) -> None:
    spool.put(7, specs(1))
    for number in (0, 1, 10, 2):
        spool.say(7, "12-7-0", number, f"{number}\n".encode())
    listed = spool.listing().news
    assert [spool.read_news(name) for name in listed] == [(7, [text]) for text in (b"0", b"1", b"2", b"10")]
    assert spool.listing().news == []


def test_half_written_files_are_not_seen(spool: Spool) -> None:
    (spool.path / "news" / ".000000.w.000000.99").write_bytes(b'{"rep')
    (spool.path / "ready" / ".000001.99").write_bytes(b"[")
    listing = spool.listing()
    assert (listing.ready, listing.news) == (set(), [])
    assert names(spool.path / "nowhere") == []


def test_files_that_cannot_be_seen_yet_are_waited_for(tmp_path: Path) -> None:
    late = tmp_path / "late é.txt"
    value = {"f": [{"class": "File", "location": late.as_uri(), "size": 3}], "x": 1}
    assert unseen(value) == [str(late)]
    timer = threading.Timer(0.2, write, (late, b"abc"))
    timer.start()
    wait_for(value, 30.0)
    assert unseen(value) == []
    timer.join()


def test_a_file_that_is_not_whole_yet_counts_as_unseen(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"ab")
    assert unseen({"class": "File", "path": str(path), "size": 3}) == [str(path)]
    assert unseen({"class": "File", "path": str(path), "size": 2}) == []
    assert unseen({"class": "Directory", "path": str(tmp_path), "size": 9}) == []


def test_waiting_ends_at_its_limit(tmp_path: Path) -> None:
    wait_for([{"class": "File", "path": str(tmp_path / "never")}], 0.1)


def test_a_job_that_does_not_fit_into_the_time_left_is_handed_back(spool: Spool) -> None:
    terms = Terms(values="/none", grace_s=1.0, beat_s=1.0, late_s=0.1, time_s=60.0)
    door = Files(spool, "w", terms, None)
    try:
        assert door.admits(specs(1, resources=Resources(time_s=30.0))[0])
        assert not door.admits(specs(1, resources=Resources(time_s=55.0))[0])
    finally:
        door.close(in_doubt=False)


def test_a_chunk_that_is_never_seen_is_an_error_and_one_taken_back_is_not(spool: Spool) -> None:
    door = Files(spool, "w", TERMS, 3)
    with pytest.raises(SystemExit, match=r"chunk 3 could not be seen in .* within 0\.5 s"):
        door.hear()
    door.close(in_doubt=False)
    spool.put(4, specs(1))
    spool.take_back(4)
    door = Files(spool, "w", TERMS, 4)
    assert door.hear() is None
    door.close(in_doubt=False)


def test_a_worker_without_jobs_ends_as_soon_as_no_more_will_come(spool: Spool) -> None:
    door = Files(spool, "w", Terms("/none", 1.0, 1.0, 0.5, linger_s=1000.0), None)
    timer = threading.Timer(0.3, spool.finish)
    timer.start()
    assert door.hear() is None
    timer.join()
    spool.remove()
    assert door.hear() is None
    door.close(in_doubt=False)


def test_signs_of_life_change(spool: Spool) -> None:
    assert spool.beat_of(0) is None
    spool.beat(0, "w 0")
    first = spool.beat_of(0)
    spool.beat(0, "w 1")
    assert spool.beat_of(0) != first
