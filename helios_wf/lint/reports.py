"""Findings as text: for people, programs, code scanning, test reports and annotations of pull requests."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import helios_wf
from helios_wf.lint.examine import Examined
from helios_wf.lint.finding import Finding
from helios_wf.lint.rules import RULES, Severity
from helios_wf.model import Json, Place

_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(examined: Examined) -> str:
    """Returns a line for each finding: ``FILE:LINE:COLUMN: error HW001: what is wrong``."""
    return "".join(f"{_line(finding)}\n" for finding in examined.findings)


def _line(finding: Finding) -> str:
    where = _where(finding.place)
    at = f"{where}:{finding.place.line}:{finding.place.column}: " if finding.place else ""
    return f"{at}{finding.rule.severity} {finding.code}: {finding.message}"


def as_json(examined: Examined) -> str:
    """Returns one JSON value: how many documents were looked at, and a list of findings."""
    findings: list[Json] = [
        {
            "code": finding.code,
            "name": finding.rule.name,
            "severity": finding.rule.severity.value,
            "file": _where(finding.place),
            "line": finding.place.line if finding.place else None,
            "column": finding.place.column if finding.place else None,
            "message": finding.message,
        }
        for finding in examined.findings
    ]
    return _dumped({"documents": len(examined.documents), "findings": findings})


def sarif(examined: Examined) -> str:
    """Returns a SARIF log, which code scanning of GitHub and others read.

    Source: Static Analysis Results Interchange Format (SARIF) 2.1.0, OASIS, errata 01.
    """
    codes = list(RULES)
    results: list[Json] = [
        {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": finding.rule.severity.value,
            "message": {"text": finding.message},
            **({"locations": [_location(finding.place)]} if finding.place else {}),
        }
        for finding in examined.findings
    ]
    driver = {"name": "helios-wf", "version": helios_wf.__version__, "rules": [_sarif_rule(c) for c in codes]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return _dumped({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


def _sarif_rule(code: str) -> Json:
    rule = RULES[code]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": f"{rule.what} {rule.why}"},
        "help": {"text": rule.mend},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _location(place: Place) -> Json:
    path = Path(place.file)
    # a relative one is relative to the root of the checkout, in which the check runs
    is_here = path.is_relative_to(Path.cwd())
    uri = quote(path.relative_to(Path.cwd()).as_posix()) if is_here else path.as_uri()
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


def junit(examined: Examined) -> str:
    """Returns a JUnit report: a test for each document, failed where it has findings.

    Warnings alone do not fail it; they stand in its output.
    """
    by_file: dict[str, list[Finding]] = {str(path): [] for path in examined.documents}
    for finding in examined.findings:
        by_file.setdefault(finding.place.file if finding.place else "", []).append(finding)
    cases = [_case(file, findings) for file, findings in by_file.items()]
    failed = sum(any(_is_error(one) for one in findings) for findings in by_file.values())
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<testsuites>",
        f'<testsuite name="helios-wf validate" {counts}>',
        *cases,
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(file: str, findings: list[Finding]) -> str:
    name = quoteattr(_xml(_shown(file) or "all together"))
    errors = [_line(finding) for finding in findings if _is_error(finding)]
    warnings = [_line(finding) for finding in findings if not _is_error(finding)]
    body = ""
    if errors:
        first = quoteattr(_xml(errors[0]))
        body += f'<failure message={first} type="error">{escape(_xml(chr(10).join(errors)))}</failure>'
    if warnings:
        body += f"<system-out>{escape(_xml(chr(10).join(warnings)))}</system-out>"
    return f'<testcase classname="helios-wf.validate" name={name}>{body}</testcase>'


def _xml(words: str) -> str:
    """Returns text without the characters that XML has no place for."""
    return _NO_XML.sub("?", words)


def github(examined: Examined) -> str:
    """Returns workflow commands of GitHub Actions, which it shows beside the lines of a pull request.

    Source: GitHub Docs, Workflow commands for GitHub Actions; escapes as in actions/toolkit.
    """
    return "".join(f"{_annotation(finding)}\n" for finding in examined.findings)


def _annotation(finding: Finding) -> str:
    title = f"{finding.code} {finding.rule.name}"
    fields = {"title": title}
    if finding.place:
        line, column = str(finding.place.line), str(finding.place.column)
        fields = {"file": _where(finding.place) or "", "line": line, "col": column, "title": title}
    properties = ",".join(f"{key}={_property(value)}" for key, value in fields.items())
    return f"::{finding.rule.severity} {properties}::{_data(finding.message)}"


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")


def summary(examined: Examined) -> str:
    """Returns what was looked at and found, in a line: ``12 documents: 1 error, 2 warnings``."""
    counts = Counter(finding.rule.severity for finding in examined.findings)
    told = [
        f"{counts[severity]:,} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in Severity
        if counts[severity]
    ]
    number = len(examined.documents)
    return f"{number:,} document{'' if number == 1 else 's'}: {', '.join(told) or 'all right'}"


FORMATS: Mapping[str, Callable[[Examined], str]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
}
"""How findings can be written, by the name of the format."""


def _is_error(finding: Finding) -> bool:
    return finding.rule.severity is Severity.ERROR


def _where(place: Place | None) -> str | None:
    return None if place is None else _shown(place.file)


def _shown(file: str) -> str:
    """Returns a path as seen from this folder, where it lies below it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _dumped(value: Json) -> str:
    return json.dumps(value, indent=2) + "\n"
