"""Real files of events: what is read equals what uproot alone reads, for any ranges."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from helios_wf import formats
from helios_wf.errors import FileTruncatedError, NoEventsError

uproot = pytest.importorskip("uproot")

pytestmark = pytest.mark.shared

TREES = {"uproot-Zmumu.root": ("events", 2304, 20), "uproot-HZZ.root": ("events", 2421, 51)}
NANO = "nanoAOD_2015_CMS_Open_Data_ttbar.root"
PHYSLITE = "uproot-physlite-rntuple_v1-0-0-0.root"


@pytest.fixture
def data(shared: Path) -> Path:
    return shared / "data"


@pytest.mark.parametrize("name", TREES)
def test_trees_are_probed_by_their_metadata(name: str, data: Path) -> None:
    table, n_events, n_columns = TREES[name]
    layout = formats.probe(data / name)
    assert (layout.format, layout.table, layout.n_events) == ("root", table, n_events)
    assert len(layout.columns) == n_columns
    assert layout.clusters == (0, n_events)
    assert layout.counted_by == "metadata"


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("size", [7, 1000, None])
def test_all_events_by_ranges_equal_what_uproot_reads(name: str, size: int | None, data: Path) -> None:
    table, n_events, _ = TREES[name]
    expected = uproot.open(data / name)[table].arrays(library="ak")
    names = expected.fields if size != 7 else expected.fields[:4]
    stop = n_events if size != 7 else 70
    bounds = [*range(0, stop, size or stop), stop]
    parts = [formats.read(data / name, low, high, columns=names).read_all() for low, high in pairwise(bounds)]
    found = pa.concat_tables(parts)
    assert found.num_rows == stop
    for column in names:
        assert found[column].to_pylist() == expected[column][:stop].to_list(), column


def test_selections_equal_those_of_uproot(data: Path) -> None:
    events = uproot.open(data / "uproot-Zmumu.root")["events"].arrays(["M", "Run"], library="np")
    chosen = events["M"][(events["M"] > 80) & (events["M"] < 100)]
    found = formats.read(data / "uproot-Zmumu.root", columns=["M"], filter="80 < M < 100").read_all()
    assert found["M"].to_pylist() == chosen.tolist()


def test_nano_aod_with_947_columns_is_probed_and_read_by_range(data: Path) -> None:
    layout = formats.probe(data / NANO)
    assert (layout.n_events, len(layout.columns)) == (200, 947)
    tree = uproot.open(data / NANO)["Events"]
    names = ["event", "nMuon", "Muon_pt", "HLT_IsoMu20", "Jet_nConstituents"]
    names = [name for name in names if name in tree]
    found = formats.read(data / NANO, 50, 57, columns=names).read_all()
    for name in names:
        assert found[name].to_pylist() == tree[name].array(entry_start=50, entry_stop=57).to_list(), name
    assert formats.read(data / NANO, 190).read_all().shape == (10, 947)


def test_an_rntuple_is_probed_and_read_by_range(data: Path) -> None:
    with pytest.raises(NoEventsError, match=r"choose one with table, on the shell --table: .*EventData"):
        formats.probe(data / PHYSLITE)
    layout = formats.probe(data / PHYSLITE, table="EventData")
    assert (layout.format, layout.n_events, layout.clusters) == ("root", 100, (0, 100))
    assert len(layout.columns) == 763
    types = {column.name: column.type for column in layout.columns}
    assert types["AnalysisElectronsAuxDyn:pt"] == "list<item: float>"
    names = ["index_ref", "AnalysisElectronsAuxDyn:pt", "METAssoc_AnalysisMETAux:"]
    found = formats.read(data / PHYSLITE, 10, 17, columns=names, table="EventData").read_all()
    ntuple = uproot.open(data / PHYSLITE)["EventData"]
    for name in names:
        assert found[name].to_pylist() == ntuple[name].array(entry_start=10, entry_stop=17).to_list(), name


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "jsonl", "root"])
def test_a_selection_of_jagged_columns_can_be_written_and_read_again(
    suffix: str, data: Path, tmp_path: Path
) -> None:
    names = ["NMuon", "Muon_Px", "Muon_Charge", "MET_px"]
    out = tmp_path / f"out.{suffix}"
    with formats.read(data / "uproot-HZZ.root", 100, 900, columns=names, filter="NMuon >= 2") as batches:
        count = formats.write(out, batches, batches.schema)
    expected = formats.read(data / "uproot-HZZ.root", 100, 900, columns=names, filter="NMuon >= 2").read_all()
    assert 0 < count == expected.num_rows
    again = formats.read(out, columns=names).read_all()
    for name in names:
        assert again[name].to_pylist() == expected[name].to_pylist(), name


@pytest.mark.parametrize("name", [*TREES, NANO, PHYSLITE])
def test_a_truncated_real_file_is_said_to_be_truncated(name: str, data: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes((data / name).read_bytes()[:-1000])
    with pytest.raises(FileTruncatedError, match="its header says"):
        formats.probe(path)


def test_the_lines_and_the_map_of_the_language_cases_are_events(shared: Path) -> None:
    assert formats.probe(shared / "language/data/raw0.txt").format == "lines"
    layout = formats.probe(shared / "language/data/map.json", table="isr")
    assert (layout.format, layout.n_events) == ("eventmap", 1000)
    found = formats.read(shared / "language/data/map.json", 7, 8, table="isr", columns=["payload"]).read_all()
    assert found["payload"].to_pylist() == ["isr_payload_7"]
