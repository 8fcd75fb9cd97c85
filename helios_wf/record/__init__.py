"""A run as the store has it, to be looked at: its plan, its jobs, and what a user's words name of it."""

from helios_wf.record.finding import Spot, at, name_of, run_of
from helios_wf.record.record import Record

__all__ = ["Record", "Spot", "at", "name_of", "run_of"]
