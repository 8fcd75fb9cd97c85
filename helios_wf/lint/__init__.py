"""What is wrong with a repository of documents, or could be better: findings, each of a rule with a code.

rules      every rule: its code, and what, why and how to mend
finding    one finding
written    rules about a document as it is written
reader     the process in which documents are parsed for them; apart asks it
meant      rules about what a document means
cases      what a template's cases say of names
case_runs  what they say of runs, by helios-wf and by cwltool
ignoring   lines that switch a rule off
examine    all of it over files and folders
"""

from helios_wf.lint.examine import Examined, Wanted, examine
from helios_wf.lint.finding import Finding
from helios_wf.lint.rules import RULES, Rule, Severity

__all__ = ["RULES", "Examined", "Finding", "Rule", "Severity", "Wanted", "examine"]
