"""What jobs wrote to their standard streams: found, followed, and made safe for a terminal."""

from helios_wf.joblogs.choosing import Chosen, chosen, of_attempt
from helios_wf.joblogs.files import STREAMS, LogFile, files_of
from helios_wf.joblogs.following import Follower
from helios_wf.joblogs.tailing import Tail, safe

__all__ = ["STREAMS", "Chosen", "Follower", "LogFile", "Tail", "chosen", "files_of", "of_attempt", "safe"]
