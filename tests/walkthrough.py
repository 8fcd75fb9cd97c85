"""Pages that are done as they say: files are written, commands typed, and what they print is compared.

A fenced block with ``title="NAME"`` is the file NAME.  A block ``console`` is a terminal: a line that begins
with ``$ `` is typed (it goes on behind a backslash at its end), the lines below it are all that is printed,
standard error too; ``...`` stands for any text of a line, alone on a line for any number of lines.  A command
ends with 0, unless the next one is ``echo $?``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ASK = "echo $?"


class File(NamedTuple):
    """A file that a page says to write."""

    name: str
    text: str


class Typed(NamedTuple):
    """A command, and what a page says that it prints."""

    command: str
    printed: str


def steps(page: str) -> Iterator[File | Typed]:
    """Yields what a page says to do, in order; a block that says nothing of the kind is an error."""
    for indent, language, info, block in FENCE.findall(page):
        text = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        title = re.search(r'title="([^"]+)"', info)
        if title:
            yield File(title[1], text)
        elif language == "console":
            yield from _typed(text)
        else:
            raise ValueError(f"neither a file nor a terminal: ```{language}{info}\n{text}")


def _typed(text: str) -> Iterator[Typed]:
    command, printed = "", ""
    for line in text.splitlines(keepends=True):
        if command.endswith("\\\n"):
            command += line
        elif line.startswith("$ "):
            if command:
                yield Typed(command.strip(), printed)
            command, printed = line.removeprefix("$ "), ""
        else:
            printed += line
    yield Typed(command.strip(), printed)


def matches(said: str, printed: str) -> bool:
    """Whether what was printed is what the page says."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*")
        for line in said.splitlines(keepends=True)
    )
    whole = printed if printed.endswith("\n") or not printed else f"{printed}\n"
    return re.fullmatch(pattern, whole) is not None


def follow(page: str, folder: Path) -> None:
    """Does what a page says, in a folder, and fails at the first thing that is not as it says."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("HELIOS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["COLUMNS"] = "120"
    done = list(steps(page))
    code = 0
    for number, step in enumerate(done):
        if isinstance(step, File):
            (folder / step.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.name).write_text(step.text, encoding="utf-8")
            continue
        after = done[number + 1] if number + 1 < len(done) else None
        script = f"(exit {code})\n{step.command}" if step.command == ASK else step.command
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        code = ended.returncode
        if not matches(step.printed, ended.stdout):
            raise AssertionError(
                f"$ {step.command}\n-- the page says:\n{step.printed}-- it printed:\n{ended.stdout}"
            )
        if code and not (isinstance(after, Typed) and after.command == ASK):
            raise AssertionError(f"$ {step.command}\n-- it ended with {code}, and the page does not say so")
