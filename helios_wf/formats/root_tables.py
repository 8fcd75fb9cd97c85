"""The two kinds of tables in ROOT files, TTree and RNTuple, behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from helios_wf.formats.root_types import holds_nothing, to_arrow, type_of_form

if TYPE_CHECKING:
    import pyarrow as pa

TREE_CLASSES = frozenset({"TTree", "TNtuple", "TNtupleD"})
NTUPLE_CLASSES = frozenset({"ROOT::RNTuple", "ROOT::Experimental::RNTuple"})


class RootColumns(Protocol):
    """The columns of a table, and how to read some events of one."""

    n_events: int
    types: dict[str, pa.DataType]
    left_out: tuple[str, ...]

    def clusters(self) -> tuple[int, ...]:
        """Returns the boundaries of the clusters, from 0 to the number of events."""

    def event_bytes(self, name: str) -> float:
        """Returns about how many bytes a column has for each event, in memory."""

    def column(self, name: str, first: int, stop: int) -> pa.Array:
        """Returns the events ``[first, stop)`` of a column."""


class TreeColumns:
    """The columns of a TTree: its branches without sub-branches."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self.n_events = int(tree.num_entries)
        self.types: dict[str, pa.DataType] = {}
        self._branches: dict[str, Any] = {}
        left_out = []
        for name, branch in tree.iteritems(recursive=True, full_paths=True):
            if len(branch.branches) or name in self._branches:
                continue
            found = _branch_type(branch)
            if found is None:
                left_out.append(name)
            else:
                self.types[name], self._branches[name] = found, branch
        self.left_out = tuple(left_out)

    def clusters(self) -> tuple[int, ...]:
        """Returns the events at which a basket of every branch starts."""
        return tuple(int(place) for place in self._tree.common_entry_offsets())

    def event_bytes(self, name: str) -> float:
        """Returns about how many bytes a column has for each event."""
        return float(self._branches[name].uncompressed_bytes) / max(self.n_events, 1)

    def column(self, name: str, first: int, stop: int) -> pa.Array:
        """Returns the events ``[first, stop)`` of a column."""
        branch = self._branches[name]
        library = "np" if _is_flat(self.types[name]) else "ak"
        return to_arrow(branch.array(entry_start=first, entry_stop=stop, library=library), self.types[name])


class NtupleColumns:
    """The columns of an RNTuple: its fields at the top."""

    def __init__(self, ntuple: Any) -> None:
        self._ntuple = ntuple
        self.n_events = int(ntuple.num_entries)
        self.types: dict[str, pa.DataType] = {}
        self._fields: dict[str, Any] = {}
        paths = [field.path for field in ntuple.all_fields if field.path is not None]
        left_out = []
        for field in ntuple.fields:
            found = _field_type(ntuple, field, paths)
            if found is None:
                left_out.append(field.name)
            elif not holds_nothing(found):
                self.types[field.name], self._fields[field.name] = found, field
        self.left_out = tuple(left_out)

    def clusters(self) -> tuple[int, ...]:
        """Returns the first events of all clusters, and the number of events."""
        starts = [int(it.num_first_entry) for it in self._ntuple.cluster_summaries if it.num_entries]
        return (*starts, self.n_events)

    def event_bytes(self, name: str) -> float:
        """Returns a guess: an RNTuple does not say it cheaply."""
        return _guessed_bytes(self.types[name])

    def column(self, name: str, first: int, stop: int) -> pa.Array:
        """Returns the events ``[first, stop)`` of a column."""
        return to_arrow(self._fields[name].array(entry_start=first, entry_stop=stop), self.types[name])


def _is_flat(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_primitive(type_))


def _guessed_bytes(type_: pa.DataType) -> float:
    import pyarrow as pa

    if pa.types.is_struct(type_):
        return sum(_guessed_bytes(field.type) for field in type_)
    if pa.types.is_list(type_):
        return 8 + 10 * _guessed_bytes(type_.value_type)
    return 8.0 if _is_flat(type_) else 32.0


def _branch_type(branch: Any) -> pa.DataType | None:
    # uproot raises many kinds of errors for classes and encodings that it does not know
    try:
        return type_of_form(branch.interpretation.awkward_form(branch.file))
    except Exception:
        return None


def _field_type(ntuple: Any, field: Any, paths: list[str]) -> pa.DataType | None:
    try:
        return type_of_form(ntuple.field_form(field.field_id, paths))
    except Exception:
        return None
