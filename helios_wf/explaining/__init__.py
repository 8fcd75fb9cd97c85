"""Why a job, a step or a run stands where it does: waits, failed, run again, reused, skipped, cancelled."""

from helios_wf.explaining.explain import explain
from helios_wf.explaining.nouns import Explanation, Reason, Try
from helios_wf.explaining.standing import left_alone
from helios_wf.explaining.words import told

__all__ = ["Explanation", "Reason", "Try", "explain", "left_alone", "told"]
