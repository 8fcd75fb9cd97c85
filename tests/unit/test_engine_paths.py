"""Index paths go to text, to keys and back, and name folders of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from helios_wf.engine import paths

PATHS = st.lists(st.integers(0, 10**7), max_size=5).map(tuple)


@given(path=PATHS)
def test_text_comes_back(path: tuple[int, ...]) -> None:
    assert paths.from_text(paths.to_text(path)) == path


@given(task=st.integers(0, 1000), path=PATHS)
def test_keys_come_back(task: int, path: tuple[int, ...]) -> None:
    assert paths.from_key(paths.job_key(task, path)) == (task, path)


@given(jobs=st.lists(st.tuples(st.integers(0, 3), PATHS, st.integers(1, 3)), unique=True, max_size=20))
def test_every_attempt_has_a_folder_of_its_own(jobs: list[tuple[int, tuple[int, ...], int]]) -> None:
    # one task's paths all have one length
    chosen = {(task, len(path)): None for task, path, _ in jobs}
    depth = dict(chosen)
    same = [job for job in jobs if (job[0], len(job[1])) == next(k for k in depth if k[0] == job[0])]
    folders = [paths.directory("/home", "run", *job) for job in same]
    assert len(set(folders)) == len(same)
