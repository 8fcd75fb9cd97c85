"""Every error that helios-wf raises on purpose.

    HeliosError
        UserError                       the caller can mend it: exit code 2
            TemplateError               a document is wrong; carries file:line:column problems, all of them
                FieldsError                 it is sound CWL, but its ``helios:`` fields do not fit it
            MaskError                   a mask or a dataset name is wrong
            FilterError                 a filter expression (``where``, ``--filter``) is wrong
            DatasetError                a dataset is unknown, exists already, or is in the wrong state
            EventFileError              a file of events cannot be used
                FileUnreadableError         missing, no permission, not a file
                FileTruncatedError          ends too early
                FileFormatError             has another format than its name says, or a broken row
                NoEventsError               holds no table of events
            MissingExtraError           needs a package that is not installed; names the extra
            SettingsError               an option, environment variable or helios.toml entry is wrong
            InputError                  the input object of a run does not fit its document
            GitError                    git is not there, or knows no such revision
            RunError                    a run is unknown or in the wrong state
            RunTakenError               another live engine holds the run
            BackendNotFoundError        no backend of that name
        UnsupportedError                CWL asks for something that helios-wf does not do: exit code 33
        RunNotDoneError                 a run whose outputs are wanted failed, was stopped, or is not over
        EngineError                     the engine of a run could not be started, or ended too early
        JobError                        an attempt failed before, in or after its tool; becomes its report
        ContainerError                  an image cannot be had, or an engine does not do its part
        StoreError                      the store cannot be used (full disk, lost connection)
            StoreUnusableError              nor will it be before the caller mends it, or gives another
        BackendError                    a backend could not do what it was asked
            SubmitRefusedError              it never will
            BackendUnreachableError         this time; worth trying again

A message says what failed, on which object, what was given and what would have been right.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helios_wf.model import Place
    from helios_wf.states import Cause, RunState


class HeliosError(Exception):
    """The root of all errors that helios-wf raises on purpose."""

    exit_code = 1


class UserError(HeliosError):
    """The caller made a mistake and can mend it."""

    exit_code = 2


class Problem:
    """One mistake in a document: where it is, and what would have been right."""

    __slots__ = ("message", "place")

    def __init__(self, place: Place | None, message: str) -> None:
        self.place = place
        self.message = message

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class TemplateError(UserError):
    """A document is wrong; ``problems`` lists every mistake, each once, in document order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FieldsError(TemplateError):
    """The document is sound CWL, but its ``helios:`` fields do not fit it."""


class MaskError(UserError):
    """A mask, a name with parts or a dataset name is wrong."""


class FilterError(UserError):
    """A filter expression is wrong; the message points at the column."""


class DatasetError(UserError):
    """A dataset is unknown, exists already, or is in the wrong state."""


class EventFileError(UserError):
    """A file of events cannot be used; the message names it and what would have been right."""


class FileUnreadableError(EventFileError):
    """The file is missing, is no regular file, or may not be read."""


class FileTruncatedError(EventFileError):
    """The file ends before its format says it should."""


class FileFormatError(EventFileError):
    """The file has another format than its name says, or is broken in the middle."""


class NoEventsError(EventFileError):
    """The file is sound but holds no table of events."""


class MissingExtraError(UserError):
    """A format or store needs a package that is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed; "
            f"install it with: pip install 'helios-wf[{extra}]'"
        )
        self.extra = extra


class SettingsError(UserError):
    """An option, an environment variable or an entry of helios.toml is wrong."""


class InputError(UserError):
    """The input object of a run does not fit its document."""


class GitError(UserError):
    """Git is not there, or does not know what was asked for."""


class RunError(UserError):
    """A run is unknown, or in a state that forbids what was asked."""


class RunTakenError(UserError):
    """Another live engine holds the run; it is left alone."""


class BackendNotFoundError(UserError):
    """No installed backend has that name."""


class UnsupportedError(HeliosError):
    """The document asks for a CWL feature that helios-wf does not support (CWL runners exit with 33)."""

    exit_code = 33


class RunNotDoneError(HeliosError):
    """A run whose outputs are wanted has none: it failed, was paused or cancelled, or is not over.

    ``run`` is its id and ``state`` the state it is in.
    """

    def __init__(self, run: str, state: RunState, message: str) -> None:
        super().__init__(message)
        self.run = run
        self.state = state


class EngineError(HeliosError):
    """The engine of a run could not be started, or ended before the run did; what was done is kept."""


class JobError(HeliosError):
    """One attempt of a job failed; ``cause`` says how to treat it, ``expression`` which one was at fault."""

    def __init__(self, cause: Cause, message: str, expression: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.expression = expression


class ContainerError(HeliosError):
    """A container engine could not do what it was asked, or has no such image."""


class StoreError(HeliosError):
    """The store cannot be written or read; nothing half-done was kept."""


class StoreUnusableError(UserError, StoreError):
    """The store that was given is none, or may not be used; the caller mends it, or gives another."""


class BackendError(HeliosError):
    """A backend could not do what it was asked."""


class SubmitRefusedError(BackendError):
    """The backend will never run this job; trying again does not help."""


class BackendUnreachableError(BackendError):
    """The backend does not answer now; worth trying again."""


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Returns the known word that is most like another, None when none is (1: equal, 0: not a letter)."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=likeness)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns ``; did you mean 'x'?`` for the nearest known word, or the list of known words."""
    choices = sorted(known)
    near = nearest(word, choices)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""
