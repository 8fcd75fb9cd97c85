"""A report as one page: it needs no network, and is whole without scripts, which only help to read it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from helios_wf.report.facts import Facts
from helios_wf.report.page import answer, costs, dag, details, over_time, plots, timeline
from helios_wf.report.page.markup import section, text

_HERE = Path(__file__).parent


def html(facts: Facts) -> str:
    """Returns the page."""
    script, style = _file("script.js"), _file("style.css")
    rule = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{_hash(script)}'"
    run = facts.run
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{rule}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="helios-wf {text(run.helios_version)}">
<title>{text(run.label)} – {run.state} – run {text(run.id)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
{answer.header(facts)}
{answer.tiles(facts)}
{_body(facts)}
</main>
<div id="tip" role="status" hidden></div>
<script>{script}</script>
</body>
</html>
"""


def _body(facts: Facts) -> str:
    drawn = [*map(plots.histogram, facts.histograms), *map(plots.categories, facts.categories)]
    figures = f'<div class="figures">{"".join(drawn)}</div>' if drawn else ""
    at_once = "" if facts.blocks is not None else "Height says how busy a worker, or several of them, were."
    n_shown = len(facts.jobs)
    jobs = (
        f"{n_shown:,} of {facts.n_jobs:,}: those that failed first, then the slowest. "
        f"helios-wf report {facts.run.id} -o jobs.csv has all."
        if n_shown < facts.n_jobs
        else "Those that failed first, then the slowest."
    )
    sections = [
        section("failures", "Failures", details.failures(facts)),
        section("lost", "Lost events", details.lost_ranges(facts)),
        section("outputs", "What came out", answer.came_out(facts)),
        section("plots", "Histograms", figures),
        section("graph", "Steps", dag.drawing(facts.tasks), costs.steps(facts)),
        section("progress", "Progress", over_time.progress(facts), timeline.steps(facts)),
        section("rates", "Rates", over_time.rates(facts)),
        section("workers", "Workers", timeline.workers(facts), lead=at_once),
        section("overhead", "Where the time went", costs.overhead(facts)),
        section("resources", "Resources", costs.resources(facts), costs.devices(facts)),
        section("events", "Events", details.events(facts)),
        section("attempts", "Attempts", details.attempts(facts)),
        section("jobs", "Jobs", details.jobs(facts), lead=jobs),
        section("inputs", "What went in", answer.went_in(facts)),
        section("environment", "Environment", details.environment(facts)),
        section("history", "History", details.history(facts)),
    ]
    return "".join(sections)


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Returns what a Content-Security-Policy calls a script that it lets run: no other one can."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
