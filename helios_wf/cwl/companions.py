"""Secondary files inside a workflow: they come along with their file, none is looked for beside it.

Source: cwltool; CWL v1.2 Workflow, section 4.1 (``secondaryFiles`` of an input are found for the files of the
input object; a step gets what its sources hand on).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.files import secondary_name
from helios_wf.cwl.schema import as_list
from helios_wf.model import Json


def asks_for_companions(type_: Json, secondary: Json) -> bool:
    """Says whether an input, or the field of a record in it, has a secondary file that must be there."""
    return any(True for _ in _required(secondary)) or any(
        asks_for_companions(field["type"], field.get("secondaryFiles")) for field in _fields(type_)
    )


def lacking(value: Json, type_: Json, secondary: Json) -> Iterator[str]:
    """Yields what files of an input lack: those that came without any secondary file."""
    if isinstance(value, list):
        items = [each["items"] for each in as_list(type_) if isinstance(each, Mapping) and "items" in each]
        for each in value:
            yield from lacking(each, items, secondary)
    elif isinstance(value, Mapping) and value.get("class") == "File":
        if not value.get("secondaryFiles"):
            name = str(value.get("basename") or value.get("location") or "a literal").rsplit("/", 1)[-1]
            yield from (f"{name} comes without {secondary_name(name, each)}" for each in _required(secondary))
    elif isinstance(value, Mapping):
        for field in _fields(type_):
            name = str(field["name"])
            yield from lacking(value.get(name), field["type"], field.get("secondaryFiles"))


def _required(secondary: Json) -> Iterator[str]:
    """Yields the patterns that are known and required."""
    for entry in as_list(secondary) if secondary else ():
        pattern = entry["pattern"] if isinstance(entry, Mapping) else entry
        required = entry.get("required") if isinstance(entry, Mapping) else not str(entry).endswith("?")
        if required in (None, True) and not is_expression(pattern):
            yield str(pattern)


def _fields(type_: Json) -> Iterator[Mapping[str, Json]]:
    """Yields the fields of the records in a type, those of arrays of records too."""
    for each in as_list(type_):
        if isinstance(each, Mapping) and each.get("type") == "record":
            yield from each.get("fields") or ()
        elif isinstance(each, Mapping) and each.get("type") == "array":
            yield from _fields(each["items"])
