"""The event programs start quickly: each imports only what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"numpy", "pyarrow", "uproot", "cwltool", "sqlalchemy", "rich", "networkx"}


def heavy_after(code: str, folder: Path) -> set[str]:
    """Runs code in a fresh Python, and returns which heavy packages it has imported."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    return HEAVY & set(ended.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy(tmp_path: Path):
    code = "from helios_wf.event_tools import main\nmain(['--help'])\nmain(['stats', '--help'])"
    assert heavy_after(code, tmp_path) == set()


def test_merging_statistics_imports_nothing_heavy(tmp_path: Path):
    made = "main(['generate', '-o', 'a.csv', '--n-events', '5'])\nmain(['stats', 'a.csv', '-o', 'a.json'])"
    merged = "main(['merge', 'a.json', 'a.json', '-o', 'both.json'])"
    start = "from helios_wf.event_tools import main\n"
    assert "numpy" in heavy_after(start + made, tmp_path)
    assert heavy_after(start + merged, tmp_path) == set()
    assert (tmp_path / "both.json").is_file()
