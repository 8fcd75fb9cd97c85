"""Runs from Python: begun, watched, waited for, and read; ``helios_wf`` has the names that are for everybody.

The engine that drives runs works in a process of its own, so the caller may have threads, an event loop, or a
notebook that stays awake.  No signal handler is installed here, but in that process, and by the command line:
it takes the same way (``asking``, ``status``, ``ending``), and drives its runs itself.
"""
