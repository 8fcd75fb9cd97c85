"""Writes the pages of docs/ that the code itself tells: commands, states and errors.

``make docs-commands`` writes them anew; ``pages()`` returns them, for the test that compares.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import click

from helios_wf import errors, event_tools, states
from helios_wf.cli import cli
from helios_wf.cli.options import SETTING_OPTIONS, OnlyWithEquals
from helios_wf.config import PREFIX, VARIABLE_KEYS

DOCS = Path(__file__).resolve().parent
COMMAND = "make docs-commands"
NOTE = f"<!-- Written by docs/generate.py; change the code, then run: {COMMAND} -->\n"


def pages() -> dict[str, str]:
    """Returns every page that is written here, by its name."""
    return {"commands.md": commands(), "states.md": states_page(), "errors.md": errors_page()}


def main() -> None:
    """Writes the pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


# commands

COMMANDS = """
# Commands

Two programs: `helios-wf` runs workflows, `helios-events` makes, shows and changes files of events. Every
command has `--help`, which says what stands here. RUN is the id of a run or its beginning; without it, the
latest run is meant. What commands print, and what their [exit codes](running.md#what-comes-out) mean, is told
in [Running](running.md); variables and `helios.toml` in [Settings](settings.md).
"""


def commands() -> str:
    """Returns the page of all commands, arguments and options."""
    text = [NOTE, COMMANDS.lstrip()]
    programs = [("helios-wf", cli), ("helios-events", event_tools.cli)]
    found = [(words, command) for name, program in programs for words, command in _leaves(name, program)]
    text.append(
        _table(
            ("command", "does"), [(f"[`{words}`](#{_anchor(words)})", _first(each)) for words, each in found]
        )
    )
    for name, program in programs:
        text.append(f"## {name}\n\n`{name} [OPTIONS] COMMAND ...`\n\n{_parameters(program)}")
        text.extend(_command(words, each) for words, each in found if words.startswith(f"{name} "))
    return "\n".join(text)


def _leaves(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, by what is typed."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from _leaves(f"{words} {name}", below)


def _command(words: str, command: click.Command) -> str:
    context = click.Context(command, info_name=words)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    return f"### {words}\n\n`{usage}`\n\n{_paragraphs(command.help or '')}\n\n{_parameters(command)}"


def _parameters(command: click.Command) -> str:
    shown = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return _table(("option", "means"), [(_spelling(each), _meaning(each)) for each in shown])


def _spelling(option: click.Option) -> str:
    """Returns how an option is typed, with its value."""
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag or option.count else _value(option)
    return ", ".join(f"`{name}{value if name == max(names, key=len) else ''}`" for name in names)


def _value(option: click.Option) -> str:
    if isinstance(option, OnlyWithEquals):
        return option.metavar or ""
    if option.metavar:
        return f" {option.metavar}"
    if isinstance(option.type, click.Choice):
        return " " + " | ".join(str(choice) for choice in option.type.choices)
    return f" {option.make_metavar(click.Context(click.Command('none')))}"


def _meaning(option: click.Option) -> str:
    """Returns an option's help, with its default and the variable that gives it too."""
    text = _inline(option.help or "")
    default = option.default
    if option.required:
        text += " Required."
    elif type(default) in (str, int, float) and default != "" and "[default" not in text:
        text += f" Default: `{default}`."
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    variables += [f"{PREFIX}{key.upper()}" for key in _settings_of(option)]
    return text + "".join(f" Variable: `{name}`." for name in variables)


def _settings_of(option: click.Option) -> list[str]:
    """Returns the setting that an option gives, if it gives one."""
    return [key for key in VARIABLE_KEYS if key == option.name and key in SETTING_OPTIONS]


def _first(command: click.Command) -> str:
    """Returns the first sentence of a command's help."""
    words = " ".join((command.help or "").partition("\n\n")[0].split())
    return _inline(re.split(r"(?<=[.])\s", words)[0])


def _paragraphs(text: str) -> str:
    r"""Returns help as Markdown; what stands behind a ``\b`` keeps its lines."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if paragraph.startswith("\b"):
            parts.append("```\n" + paragraph.removeprefix("\b").strip("\n") + "\n```")
        else:
            parts.append(_inline(" ".join(paragraph.split())))
    return "\n\n".join(parts)


# states

STATES = """
# States

What a run, a task, a job, an event range or a dataset can be, and what may become of it. The tables are those
of `helios_wf/states.py`: the store writes the legal states of before into the statement of every move, so any
other move changes nothing. The drawings leave out short cuts: moves past a state that stands between.
[Architecture](architecture.md) says who moves them.
"""

NOUNS: list[tuple[str, type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]]] = [
    ("Run", states.RunState, states.RUN_MOVES),  # type: ignore[list-item]
    ("Task", states.TaskState, states.TASK_MOVES),  # type: ignore[list-item]
    ("Job", states.JobState, states.JOB_MOVES),  # type: ignore[list-item]
    ("Event range", states.RangeState, states.RANGE_MOVES),  # type: ignore[list-item]
    ("Dataset", states.DatasetState, states.DATASET_MOVES),  # type: ignore[list-item]
]


def states_page() -> str:
    """Returns the page of all states, their meanings and legal moves."""
    lines = _lines_of(states)
    text = [NOTE, STATES.lstrip()]
    for title, noun, moves in NOUNS:
        rows = [
            (f"`{each}`", _inline(lines[noun.__name__][each.name]), _names(noun, moves[each]))
            for each in noun
        ]
        text.append(
            f"## {title}\n\n{_table(('state', 'means', 'may become'), rows)}\n{_diagram(noun, moves)}"
        )
    statuses = [(f"`{each}`", _inline(lines["TemplateStatus"][each.name])) for each in states.TemplateStatus]
    text.append(
        f"## Status of a template\n\nWritten by its author.\n\n{_table(('status', 'means'), statuses)}"
    )
    text.append(_causes(lines["Cause"]))
    return "\n".join(text)


def _causes(lines: Mapping[str, str]) -> str:
    intro = (
        "## Causes\n\nWhy an attempt did not end well. One that is not charged is tried again without "
        "counting, up to five times; one that is final is not tried again.\n\n"
    )
    rows = [
        (
            f"`{each}`",
            _inline(lines[each.name]),
            "no" if each in states.UNCHARGED else "yes",
            "yes" if each in states.PERMANENT else "no",
        )
        for each in states.Cause
    ]
    return intro + _table(("cause", "means", "charged", "final"), rows)


def _names(noun: type[StrEnum], targets: frozenset[StrEnum]) -> str:
    return ", ".join(f"`{each}`" for each in noun if each in targets) or "nothing: it is final"


def _diagram(noun: type[StrEnum], moves: Mapping[StrEnum, frozenset[StrEnum]]) -> str:
    first = next(iter(noun))
    drawn = [
        f"    {each} --> {target}"
        for each in noun
        for target in noun
        if _is_drawn(each, target, list(noun), moves)
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *drawn, "```", ""])


def _is_drawn(
    state: StrEnum, target: StrEnum, order: list[StrEnum], moves: Mapping[StrEnum, frozenset[StrEnum]]
) -> bool:
    """Whether a move is legal, and no short cut past a state that stands between the two."""
    between = order[order.index(state) + 1 : order.index(target)]
    return target in moves[state] and not any(
        each in moves[state] and target in moves[each] for each in between
    )


def _lines_of(module: object) -> dict[str, dict[str, str]]:
    """Returns the line under each member of each class of a module."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    return {each.name: dict(_members(each.body)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _members(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for member, line in pairwise(body):
        if (
            isinstance(member, ast.Assign)
            and isinstance(member.targets[0], ast.Name)
            and isinstance(line, ast.Expr)
        ):
            yield member.targets[0].id, str(ast.literal_eval(line.value))


# errors

ERRORS = """
# Errors

Every error that helios-wf raises on purpose is below, and can be imported from `helios_wf.errors`. A command
prints its message and ends with the exit code; with `--debug` before the command it shows the traceback too.

A message says what failed, on which object, what was given, and what would have been right. All mistakes of a
document are told at once.

"""


def errors_page() -> str:
    """Returns the page of all errors: the tree, with what each means."""
    return (
        NOTE
        + "\n"
        + ERRORS.lstrip()
        + _table(("error", "exit code", "means"), list(_tree(errors.HeliosError, 0)))
    )


def _tree(error: type[errors.HeliosError], depth: int) -> Iterator[tuple[str, str, str]]:
    """A row for an error and for each below it, indented; one with two parents stands below the first."""
    doc = inspect.getdoc(error) or ""
    yield f"{'&emsp;' * depth}`{error.__name__}`", str(error.exit_code), _inline(" ".join(doc.split()))
    for below in vars(errors).values():
        if isinstance(below, type) and issubclass(below, errors.HeliosError) and below.__bases__[0] is error:
            yield from _tree(below, depth + 1)


# Markdown


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def _inline(text: str) -> str:
    """Returns a line of a docstring or help as Markdown."""
    text = " ".join(text.replace("``", "`").split())
    return re.sub(
        r"[<>]|(?<!`)\[(?=default)", lambda match: {"<": "&lt;", ">": "&gt;"}.get(match[0], "\\["), text
    )


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    main()
