"""Pages that are done as they say: files are written, commands typed, and what they print is compared.

A fenced block with ``title="NAME"`` is the file NAME.  A block ``console`` is a terminal: a line that begins
with ``$ `` is typed (it goes on behind a backslash at its end), the lines below it are all that is printed,
standard error too; ``...`` stands for any text of a line, alone on a line for any number of lines.  A command
ends with 0, unless the next one is ``echo $?``.  Blocks ``python`` go on in one interpreter; a block ``text``
behind one is what it prints.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

INTERPRETER = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(json.loads(line), names)
        except BaseException:
            traceback.print_exc(file=printed)
    print(json.dumps(printed.getvalue()), flush=True)
"""

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


class Python(NamedTuple):
    """Code, and what a page says that it prints."""

    code: str
    printed: str


def steps(page: str) -> Iterator[File | Typed | Python]:
    """Yields what a page says to do, in order; a block that says nothing of the kind is an error."""
    blocks = FENCE.findall(page)
    for (indent, language, info, block), after in zip(blocks, [*blocks[1:], ("",) * 4], strict=True):
        text = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        title = re.search(r'title="([^"]+)"', info)
        if title:
            yield File(title[1], text)
        elif language == "console":
            yield from _typed(text)
        elif language == "python":
            yield Python(text, after[3] if after[1] == "text" else "")
        elif language != "text":
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
    interpreter = _Interpreter(folder, environment)
    for number, step in enumerate(done):
        if isinstance(step, File):
            (folder / step.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.name).write_text(step.text, encoding="utf-8")
            continue
        if isinstance(step, Python):
            printed = interpreter.run(step.code)
            if not matches(step.printed, printed):
                raise AssertionError(
                    f"{step.code}\n-- the page says:\n{step.printed}-- it printed:\n{printed}"
                )
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
    interpreter.close()


class _Interpreter:
    """An interpreter that goes on from block to block; it starts with the first."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._folder = folder
        self._environment = environment

    def run(self, code: str) -> str:
        """Returns what code prints."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", INTERPRETER],
                cwd=self._folder,
                env=self._environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        printed: str = json.loads(self._process.stdout.readline())
        return printed

    def close(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.communicate()
