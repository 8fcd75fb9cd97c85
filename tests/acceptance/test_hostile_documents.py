"""Documents that want to escape, to hang or to eat the machine: each ends with an error that says where."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helios_wf.cwl.limits import LOAD_S
from helios_wf.cwl.scripts import TRIAL_S

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: []
outputs: []
"""

HEAD = """\
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}}
inputs: []
outputs: []
"""


def script(code: str) -> str:
    """A tool with an argument that is JavaScript."""
    lines = "".join(f"      {line}\n" for line in code.splitlines())
    return (
        TOOL
        + "requirements: {InlineJavascriptRequirement: {}}\narguments:\n  - valueFrom: |\n"
        + lines.rstrip()
        + "\n"
    )


def library(code: str) -> str:
    lines = "".join(f"        {line}\n" for line in code.splitlines())
    return (
        TOOL
        + "requirements:\n  InlineJavascriptRequirement:\n    expressionLib:\n      - |\n"
        + lines
        + 'arguments: ["$(f())"]\n'
    )


def step(run: str) -> str:
    return f"{HEAD}steps:\n  one:\n    run: {run}\n    in: []\n    out: []\n"


def aliases(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def merges(levels: int) -> str:
    lines = ["m0: &m0 {k0: 1}"]
    lines += [f"m{n}: &m{n}\n  <<: [{', '.join([f'*m{n - 1}'] * 10)}]\n  k{n}: 1" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


ESCAPES = {
    "this": 'this.constructor.constructor("return process")().mainModule.require("child_process")',
    "an array": '[].constructor.constructor("return process")().exit()',
    "a hidden word": '[]["con" + "structor"]["con" + "structor"]("return require")()("fs")',
    "an error": '(function () { return arguments.callee.caller.constructor("return process")(); })()',
    "an import": 'import("fs")()',
    "a generator": 'Object.getPrototypeOf(function* () {}).constructor("yield process")().next()',
    "the host": "os.exec(['touch', 'escaped'])",
}

CASES: dict[str, tuple[str, str]] = {
    **{
        f"escape through {name}": (script(f"$({code})"), "cannot work: (Type|Reference|Syntax)Error")
        for name, code in ESCAPES.items()
    },
    "escape of a library": (library("var p = Function('return process')();"), "process is not defined"),
    "endless loop": (script("${ while (true) {} }"), "more than .* s of processor time"),
    "endless loop of a library": (library("for (;;) {}"), "library cannot be loaded: it took more than"),
    "endless native loop": (script('$(new Array(1e9).join("ab"))'), "it took more than|of memory"),
    "endless recursion": (script("${ function f() { return f() + 1; } return f(); }"), "call stack"),
    "backtracking": (script('$(/^(a+)+$/.exec("' + "a" * 60 + '!"))'), "it took more than"),
    "doubling text": (script('${ var s = "x"; while (true) s += s; }'), "string too long|of memory"),
    "growing array": (script("${ var a = []; while (true) a.push([a.length]); }"), "MiB of memory"),
    "huge array": (script("$(new Array(300000000).fill(7))"), "of memory"),
    "memory of a library": (
        library("var a = []; while (true) a.push(a.slice());"),
        "cannot be loaded: it needed more than",
    ),
    "run of a URL": (step("http://127.0.0.1:PORT/x.cwl"), r"main\.cwl:8:10: .*is a URL; only files below"),
    "run of another scheme": (step("ftp://127.0.0.1/x.cwl"), "is a URL"),
    "run outside": (step("../outside/tool.cwl"), r"main\.cwl:8:10: .*outside.*--root"),
    "run of an absolute path": (step("/etc/passwd"), "/etc/passwd is outside"),
    "run of a file URL": (step("file:///etc/passwd"), "/etc/passwd is outside"),
    "run through an encoded path": (step("'%2e%2e/outside/tool.cwl'"), "is outside"),
    "run through a link": (step("link.cwl"), r"link\.cwl \(that is .*outside"),
    "run through a linked folder": (step("folder/tool.cwl"), r"that is .*outside"),
    "run of a circle of links": (step("circle.cwl"), "links lead in a circle"),
    "run of a pipe": (step("pipe.cwl"), "is no regular file"),
    "run of itself": (step("main.cwl"), "in a circle"),
    "import of a URL": (
        TOOL + "hints: {$import: http://127.0.0.1:PORT/h.yml}\n",
        r"main\.cwl:6:\d+: .*is a URL",
    ),
    "import outside": (TOOL + "hints: {$import: ../outside/hints.yml}\n", "is outside"),
    "import of itself": (TOOL + "hints: {$import: main.cwl}\n", r"main\.cwl"),
    "import of a circle": (TOOL + "hints: {$import: turn.yml}\n", r"(main\.cwl|turn\.yml)"),
    "include of a URL": (library("").replace("- |", "- $include: https://127.0.0.1:PORT/x.js"), "is a URL"),
    "include outside": (library("").replace("- |", "- $include: /etc/passwd"), "/etc/passwd is outside"),
    "mixin outside": (TOOL + "hints: [{$mixin: ../outside/hints.yml}]\n", "is outside"),
    "mixin of a URL": (TOOL + "hints: [{$mixin: 'http://127.0.0.1:PORT/x'}]\n", "is a URL"),
    "schema outside": (TOOL + "$schemas: [/etc/passwd]\n", "warning( HW211)?: .*/etc/passwd is outside"),
    "schema of a URL": (TOOL + "$schemas: ['http://127.0.0.1:PORT/x.owl']\n", ""),
    "odd namespaces": (TOOL + "$namespaces: [a, b]\n", r"main\.cwl:\d+"),
    "deep brackets": ("[" * 20_000 + "]" * 20_000, "nests too deeply"),
    "deep maps": ("{a: " * 20_000 + "}" * 20_000, "nests too deeply"),
    "deep blocks": ("".join(f"{' ' * n}a:\n" for n in range(2_000)), "nests too deeply"),
    "deep dashes": ("- " * 20_000 + "a", "nests too deeply"),
    "deep types": (
        TOOL.replace("inputs: []", "inputs: {x: " + "{type: array, items: " * 70 + "int" + "}" * 70 + "}"),
        "reading it takes more than|unknown field",
    ),
    "aliases": (TOOL + aliases(12), "grows to more than 1000000 nodes through its aliases"),
    "an alias in itself": (TOOL + "hints: &a {b: *a}\n", r"main\.cwl:6"),
    "merged keys": (TOOL + merges(9), r"main\.cwl"),
    "a key twice": (TOOL + "baseCommand: cat\n", r"main\.cwl:6:1: .*'baseCommand' stands twice"),
    "many keys": (
        TOOL + "".join(f"k{n}: {{a: [1, 2]}}\n" for n in range(60_000)),
        "reading it takes more than",
    ),
    "many steps": (
        HEAD
        + "steps:\n"
        + "".join(f"  s{n}: {{run: t.cwl, in: {{a: s{n - 1}/o}}, out: [o]}}\n" for n in range(30_000)),
        "reading it takes more than",
    ),
    "huge": ("a: '" + "x" * 17_000_000 + "'\n", "at most 16777216"),
    "no text": ("\x00\x01\x02", "YAML"),
    "a Python object": (TOOL + 'doc: !!python/object/apply:os.system ["touch escaped"]\n', "all right"),
}


@pytest.fixture
def folder(helios: Command) -> Path:
    """A project with links and pipes that lead out of it, and a secret beside it."""
    outside = helios.folder / "outside"
    outside.mkdir()
    (outside / "tool.cwl").write_text(TOOL)
    (outside / "hints.yml").write_text("[]\n")
    project = helios.folder / "project"
    (project / ".git").mkdir(parents=True)
    (project / "link.cwl").symlink_to(outside / "tool.cwl")
    (project / "folder").symlink_to(outside)
    (project / "circle.cwl").symlink_to(project / "circle.cwl")
    (project / "turn.yml").write_text("$import: turn.yml\n")
    (project / "t.cwl").write_text(TOOL)
    os.mkfifo(project / "pipe.cwl")
    return project


SAME_LOADER = (
    "escape of a library",
    "endless loop of a library",
    "growing array",
    "run of a URL",
    "run through a link",
    "import outside",
    "include of a URL",
    "deep blocks",
    "aliases",
    "many keys",
)
"""What plan and run are shown too; they load as validate does."""

ACCEPTED = {"schema outside", "schema of a URL", "a Python object"}
"""Not read, and nothing is lost: ontologies only say which formats are alike.  Not made: it is a list."""


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine at which nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("name", "verb"),
    [(name, "validate") for name in CASES]
    + [(name, verb) for name in SAME_LOADER for verb in ("plan", "run")],
)
def test_a_hostile_document_ends_with_an_error_that_says_where(
    name: str, verb: str, folder: Path, port: int, helios: Command
) -> None:
    text, message = CASES[name]
    (folder / "main.cwl").write_text(text.replace("PORT", str(port)))
    code = helios(verb, folder / "main.cwl")
    told = helios.out + helios.err
    assert not list(helios.folder.rglob("escaped"))
    assert re.search(message, told), told
    if name not in ACCEPTED:
        assert code == (1 if verb == "validate" else 2), told
        assert re.search(r"\.(cwl|yml|js):\d+:\d+: |main\.cwl is no UTF-8 text", told), told


def test_the_limits_of_loading_are_within_five_seconds_together() -> None:
    assert LOAD_S + TRIAL_S < 5


def test_a_project_is_the_root_wherever_helios_wf_is_called(folder: Path, helios: Command) -> None:
    (folder / "main.cwl").write_text(step("../outside/tool.cwl"))
    assert helios("validate", folder / "main.cwl") == 1
    assert f"is outside {folder}" in helios.out
    assert helios("validate", "--root", helios.folder, folder / "main.cwl") == 0
