"""One job run once more, here, from what the store froze; its record is left as it is."""

from helios_wf.rerunning.again import Again, again, fresh_folder
from helios_wf.rerunning.inspecting import Prepared, prepare
from helios_wf.rerunning.running import ended, exit_code, run

__all__ = ["Again", "Prepared", "again", "ended", "exit_code", "fresh_folder", "prepare", "run"]
