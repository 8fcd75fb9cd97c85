"""What is left that tells why a tool failed: the end of its log, a full disk, memory kills."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence

TAIL_BYTES = 8192
TAIL_LINES = 20

NO_ROOM_BYTES = 65536

WORD_LIMIT_BYTES = 131072
"""Most bytes of one word of a command line.  Source: MAX_ARG_STRLEN of Linux."""

_DISK_MESSAGES = ("No space left on device", "Disk quota exceeded")
_MEMORY_MESSAGES = (
    "MemoryError",
    "std::bad_alloc",
    "OutOfMemoryError",
    "Cannot allocate memory",
    "memory exhausted",
    "out of memory",
    "Out of memory",
)
_seen_kills: int | None = None


def tail(path: str) -> str:
    """Returns the last lines of a log, at most 20 and 8 KiB; empty when there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            data = file.read(TAIL_BYTES)
    except OSError:
        return ""
    lines = data.decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:]).replace("\0", "�")


def first_disk_error(log: str) -> str | None:
    """Returns the first line of a log that speaks of a full disk."""
    return _first_line(log, _DISK_MESSAGES)


def first_memory_error(log: str) -> str | None:
    """Returns the first line of a log that speaks of too little memory."""
    return _first_line(log, _MEMORY_MESSAGES)


def _first_line(log: str, texts: Sequence[str]) -> str | None:
    return next((line.strip() for line in log.splitlines() if any(text in line for text in texts)), None)


def is_full(folder: str) -> bool:
    """Returns whether the disk of a folder has no room: not even a log could say so then."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    # some network file systems tell nothing, and call all sizes 0
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    return disk.f_blocks > 0 and free * disk.f_frsize < NO_ROOM_BYTES


def memory_kills() -> bool:
    """Returns whether the kernel has killed for memory since this was last asked (first: since the start)."""
    global _seen_kills
    now = _count_kills()
    before, _seen_kills = _seen_kills, now
    return before is not None and now > before


def _count_kills() -> int:
    """Returns how often the kernel has killed for memory: on this machine, and in this control group."""
    return sum(_counter(path) for path in ("/proc/vmstat", *_group_files()))


def _group_files() -> list[str]:
    files = []
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.strip().split(":", 2)
            if not controllers:
                files.append(f"/sys/fs/cgroup{path}/memory.events")
            elif "memory" in controllers.split(","):
                files += [
                    f"/sys/fs/cgroup/memory{path}/memory.oom_control",
                    "/sys/fs/cgroup/memory/memory.oom_control",
                ]
    return files


def _counter(path: str) -> int:
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def too_long(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Returns why the system takes no command line of this length, and what to do instead.

    Source: execve(2), "Limits on size of arguments and environment".
    """
    words = [len(os.fsencode(word)) + 1 for word in argv]
    longest = max(words)
    if longest > WORD_LIMIT_BYTES:
        shell = " (a ShellCommandRequirement makes one word of the whole line)" if argv[1:2] == ["-c"] else ""
        what = f"one of its words has {longest:,} bytes{shell}, and the system takes {WORD_LIMIT_BYTES:,}"
    else:
        others = sum(len(os.fsencode(f"{name}={value}")) + 1 for name, value in environment.items())
        total = sum(words) + others + 8 * (len(argv) + len(environment))
        what = (
            f"its command line of {len(argv):,} words has {total:,} bytes with the environment, "
            f"and the system takes {os.sysconf('SC_ARG_MAX'):,} (a quarter of ulimit -s, 6 MiB at most)"
        )
    return (
        f"{what}; let the tool read the names from a file that an InitialWorkDirRequirement writes, "
        "or merge in groups (helios:merge with maxInputs)"
    )
