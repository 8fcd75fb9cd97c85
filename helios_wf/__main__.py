"""``python -m helios_wf``: the same as ``helios-wf``."""

from helios_wf.cli import main

if __name__ == "__main__":
    main()
