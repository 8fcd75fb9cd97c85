"""Why a job was skipped: the condition that was false, and the values it was about."""

from __future__ import annotations

import json
import re

from helios_wf.cwl.javascript import complete
from helios_wf.errors import JobError
from helios_wf.explaining.nouns import Reason
from helios_wf.failures import job_name
from helios_wf.model import Json
from helios_wf.model.plans import Path, Task
from helios_wf.record import Record
from helios_wf.states import JobState
from helios_wf.store.rows import JobRow

_NAMES = re.compile(r"""inputs(?:\.([A-Za-z_]\w*)|\[\s*["']([^"']+)["']\s*\])""")

MOST_SHOWN = 200
"""Characters of a value that are shown."""


def why_skipped(record: Record, task: Task, path: Path, row: JobRow) -> tuple[Reason, ...]:
    """Returns why a job was not run although nothing was wrong with it."""
    if row.message:
        return (Reason("range", row.message),)
    chain = path[: len(task.chain)]
    for guard in task.guards:
        outer = record.plan.tasks[guard]
        at = chain[: len(outer.chain)]
        around = record.job(guard, at)
        if around is not None and around.state is JobState.SKIPPED:
            text = f"the sub-workflow around it, {job_name(outer.name, at)}, was skipped"
            return (Reason("guard", text, job_name(outer.name, at), because=_when(record, outer, at)),)
    return _when(record, task, chain)


def _when(record: Record, task: Task, path: Path) -> tuple[Reason, ...]:
    if task.when is None:
        return ()
    try:
        values = complete(record.flow.specs.of(task.number).considered(path))
    except JobError as error:
        return (Reason("when", f"its condition was false: when: {task.when} (its values are gone: {error})"),)
    names = [one or other for one, other in _NAMES.findall(task.when)] or sorted(values)
    shown = ", ".join(f"{name} = {_shown(values.get(name))}" for name in dict.fromkeys(names))
    return (Reason("when", f"its condition was false: when: {task.when}, with {shown}"),)


def _shown(value: Json) -> str:
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        return str(value.get("path") or value.get("location"))
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
