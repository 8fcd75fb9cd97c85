"""Child processes within limits: what they answer, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.confined import Confined, DiedError, Lines

ECHO = """
import os, sys, time
from helios_wf.confined import serve

def answer(line):
    word, _, rest = line.partition(b" ")
    begun = time.process_time()
    if word == b"print":
        print("not an answer")
    if word == b"exit":
        os._exit(3)
    if word == b"compute":
        while True:
            pass
    if word == b"crawl":
        while time.process_time() - begun < 0.08:
            until = time.process_time() + 0.005
            while time.process_time() < until:
                pass
            time.sleep(0.1)
    if word == b"sleep":
        time.sleep(60)
    if word == b"eat":
        try:
            return str(len(bytearray(1 << 30))).encode()
        except MemoryError:
            return b"no memory"
    return line

serve(answer, float(sys.argv[1]), 400, idle_s={idle})
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Confined]]:
    made: list[Confined] = []

    def make(cpu_s: float = 5.0, idle: str = "None") -> Confined:
        (tmp_path / "echoing.py").write_text(ECHO.replace("{idle}", idle))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        made.append(Confined("echoing", cpu_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


@given(st.lists(st.binary(max_size=5).map(lambda one: one.replace(b"\n", b"-"))), st.data())
def test_lines_come_out_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    reader = Lines()
    assert [line for piece in pieces for line in reader.of(piece)] == lines


def test_answers_come_in_order_however_many_and_large(child: Callable[..., Confined]) -> None:
    lines = [b"x" * (size % 90_000) for size in range(0, 9_000_000, 30_011)]
    echo = child()
    assert list(echo.ask(lines)) == lines
    assert list(echo.ask([])) == []
    assert echo.generation == 1


def test_what_a_request_prints_is_no_answer(child: Callable[..., Confined]) -> None:
    assert list(child().ask([b"print", b"a"])) == [b"print", b"a"]


@pytest.mark.parametrize(("word", "how"), [(b"exit", "ended with 3"), (b"compute", "too long")])
def test_a_request_that_kills_the_child_costs_that_request(
    word: bytes, how: str, child: Callable[..., Confined]
) -> None:
    echo = child(0.2)
    answers = echo.ask([b"a", word, b"b"])
    assert next(answers) == b"a"
    with pytest.raises(DiedError, match=how) as caught:
        next(answers)
    assert caught.value.out_of_time == (word == b"compute")
    assert list(echo.ask([b"b"])) == [b"b"]
    assert echo.generation == 2


def test_a_child_that_only_sleeps_is_given_up(child: Callable[..., Confined]) -> None:
    echo = child(0.2)
    with pytest.raises(DiedError, match="it was killed"):
        list(echo.ask([b"sleep"]))


def test_a_child_that_computes_slowly_is_not_given_up(child: Callable[..., Confined]) -> None:
    # as on a machine that others keep busy: a twentieth of a core
    assert list(child(0.1).ask([b"crawl"])) == [b"crawl"]


def test_memory_has_a_limit(child: Callable[..., Confined]) -> None:
    assert list(child().ask([b"eat"])) == [b"no memory"]


def test_answers_that_nobody_waited_for_are_not_taken_for_others(child: Callable[..., Confined]) -> None:
    echo = child()
    answers = echo.ask([b"a", b"b", b"c"])
    assert next(answers) == b"a"
    answers.close()  # type: ignore[attr-defined]
    assert list(echo.ask([b"d"])) == [b"d"]


def test_an_idle_child_ends_and_another_takes_its_place(child: Callable[..., Confined]) -> None:
    echo = child(idle="0.05")
    assert list(echo.ask([b"a"])) == [b"a"]
    pid = echo.pid
    assert pid is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert list(echo.ask([b"b"])) == [b"b"]
    assert echo.pid != pid


LEAVES = """
import os, subprocess, sys, time
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.javascript import _sandbox
from helios_wf.cwl.limits import expression_s
from helios_wf.processes import become_subreaper, end_leftovers

become_subreaper()
code = compile_expression("$(inputs.n + 1)", ())
assert code({"n": 1}, None, {}) == 2
sandbox = _sandbox(expression_s()).process.pid
left = subprocess.run(["sh", "-c", "sleep 60 >&- & echo $!"], stdout=subprocess.PIPE, text=True)
end_leftovers()
try:
    os.kill(int(left.stdout), 0)
    print("left")
except ProcessLookupError:
    print("gone")
assert code({"n": 2}, None, {}) == 3
print(sandbox == _sandbox(expression_s()).process.pid)
"""


def test_what_a_tool_leaves_is_ended_but_not_the_sandbox() -> None:
    command = [sys.executable, "-c", LEAVES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["gone", "True"], done.stderr
