"""The documentation as a site: it is built strictly, and shows itself without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, found

ROOT = Path(__file__).resolve().parents[2]

LOADED = re.compile(
    r"""<(?:script|img|link|iframe|source|video|audio|object|embed|image|use)\b[^>]*?
        \b(?:src|href|data|xlink:href)=["']?((?:https?:)?//[^"'\s>]+)""",
    re.VERBOSE,
)
"""What a browser loads of itself, from a host that is named."""


def build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    if not (Path(sys.executable).parent / "mkdocs").exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have mkdocs: pip install 'helios-wf[docs]'")
        pytest.skip("mkdocs is not installed: pip install 'helios-wf[docs]'")
    config = project / ".ci" / "site" / "mkdocs.yml"
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--config-file",
        config,
        "--site-dir",
        site,
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if found() is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Chromium")
        pytest.skip("Chromium is not on PATH: apt install chromium")
    opened = Browser()
    yield opened
    opened.close()


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if not (site / page).is_file()] == []


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert len(pages) > 20
    assert {str(path): LOADED.findall(text) for path, text in pages.items() if LOADED.search(text)} == {}
    sheets = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\s]+", sheets) == []


def test_diagrams_are_drawn_in_the_page(site: Path) -> None:
    page = (site / "states.html").read_text(encoding="utf-8")
    assert page.count('<div class="diagram"><svg') == 5
    assert "stateDiagram" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["index", "tutorial", "states", "commands", "api"])
def test_a_browser_asks_no_other_host_for_anything(name: str, site: Path, browser: Browser) -> None:
    page = browser.open(site / f"{name}.html")
    hosts = {url.partition("://")[0] for url in page.requests if not url.startswith("data:")}
    assert hosts == {"file"}
    assert page.value("document.querySelector('h1').innerText")
    assert page.value("[...document.querySelectorAll('.diagram svg')].every((one) => one.clientWidth > 100)")
    assert page.value("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the window"


def test_python_interfaces_are_told_from_their_docstrings(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in (
        "helios_wf.run",
        "helios_wf.event_stream.event_ranges",
        "helios_wf.backend.Backend.submit",
        "helios_wf.model.JobSpec",
    ):
        assert f'id="{name}"' in page


def test_wrong_links_and_pages_that_are_not_listed_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci" / "site", tmp_path / ".ci" / "site")
    config = tmp_path / ".ci" / "site" / "mkdocs.yml"
    listed = config.read_text(encoding="utf-8").partition("\nnav:")[0] + "\nnav: [index.md]\n"
    config.write_text(listed, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Start\n\n[a](no.md) [b](#nothing)\n", encoding="utf-8")
    (tmp_path / "docs" / "other.md").write_text("# Other\n", encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    for said in ("other.md", "'no.md'", "'#nothing'"):
        assert said in done.stderr
