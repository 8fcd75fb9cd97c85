"""A warm process that answers each line in a child of its own, which cannot pass limits of time and memory.

What is slow to import is imported once; a request that kills its child costs no other one anything, and
leaves nothing behind.

    parent                                warm process: python -m MODULE
    Confined(MODULE).ask(lines)           serve_forked(answer, died, cpu_s, memory_mb)
"""

from __future__ import annotations

import gc
import os
import select
import signal
from collections.abc import Callable
from typing import NoReturn

from helios_wf.confined import (
    CHUNK,
    WALL_FACTOR,
    DiedError,
    Patience,
    ended,
    limit_memory,
    requests,
    write_all,
)
from helios_wf.processes import end_with_parent


def serve_forked(
    answer: Callable[[bytes], bytes],
    died: Callable[[bytes, DiedError], bytes],
    cpu_s: float,
    memory_mb: int,
    idle_s: float | None = None,
    prepare: Callable[[bytes], None] = lambda line: None,
) -> NoReturn:
    """Answers the lines of standard input until it ends, each in a child of this process.

    Args:
        answer: called in the child; must not raise, and its answer has no line break.
        died: what is answered where the child died over a line.
        cpu_s: processor time of one request.
        memory_mb: address space of a child, in MiB.
        idle_s: the process ends when it is not asked for so long; None: never.
        prepare: called here with each line before the child is made, to import or load what it needs.
    """
    for line, send in requests(idle_s):
        prepare(line)
        # a collection in the child would touch, and so copy, every page
        gc.freeze()
        said = _in_child(lambda line=line: answer(line), cpu_s, memory_mb)  # type: ignore[misc]
        send(died(line, said) if isinstance(said, DiedError) else said)
    os._exit(0)


def _in_child(answer: Callable[[], bytes], cpu_s: float, memory_mb: int) -> bytes | DiedError:
    back, to = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(answer, to, cpu_s, memory_mb)
    os.close(to)
    try:
        said = _read_all(back, child, Patience(child, (WALL_FACTOR - 1) * cpu_s))
    finally:
        os.close(back)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return said if code == 0 else ended(code)


def _answer(answer: Callable[[], bytes], to: int, cpu_s: float, memory_mb: int) -> NoReturn:
    code = 1
    try:
        end_with_parent(signal.SIGKILL)
        limit_memory(memory_mb)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        said = answer()
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_all(to, said)
        code = 0
    finally:
        os._exit(code)


def _read_all(back: int, child: int, patience: Patience) -> bytes:
    """Returns what a child writes until it ends; one that only sleeps is killed."""
    pieces: list[bytes] = []
    poll = select.poll()
    poll.register(back, select.POLLIN)
    while True:
        if not poll.poll(patience.left_ms()):
            if not patience.is_over():
                continue
            os.kill(child, signal.SIGKILL)
            return b""
        data = os.read(back, CHUNK)
        if not data:
            return b"".join(pieces)
        pieces.append(data)
