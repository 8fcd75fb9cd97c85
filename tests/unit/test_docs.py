"""The documentation is checked like code: what a user can type is in it, and its links lead somewhere."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from helios_wf import event_tools
from helios_wf.cli import COMMANDS, cli
from helios_wf.cli.options import SETTING_OPTIONS
from helios_wf.config import OTHER_VARIABLES, PREFIX, VARIABLE_KEYS, Settings
from helios_wf.formats import FORMATS
from helios_wf.model import (
    DatasetField,
    EventsField,
    MaskField,
    MergeField,
    Noun,
    RetryField,
    SplitField,
    TemplateField,
    TolerateField,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
GENERATED = {DOCS / name: page for name, page in runpy.run_path(str(DOCS / "generate.py"))["pages"]().items()}
WRITTEN = [page for page in PAGES if page not in GENERATED]

FIELDS: dict[str, type[Noun]] = {
    "helios:template": TemplateField,
    "helios:mask": MaskField,
    "helios:dataset": DatasetField,
    "helios:split": SplitField,
    "helios:merge": MergeField,
    "helios:retry": RetryField,
    "helios:tolerate": TolerateField,
    "helios:events": EventsField,
}


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one of its level."""
    return text(page).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_a_page_that_the_code_tells_is_what_it_tells_now(page: Path) -> None:
    written = page.read_text(encoding="utf-8") if page.exists() else ""
    assert written == GENERATED[page], f"docs/{page.name} is out of date; run: make docs-commands"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_docs(name: str) -> None:
    assert any(f"helios-wf {name}" in page.read_text(encoding="utf-8") for page in WRITTEN)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 4


def options(command: click.Command, words: str) -> Iterator[tuple[str, str]]:
    """Every long option below a command, as (command line, option)."""
    context = click.Context(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, f"{words} {name}")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from ((words, option) for option in parameter.opts if option.startswith("--"))


def test_every_option_of_helios_wf_is_in_the_docs_and_has_help() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in WRITTEN)
    missing = [
        f"{words} {option}" for words, option in options(cli, "helios-wf") if f"`{option}" not in pages
    ]
    assert missing == []


@pytest.mark.parametrize("name", event_tools.COMMANDS)
def test_every_event_program_and_its_options_are_in_the_docs(name: str) -> None:
    command = event_tools.cli.get_command(click.Context(event_tools.cli), name)
    assert command is not None
    page = text("event-programs.md")
    assert f"helios-events {name}" in page
    missing = [option for _, option in options(command, name) if f"`{option}" not in page]
    assert missing == []


@pytest.mark.parametrize(("field", "noun"), FIELDS.items())
def test_every_key_of_a_helios_field_is_in_its_section(field: str, noun: type[Noun]) -> None:
    words = section("template-language.md", field)
    missing = [camel(name) for name in noun.__struct_fields__ if f"`{camel(name)}`" not in words]
    assert missing == []


def test_the_value_field_has_a_section() -> None:
    assert "helios:value" in section("template-language.md", "helios:value")


def setting_rows() -> dict[str, list[str]]:
    """What stands in code in the columns of variables and options of the table of settings, by setting."""
    rows = [
        line.split("|") for line in section("settings.md", "The settings").splitlines() if line[:3] == "| `"
    ]
    code = re.compile("`([^`=]+)(?:=[^`]*)?`")
    return {code.findall(row[1])[0]: code.findall(row[2]) + code.findall(row[3]) for row in rows}


def test_the_table_of_settings_has_each_with_its_variable_and_options() -> None:
    names = {
        key: {
            option
            for parameter in SETTING_OPTIONS[key](lambda: None).__click_params__  # type: ignore[attr-defined]
            for option in parameter.opts
        }
        if key in SETTING_OPTIONS
        else set()
        for key in Settings.__struct_fields__
    }
    variables = {key: {f"{PREFIX}{key.upper()}"} if key in VARIABLE_KEYS else set() for key in names}
    assert {key: set(row) for key, row in setting_rows().items()} == {
        key: names[key] | variables[key] for key in names
    }


def test_variables_that_are_no_settings_are_in_the_docs() -> None:
    words = section("settings.md", "Other variables")
    of_the_tests = {"HELIOS_SHARED"}
    assert [name for name in OTHER_VARIABLES - of_the_tests if f"`{name}`" not in words] == []


def test_every_file_name_of_a_format_is_in_the_docs() -> None:
    words = section("datasets-and-formats.md", "Formats")
    names = [extension for known in FORMATS.values() for extension in known.extensions]
    assert [name for name in names if f"`{name}`" not in words] == []


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = text("index.md")
    names = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "index.md"]
    assert [name for name in names if f"({name})" not in index] == []


def test_every_page_is_listed_on_the_site() -> None:
    listed = (ROOT / ".ci" / "site" / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    names = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert [name for name in names if f" {name}\n" not in listed] == [], "list them in .ci/site/mkdocs.yml"


def test_every_room_has_its_place_in_the_table_of_rooms() -> None:
    listed = re.findall(r"`([a-z_]+)/?`", section("architecture.md", "Rooms"))
    inside = [path for path in (ROOT / "helios_wf").iterdir() if not path.name.startswith("_")]
    rooms = {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - set(listed) == set()
