"""The files of a new template: one that is right, with its tools and cases, to be changed."""

from __future__ import annotations

from pathlib import Path

from helios_wf.cwl.field_values import word
from helios_wf.errors import UserError

FILES = Path(__file__).parent / "new_template"
NAME = "my_template"
"""The name that stands in those files."""


def write(name: str, folder: Path) -> list[Path]:
    """Writes the files of a new template into ``folder/name``, and returns their paths.

    Raises:
        UserError: the name is none, or there is something of that name already.
    """
    try:
        word(name)
    except ValueError as error:
        raise UserError(f"a template's name {error}, not {name!r}") from None
    target = folder / name
    if target.exists():
        raise UserError(f"{target} is there already; choose another name, or another --folder")
    written = []
    for source in sorted(FILES.rglob("*")):
        if source.is_file():
            path = target / str(source.relative_to(FILES)).replace(NAME, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.read_text(encoding="utf-8").replace(NAME, name), encoding="utf-8")
            written.append(path)
    return written
