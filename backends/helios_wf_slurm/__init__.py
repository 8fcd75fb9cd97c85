"""Runs jobs through Slurm, over nothing but a shared file system."""

from helios_wf_slurm.backend import SlurmBackend

__all__ = ["SlurmBackend"]
