"""What a run was, for people and for programs: facts, a page, and the table of its jobs.

The facts are gathered from the store in one pass, in memory that does not grow with the number of jobs or
event ranges; the page draws them.
"""

from helios_wf.report.facts import Facts
from helios_wf.report.gathering import gather

__all__ = ["Facts", "gather"]
