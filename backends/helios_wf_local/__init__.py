"""The local backend: worker processes on this machine."""

from helios_wf_local.backend import LocalBackend

__all__ = ["LocalBackend"]
