"""What is to be said of failed jobs: each as one ``Failure``, equal ones together as one ``Kind``.

Everything that tells of failures (``run``, ``status``, ``ranges``, reports, the Python interface) takes its
words from here, so that a failure reads the same wherever it is met.
"""

from helios_wf.failures.equality import likeness
from helios_wf.failures.failure import Failure, briefly, failed_range, failure_of
from helios_wf.failures.kinds import Kind, Kinds
from helios_wf.failures.naming import job_name, several, span
from helios_wf.failures.reading import of_run
from helios_wf.failures.telling import headline, told, told_kind, told_kinds

__all__ = [
    "Failure",
    "Kind",
    "Kinds",
    "briefly",
    "failed_range",
    "failure_of",
    "headline",
    "job_name",
    "likeness",
    "of_run",
    "several",
    "span",
    "told",
    "told_kind",
    "told_kinds",
]
