"""The tutorial and the how-tos are done word for word as they stand; what they say is printed is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from walkthrough import File, Typed, follow, matches, steps

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "```console" in page.read_text(encoding="utf-8")]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_to_do_gives_what_it_says(page: Path, tmp_path: Path) -> None:
    follow(page.read_text(encoding="utf-8"), tmp_path)


def test_the_tutorial_is_among_the_pages_that_are_done() -> None:
    assert DOCS / "tutorial.md" in PAGES
    assert DOCS / "python.md" in PAGES
    assert len(PAGES) >= 4


def test_a_page_is_files_to_write_and_commands_to_type() -> None:
    page = '```sh title="a/b.sh"\necho b\n```\n\n```console\n$ sh \\\n   a/b.sh\nb\n$ true\n```\n'
    assert list(steps(page)) == [
        File("a/b.sh", "echo b\n"),
        Typed("sh \\\n   a/b.sh", "b\n"),
        Typed("true", ""),
    ]


def test_a_block_that_nothing_checks_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a file nor a terminal"):
        list(steps("```yaml\na: 1\n```\n"))


@pytest.mark.parametrize(
    ("said", "printed", "fits"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("", "a\n", False),
        ("a...c\n", "abbc\n", True),
        ("a...c\n", "a\nc\n", False),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a\n...\nc\n", "a\nc\n", True),
        ("a\n...\nc\n", "a\nb\n", False),
    ],
)
def test_what_is_printed_is_compared_with_what_is_said(said: str, printed: str, fits: bool) -> None:
    assert matches(said, printed) is fits


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("```console\n$ echo a\nb\n```\n", "the page says"),
        ("```console\n$ false\n```\n", "ended with 1"),
        ("```console\n$ false\n$ echo $?\n2\n```\n", "the page says"),
        ("```python\na = 1\n```\n```python\nprint(a)\n```\n```text\n2\n```\n", "the page says"),
    ],
)
def test_a_page_that_says_something_else_fails(page: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=wrong):
        follow(page, tmp_path)
