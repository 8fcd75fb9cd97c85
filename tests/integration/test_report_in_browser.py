"""The page of a report in a real browser: it draws without a network, without a complaint, for everyone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, Page, found, n_shades
from made_runs import made_ranges, made_run

from helios_wf.report import gather
from helios_wf.report.page import html
from helios_wf.store import Store

HOSTILE = '</pre><script>window.broken = true</script><img src=x onerror="window.broken = true">'

CONTRAST = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && one.parentElement ? behind(one.parentElement) : colour;
  };
  const ratio = (one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const texts = [...document.querySelectorAll("main *")].filter((one) => one.offsetParent &&
    [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map(ratio));
})()
"""
"""The least contrast of any text of the page.  Source: WCAG 2.2, relative luminance and contrast ratio."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if found() is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Chromium")
        pytest.skip("Chromium is not on PATH: apt install chromium")
    opened = Browser()
    yield opened
    opened.close()


def page_of(folder: Path, n_jobs: int, **how: object) -> Path:
    """Writes the report of a made run with everything in it, and returns where it is."""
    histogram = folder / "result.json"
    bins = {"low": 0, "high": 50, "histogram": [n * n for n in range(50)], "label": HOSTILE}
    histogram.write_text(json.dumps({"energy": bins, "status": {"values": {"active": 900, HOSTILE: 5}}}))
    file = {"class": "File", "path": str(histogram), "basename": "result.json", "size": 100}
    store = Store.open(f"sqlite:///{folder}/helios.db", folder)
    run = made_run(store, folder / "w", n_jobs, said=HOSTILE, gpus=True, outputs={"result": file}, **how)
    made_ranges(store, run, 1, 500, fatal=(3, 200))
    path = folder / "report.html"
    path.write_text(html(gather(store, run)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return browser.open(page_of(tmp_path_factory.mktemp("few"), 400, n_workers=6, failing=0.03))


@pytest.fixture(scope="module")
def page_of_many(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return browser.open(page_of(tmp_path_factory.mktemp("many"), 20_000))


def assert_whole(page: Page) -> None:
    assert page.complaints == []
    assert [url.partition(":")[0] for url in page.requests if not url.startswith("data:")] == ["file"]
    assert page.value("document.documentElement.dataset.ready") == "yes"
    assert page.value("window.broken") is None


def test_it_draws_without_a_network_and_without_a_complaint(page: Page) -> None:
    assert_whole(page)
    assert page.value("[...document.querySelectorAll('section')].map((one) => one.id)") == [
        *("failures", "lost", "outputs", "plots", "graph", "progress", "rates", "workers", "overhead"),
        *("resources", "events", "attempts", "jobs", "inputs", "environment", "history"),
    ]
    drawn = page.value(
        "[...document.querySelectorAll('svg')].map((one) => one.getBoundingClientRect())"
        ".filter((box) => box.width > 50 && box.height > 5).length"
    )
    assert drawn == page.value("document.querySelectorAll('svg').length") >= 15
    assert page.value("document.querySelectorAll('#workers [data-t] rect[rx]').length") >= 400
    assert page.value("document.querySelectorAll('.dag a').length") == 4
    assert n_shades(page.picture()) > 50


def test_it_draws_many_jobs_in_bins(page_of_many: Page) -> None:
    assert_whole(page_of_many)
    assert page_of_many.value("document.querySelectorAll('[data-busy] path').length") == 32
    page_of_many.point("[data-busy] .hit")
    assert "% busy" in page_of_many.value("document.getElementById('tip').textContent")


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        (".dag a", "decode: FAILED"),
        ("#workers g[data-t] rect[rx]", "the tool ran for"),
        ("#progress svg.timed", "reconstruct: "),
        ("#rates svg.timed", "Jobs per second: "),
        ("#plots svg.binned", "484 ± 22"),
        ("#overhead .share rect", "in tools: "),
        ("#graph td .spread", "median "),
    ],
)
def test_a_chart_tells_what_is_under_the_pointer(page: Page, selector: str, said: str) -> None:
    page.point(selector)
    assert page.value("document.getElementById('tip').hidden") is False
    assert said in page.value("document.getElementById('tip').textContent")


def test_tables_sort_by_number_both_ways(page: Page) -> None:
    column = "[...document.querySelectorAll('#jobs-table tbody tr')].map((row) => row.cells[4].dataset.k)"
    click = "document.querySelectorAll('#jobs-table th button')[4].click()"
    assert page.value("document.querySelectorAll('#jobs-table th')[4].textContent") == "took"
    page.value(click)
    up = [float(value) for value in page.value(column)]
    page.value(click)
    down = [float(value) for value in page.value(column)]
    assert up == sorted(up)
    assert down == up[::-1]
    assert len(set(up)) > 100


def test_the_jobs_are_searched_and_a_histogram_gets_a_logarithmic_scale(page: Page) -> None:
    rows = "[...document.querySelectorAll('#jobs-table tbody tr')].filter((row) => !row.hidden)"
    page.value(
        "(() => { const find = document.getElementById('find'); find.value = 'DECODE'; "
        "find.dispatchEvent(new Event('input')) })()"
    )
    names = page.value(f"{rows}.map((row) => row.cells[0].textContent)")
    page.value(
        "(() => { const find = document.getElementById('find'); find.value = ''; "
        "find.dispatchEvent(new Event('input')) })()"
    )
    assert names
    assert all(name.startswith("decode[") for name in names)
    shown = "getComputedStyle(document.querySelector('#plots g.log')).display"
    assert page.value(shown) == "none"
    page.value("document.querySelector('button.scale').click()")
    assert page.value(shown) == "inline"


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_all_text_can_be_read_in_both_schemes(page: Page, is_dark: bool) -> None:
    page.darken(is_dark)
    assert page.value(CONTRAST) >= 4.5


def test_it_fits_a_phone_and_says_what_it_is(page: Page) -> None:
    page.resize(380, 800)
    assert page.value("document.documentElement.scrollWidth") <= 380
    page.resize(1200, 1600)
    assert page.value("document.documentElement.lang") == "en"
    assert page.value("document.title").startswith("chain.cwl – FAILED – run ")
    unnamed = "[...document.querySelectorAll('svg, table')].filter((one) => !one.getAttribute('aria-label'))"
    assert page.value(f"{unnamed}.length") == 0
