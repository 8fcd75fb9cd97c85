"""Runs one document with helios-wf and with cwltool, in this process, and gives both results to compare."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from helios_wf.cli import main

NOT_COMPARED = ("location", "path", "nameroot", "nameext", "dirname", "contents")
"""Of files: where they are, and what follows from names; cwltool leaves contents in or out by chance."""


class Result(NamedTuple):
    """Exit code and output object of a run; what it said is only shown."""

    code: int
    outputs: Any
    said: str


def helios(folder: Path, document: str, job: str | None) -> Result:
    """Returns what helios-wf makes of a document in a folder."""
    out, err = io.StringIO(), io.StringIO()
    arguments = [
        "run",
        "--quiet",
        "--no-container",
        "--home",
        str(folder.parent / "home"),
        "--outdir",
        str(folder / "ours"),
    ]
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([*arguments, document, *([job] if job else [])])
    assert isinstance(ended.value.code, int)
    return _result(ended.value.code, out.getvalue(), err.getvalue())


def cwltool(folder: Path, document: str, job: str | None) -> Result:
    """Returns what cwltool makes of a document in a folder, with the same JavaScript engine."""
    from cwltool.main import main as run

    from helios_wf.cwl.quickjs_engine import install

    install()
    out, err = io.StringIO(), io.StringIO()
    options = ["--no-container", "--relax-path-checks", "--disable-js-validation"]
    arguments = [*options, "--outdir", str(folder / "theirs"), document, *([job] if job else [])]
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        code = run(arguments, stdout=out, stderr=err, logger_handler=logging.StreamHandler(err))
    return _result(code, out.getvalue(), err.getvalue())


def _result(code: int, printed: str, said: str) -> Result:
    return Result(code, compared(json.loads(printed)) if code == 0 and printed.strip() else None, said)


def compared(value: Any) -> Any:
    """Returns an output value with what both must agree on."""
    if isinstance(value, list):
        return [compared(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_placed = value.get("class") in ("File", "Directory")
    left_out = (
        (*NOT_COMPARED, *([] if value.get("secondaryFiles") else ["secondaryFiles"])) if is_placed else ()
    )
    kept = {key: compared(one) for key, one in value.items() if key not in left_out and ":" not in key}
    if kept.get("class") == "Directory":
        kept["listing"] = sorted(kept.get("listing") or [], key=lambda one: str(one["basename"]))
    return kept
