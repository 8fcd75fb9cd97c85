"""The answer at the top of the page: did it work, what came out, how long, what was lost, what it cost."""

from __future__ import annotations

from helios_wf.report.facts import Bound, Facts
from helios_wf.report.page.markup import Cell, code, mute, number, table, text, words
from helios_wf.states import GOOD_JOBS, SETTLED_RUNS, JobState, RunState
from helios_wf.wording import count_text, precise_duration, rate_text, size_text

_WORDS = {
    RunState.PENDING: "It waits for an engine.",
    RunState.RUNNING: "It goes on.",
    RunState.PAUSED: "It is paused.",
    RunState.DONE: "It worked.",
    RunState.FINISHED: "It worked, with losses that are tolerated.",
    RunState.FAILED: "It failed.",
    RunState.CANCELLED: "It was cancelled.",
}

_OTHERS = {
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.FINISHED: "with losses",
    JobState.SKIPPED: "skipped",
    JobState.RUNNING: "running",
    JobState.LEASED: "handed out",
    JobState.READY: "waiting",
}


def header(facts: Facts) -> str:
    """Returns the head of the page: what was run, and how it ended in a sentence."""
    run = facts.run
    template = f"template {run.template} version {run.version}, " if run.template else ""
    begun = f'<time datetime="{text(run.created_at)}">{text(instant(run.created_at))} UTC</time>'
    parts = [
        f'<p class="state {run.state.lower()}">{run.state}</p><h1>{text(run.label)}</h1>',
        f'<p class="mute">run {text(run.id)}, {text(template)}begun {begun}</p>',
        f'<p class="answer">{text(f"{_WORDS[run.state]} {_sentence(facts)}")}</p>',
    ]
    if run.reason:
        parts.append(f'<p class="reason">{text(run.reason)}</p>')
    if run.note:
        parts.append(f'<p class="note">{text(run.note[:1].upper() + run.note[1:])}.</p>')
    if run.state in (RunState.FAILED, RunState.CANCELLED, RunState.PAUSED):
        command = code(f"helios-wf resume {run.id}")
        parts.append(f'<p class="mute">To go on with it, keeping what is done: {command}</p>')
    return f"<header>{''.join(parts)}</header>"


def instant(at: str) -> str:
    """Returns an ISO 8601 instant in UTC as people read it."""
    return at.replace("T", " ").replace("+00:00", "")


def _sentence(facts: Facts) -> str:
    good, total = _done(facts), _total(facts)
    known = sum(sum(task.jobs.values()) if task.total is None else task.total for task in facts.tasks)
    of = f"{known:,} or more" if total is None else f"{total:,}"
    done = f"All {count_text(good, 'job')}" if good == total else f"{good:,} of {of} jobs"
    lasted = precise_duration(facts.run.elapsed_s)
    when = f"in {lasted}" if facts.run.state in SETTLED_RUNS else f"so far, after {lasted}"
    return f"{done} of {count_text(len(facts.tasks), 'step')} are done {when}."


def tiles(facts: Facts) -> str:
    """Returns the numbers that matter most."""
    shown = [_jobs(facts), _events(facts), _time(facts), _cost(facts), _lost(facts), _written(facts)]
    return f'<div class="tiles">{"".join(shown)}</div>'


def _tile(name: str, value: str, below: str, is_bad: bool = False) -> str:
    kind = "tile bad" if is_bad else "tile"
    return (
        f'<div class="{kind}"><p class="mute">{text(name)}</p><p class="value">{text(value)}</p>'
        f"<p>{text(below)}</p></div>"
    )


def _jobs(facts: Facts) -> str:
    counts, good, total = _counted(facts), _done(facts), _total(facts)
    others = [f"{counts[state]:,} {said}" for state, said in _OTHERS.items() if counts[state]]
    if reused := sum(task.reused for task in facts.tasks):
        others.append(f"{reused:,} reused")
    if total is not None and total != good:
        others.insert(0, f"of {total:,}")
    return _tile("Jobs done", f"{good:,}", ", ".join(others) or "all of them", counts[JobState.FAILED] > 0)


def _events(facts: Facts) -> str:
    seen = [task.events for task in facts.tasks if task.events is not None]
    if not seen:
        return ""
    most = max(seen, key=lambda one: one.total or one.done)
    lost = sum(one.lost for one in seen)
    below = [f"{lost:,} lost"] if lost else []
    below += [f"{rate_text(most.done / facts.run.elapsed_s)} a second"] if facts.run.elapsed_s else []
    return _tile("Events done", f"{most.done:,}", ", ".join(below), lost > 0)


def _time(facts: Facts) -> str:
    over = facts.overhead
    name = "Time" if facts.run.state in SETTLED_RUNS else "Time so far"
    below = f"{precise_duration(over.before_s)} to the first job" if over.n_workers else ""
    return _tile(name, precise_duration(facts.run.elapsed_s), below)


def _cost(facts: Facts) -> str:
    over = facts.overhead
    cpu_s = sum(task.cpu_s.total for task in facts.tasks if task.cpu_s is not None)
    share = f"{over.tool_s / over.present_s:.0%} of it in tools, " if over.present_s else ""
    below = f"{share}{precise_duration(cpu_s)} of processor time"
    return _tile("Worker time", precise_duration(over.present_s), below)


def _lost(facts: Facts) -> str:
    n_tries = sum(task.charged + task.lost for task in facts.tasks)
    if not n_tries and not facts.overhead.failed_s:
        return ""
    tries = "1 try that failed" if n_tries == 1 else f"{n_tries:,} tries that failed"
    return _tile("Lost to failures", precise_duration(facts.overhead.failed_s), tries, True)


def _written(facts: Facts) -> str:
    size = sum(task.n_bytes for task in facts.tasks)
    rate = f"{size_text(size / facts.run.elapsed_s)} a second" if facts.run.elapsed_s else ""
    return _tile("Written", size_text(size), rate) if size else ""


def came_out(facts: Facts) -> str:
    """Returns what the run gave: its outputs, where they are."""
    return _bounds(facts.run.outputs, "Outputs of the run")


def went_in(facts: Facts) -> str:
    """Returns what the run took."""
    return _bounds(facts.run.inputs, "Inputs of the run")


def _bounds(bounds: tuple[Bound, ...], label: str) -> str:
    bound = [one for one in bounds if one.value != "null"]
    left = [one.name for one in bounds if one.value == "null"]
    rows = [
        (
            words(one.name),
            words(one.dataset or ""),
            number(one.n_files or None),
            number(one.n_bytes or None, size_text),
            _what(one),
        )
        for one in bound
    ]
    shown = table(("name", "dataset", "files", "size", "what"), rows, label) if rows else ""
    return shown + (f'<p class="mute">null: {text(", ".join(left))}</p>' if left else "")


def _what(one: Bound) -> Cell:
    more = one.n_files - len(one.files)
    shown = [code(path) for path in one.files] or [code(one.value)]
    shown += [mute(f"and {more:,} more")] if more else []
    return Cell("<br>".join(shown), one.files[0] if one.files else one.value)


def _counted(facts: Facts) -> dict[JobState, int]:
    """Returns how many jobs of all steps are in each state."""
    return {state: sum(task.jobs.get(state, 0) for task in facts.tasks) for state in JobState}


def _done(facts: Facts) -> int:
    counts = _counted(facts)
    return sum(counts[state] for state in GOOD_JOBS)


def _total(facts: Facts) -> int | None:
    """Returns how many jobs the run has; None while a step does not know its own."""
    totals = [task.total for task in facts.tasks]
    return None if None in totals else sum(total or 0 for total in totals)
