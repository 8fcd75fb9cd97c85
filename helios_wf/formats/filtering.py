"""Filters over columns: the syntax tree of a filter, computed on record batches by Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helios_wf.errors import FilterError, did_you_mean
from helios_wf.filters import (
    Binary,
    Compare,
    IsNull,
    Literal,
    Logic,
    Membership,
    Name,
    Node,
    Unary,
    error_at,
    names,
    parse,
)
from helios_wf.formats.filter_compute import compute, kind_of_type

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = {"number": "a number", "text": "text", "truth": "a boolean", "time": "a time", "null": "null"}


class Condition:
    """A filter compiled against the columns of a file.

    With ``xp``, CuPy or another module with NumPy's functions, it is computed with its arrays where those do
    as Arrow does.

    Raises:
        FilterError: a column is unknown or of a type that cannot be filtered, or kinds are mixed.
    """

    def __init__(
        self, filter: str | Node, schema: pa.Schema, path: object = "the file", xp: Any = None
    ) -> None:
        self._xp = xp
        self._text = filter if isinstance(filter, str) else ""
        self.node: Node = parse(filter) if isinstance(filter, str) else filter
        self._schema = schema
        self._path = path
        used = names(self.node)
        self.columns: tuple[str, ...] = tuple(name for name in schema.names if name in used)
        kind = self._kind(self.node)
        if kind not in ("truth", "null"):
            raise self._wrong(self.node, f"this is {_KINDS[kind]}; write a condition, such as a comparison")

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the events for which the condition is true."""
        mask = self.mask(batch)
        return batch if mask is True else batch.filter(mask) if mask is not False else batch.slice(0, 0)

    def mask(self, batch: pa.RecordBatch) -> Any:
        """Returns a boolean array with nulls, or a plain bool when the filter names no column.

        Raises:
            FilterError: a value overflows 64 bits, or a text is no time.
        """
        import pyarrow as pa

        if self._xp is not None:
            from helios_wf.formats.filter_device import mask_of

            mask = mask_of(self.node, batch, self._xp)
            if mask is not None:
                return mask
        try:
            value = compute(self.node, batch)
        except pa.ArrowInvalid as error:
            raise FilterError(f"filter {self._text!r} on {self._path}: {error}") from None
        return bool(value.as_py()) if isinstance(value, pa.Scalar) else value

    def _wrong(self, node: Node, message: str) -> FilterError:
        if self._text:
            return error_at(self._text, node.column, message)
        return FilterError(f"filter: {message}")

    def _kind(self, node: Node) -> str:
        """Returns what kind of value a node has, checking all below it."""
        match node:
            case Literal():
                return _kind_of_constant(node.value)
            case Name():
                return self._kind_of_column(node)
            case Logic():
                return self._all(node.operands, "truth", node.op, "truth")
            case Unary(op="not"):
                return self._all((node.operand,), "truth", node.op, "truth")
            case Unary():
                return self._all((node.operand,), "number", node.op, "number")
            case Binary():
                return self._all((node.left, node.right), "number", node.op, "number")
            case Compare():
                return self._compared(node)
            case Membership():
                return self._member(node)
            case IsNull():
                # a column of any type may be null, a list too
                self._known(node.operand) if isinstance(node.operand, Name) else self._kind(node.operand)
                return "truth"

    def _all(self, operands: tuple[Node, ...], wanted: str, op: str, result: str) -> str:
        for operand in operands:
            kind = self._kind(operand)
            if kind not in (wanted, "null"):
                wants = "conditions" if wanted == "truth" else "numbers"
                raise self._wrong(operand, f"{op!r} wants {wants} and got {_KINDS[kind]}")
        return result

    def _compared(self, node: Compare) -> str:
        kinds = {self._kind(node.left), self._kind(node.right)} - {"null"}
        if len(kinds) > 1 and kinds != {"time", "text"}:
            mixed = " with ".join(sorted(_KINDS[kind] for kind in kinds))
            raise self._wrong(node, f"{node.op!r} compares {mixed}; give two values of one kind")
        if kinds == {"truth"} and node.op not in ("==", "!="):
            raise self._wrong(node, f"{node.op!r} does not order booleans; use == or !=")
        return "truth"

    def _member(self, node: Membership) -> str:
        kind, values = self._kind(node.operand), _kind_of_constant(node.values[0])
        if kind not in (values, "null") and (kind, values) != ("time", "text"):
            raise self._wrong(node, f"looks for {_KINDS[kind]} in a list of {_KINDS[values]}")
        return "truth"

    def _known(self, node: Name) -> Any:
        at = self._schema.get_field_index(node.name)
        if at < 0:
            known = self._schema.names
            hint = did_you_mean(node.name, known)
            listed = "" if "known:" in hint else f" (columns: {', '.join(known):.300})"
            raise self._wrong(node, f"{self._path} has no column {node.name!r}{hint}{listed}")
        return self._schema.field(at).type

    def _kind_of_column(self, node: Name) -> str:
        type_ = self._known(node)
        kind = kind_of_type(type_)
        if kind is None:
            raise self._wrong(
                node, f"the column {node.name!r} is {type_}; filters take numbers, text and booleans"
            )
        return kind


def _kind_of_constant(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"
