"""The local backend: worker processes on this machine."""

from helios_wf_local.backend import LocalBackend
from helios_wf_local.journals import forget_journal, journal

__all__ = ["LocalBackend", "forget_journal", "journal"]
