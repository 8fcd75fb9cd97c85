"""Container engines: which there is, its images, and how it runs a command; nothing of CWL."""

from helios_wf.containers.ending import end_command, name_of, sweep
from helios_wf.containers.engines import ENGINES, Engine, Search, find
from helios_wf.containers.failures import failure_of
from helios_wf.containers.images import Image, acquire
from helios_wf.containers.running import Command, Container, Mount, Sandbox, run_command

__all__ = [
    "ENGINES",
    "Command",
    "Container",
    "Engine",
    "Image",
    "Mount",
    "Sandbox",
    "Search",
    "acquire",
    "end_command",
    "failure_of",
    "find",
    "name_of",
    "run_command",
    "sweep",
]
