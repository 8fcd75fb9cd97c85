"""helios-wf: a CWL-driven workflow engine for event data."""

__version__ = "0.1.0"
