"""Settings: defaults, then helios.toml, then HELIOS_* variables, then the command line; the last one wins.

A ``helios.toml`` is looked for in the working folder and upward.  Paths in it are relative to its own folder,
all others to the working folder.  What each setting means stands in ``docs/settings.md``.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias, cast, get_args

import msgspec

from helios_wf.errors import SettingsError
from helios_wf.model import Json, Noun

FILE_NAME = "helios.toml"
PREFIX = "HELIOS_"

OTHER_VARIABLES = frozenset(
    {
        "HELIOS_DEBUG",
        "HELIOS_EXPRESSION_SECONDS",
        "HELIOS_JOB",
        "HELIOS_LOAD_SECONDS",
        "HELIOS_RUN",
        "HELIOS_SHARED",
    }
)
"""Variables of the prefix that are no settings: they are never taken for a misspelt one."""

NO_ENGINE = "none"
ENGINES = ("docker", "podman", "singularity", "apptainer", NO_ENGINE)
"""What ``container_engine`` can be: engines in the order of preference, or none at all."""

_LISTS = {"templates": os.pathsep, "ignore": ","}
"""Settings of several values, and what stands between them in a variable."""

Keep: TypeAlias = Literal["none", "failed", "all"]
"""Which attempts' folders stay when a job is settled."""


OnError: TypeAlias = Literal["stop", "continue", "kill"]
"""What becomes of the rest of a run when a job failed for good."""

Reuse: TypeAlias = Literal["stat", "checksum", "none"]
"""What shows that input files are the same: path, size and time, or checksum; ``none``: every job is run."""


class Settings(Noun, frozen=True):
    """What a command runs with; every path is absolute."""

    home: Path
    """Folder of the SQLite store and of the runs' work folders."""
    store: str | None = None
    """URL of the store; None: a SQLite file in ``home``."""
    backend: str = "local"
    """Name of the backend that runs the jobs."""
    jobs: int | None = None
    """Jobs at once; None: what the backend finds sensible."""
    keep: Keep = "failed"
    """Which attempts' folders stay when a job is settled."""
    on_error: OnError | None = None
    """What becomes of the rest of a run when a job failed; None: as the run began, and that ``stop``."""
    templates: tuple[Path, ...] = ()
    """Folders and files of templates, besides the shipped ones."""
    root: Path | None = None
    """Folder below which documents are read; None: the project of each (``cwl.sources``)."""
    outdir: Path = Path()
    """Folder in which the outputs of a run are published."""
    container_engine: str | None = None
    """Engine that runs containers; ``none``: tools are run without; None: the first that answers."""
    check_compiler: int | None = None
    """Of how many of a task's first jobs each worker compares the command line with cwltool's; None: none."""
    ignore: tuple[str, ...] = ()
    """Codes of the rules that ``validate`` leaves out."""
    reuse: Reuse = "stat"
    """How inputs are known to be those of an earlier run, so that its jobs are not run again."""
    backends: dict[str, dict[str, Json]] = msgspec.field(default_factory=dict)
    """The tables ``[backends.NAME]``, handed to the backend of that name as they are."""

    @classmethod
    def load(cls, source: str = "the command line", /, **overrides: object) -> Settings:
        """Returns the settings of this process, started in this folder.

        Args:
            source: What gives ``overrides``, for messages.
            overrides: What the caller says; None, and an empty list of templates, say nothing.

        Raises:
            SettingsError: a key is unknown or a value wrong; the message names where it stands.
        """
        here = Path.cwd()
        values: dict[str, Any] = {"home": here / ".helios", "outdir": here}
        values.update(_from_file(here))
        values.update(_from_environment(os.environ, here))
        given = {key: value for key, value in overrides.items() if value is not None and value != ()}
        values.update(_checked(given, source, here))
        return cls(**values)

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__ if name != "backends")
        shown = {name: masked(value) if name == "store" and value else value for name, value in fields}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def masked(url: str) -> str:
    """Returns a URL with its password replaced by ``***``, for messages."""
    hidden = re.sub(r"(//[^/@:]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)\b(password|passwd|token|secret)=[^&\s]*", r"\1=***", hidden)


def _from_file(here: Path) -> dict[str, object]:
    """Returns what the nearest helios.toml, from ``here`` upward, says."""
    path = next(
        (folder / FILE_NAME for folder in (here, *here.parents) if (folder / FILE_NAME).is_file()), None
    )
    if path is None:
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error
    return _checked(table, str(path), path.parent)


def _from_environment(environment: Mapping[str, str], here: Path) -> dict[str, object]:
    """Returns what HELIOS_* variables say; an empty one says nothing."""
    found: dict[str, object] = {}
    for variable, text in environment.items():
        key = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or not text or variable in OTHER_VARIABLES:
            continue
        if key in VARIABLE_KEYS:
            value: object = text.split(_LISTS[key]) if key in _LISTS else text
            found[key] = READERS[key](value, f"the environment variable {variable}", here)
        elif difflib.get_close_matches(key, VARIABLE_KEYS, n=1, cutoff=0.7):
            _refuse_key(variable, "the environment", [PREFIX + known.upper() for known in VARIABLE_KEYS])
    return found


def _checked(given: Mapping[str, object], source: str, folder: Path) -> dict[str, object]:
    """Returns the given values as the settings' types."""
    for key in given:
        if key not in READERS:
            _refuse_key(key, source, list(READERS))
    return {key: READERS[key](value, f"{source}: {key}", folder) for key, value in given.items()}


def _refuse_key(key: str, source: str, valid: list[str]) -> NoReturn:
    near = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    raise SettingsError(f"{source}: no setting is called {key!r}{hint} valid: {', '.join(valid)}")


def _refuse(value: object, where: str, right: str) -> NoReturn:
    raise SettingsError(f"{where}: {value!r} is not {right}")


def _path(value: object, where: str, folder: Path) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        _refuse(value, where, "a path")
    try:
        expanded = Path(value).expanduser()
    except RuntimeError:
        _refuse(value, where, "a path: its home folder is unknown")
    return Path(os.path.abspath(folder / expanded))  # noqa: PTH100 (symbolic links stay as they were named)


def _paths(value: object, where: str, folder: Path) -> tuple[Path, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        _refuse(value, where, "a list of paths")
    return tuple(_path(entry, where, folder) for entry in value if entry != "")


def _words(value: object, where: str, folder: Path) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        _refuse(value, where, "a list of codes, such as ['HW103']")
    return tuple(str(entry).strip() for entry in value if entry != "")


def _url(value: object, where: str, folder: Path) -> str:
    if not isinstance(value, str) or not re.match(r"(sqlite|postgres|postgresql)(\+\w+)?://", value):
        shown = masked(value) if isinstance(value, str) else value
        _refuse(shown, where, "the URL of a store: sqlite:///PATH or postgresql://USER@HOST/DATABASE")
    return value


def _word(value: object, where: str, folder: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        _refuse(value, where, "the name of a backend, such as 'local'")
    return value


def _count(value: object, where: str, folder: Path) -> int:
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        _refuse(value, where, "a whole number of at least 1")
    return number


def _keep(value: object, where: str, folder: Path) -> Keep:
    if value not in get_args(Keep):
        _refuse(value, where, f"one of {', '.join(get_args(Keep))}")
    return cast("Keep", value)


def _on_error(value: object, where: str, folder: Path) -> OnError:
    if value not in get_args(OnError):
        _refuse(value, where, f"one of {', '.join(get_args(OnError))}")
    return cast("OnError", value)


def _reuse(value: object, where: str, folder: Path) -> Reuse:
    if value not in get_args(Reuse):
        _refuse(value, where, f"one of {', '.join(get_args(Reuse))}")
    return cast("Reuse", value)


def _engine(value: object, where: str, folder: Path) -> str:
    if value not in ENGINES:
        _refuse(value, where, f"one of {', '.join(ENGINES)}")
    return str(value)


def _tables(value: object, where: str, folder: Path) -> dict[str, dict[str, Json]]:
    if not isinstance(value, dict):
        _refuse(value, where, "a table of tables: write [backends.NAME]")
    for name, table in value.items():
        if not isinstance(table, dict):
            _refuse(table, f"{where}.{name}", f"a table: write [backends.{name}]")
    return value


READERS: dict[str, Callable[[object, str, Path], object]] = {
    "home": _path,
    "store": _url,
    "backend": _word,
    "jobs": _count,
    "keep": _keep,
    "on_error": _on_error,
    "templates": _paths,
    "root": _path,
    "outdir": _path,
    "container_engine": _engine,
    "check_compiler": _count,
    "ignore": _words,
    "reuse": _reuse,
    "backends": _tables,
}
"""Setting: what turns a given value into it, or says what would have been right."""

VARIABLE_KEYS = tuple(key for key in READERS if key != "backends")
"""Settings that an environment variable can give: HELIOS_ and the key in capitals."""
