"""The filter language: a condition on the columns of events, or on captures and metadata of a dataset.

    energy > 80 and status == "active"
    sqrt(px * px + py * py) > 20 and abs(eta) < 2.4
    0 <= eta < 2.4 or `Muon pt` is null
    run in [273158, 273302] and not (quality != "good")

From loose to tight: ``or``, ``and``, ``not``, one of ``== != < <= > >=`` (chains mean what they mean in
mathematics), ``in [...]``, ``not in [...]``, ``is null``, ``is not null``; then ``+ -``, ``* / %``, unary
minus; ``abs(...)`` and ``sqrt(...)`` of a number.  Names are columns; one with odd characters stands in
backticks.  Literals are numbers, ``"text"`` or ``'text'`` with backslash escapes, ``true``, ``false`` and
``null``.

What it means, for whoever evaluates it (``evaluate`` here for scalars, ``formats`` for columns):

- Null follows SQL: any comparison, membership or arithmetic with null is null; ``and``, ``or`` and ``not``
  are Kleene's.  Only true is taken.
- Numbers compare with numbers, text with text, booleans with booleans (``==`` and ``!=`` only); anything
  else is a FilterError, as is a number where a condition is wanted.
- ``/`` divides as real numbers, also integers; ``a % b`` is ``a - floor(a / b) * b`` (it has the sign of b).
  Dividing by zero, with either, is null, and so is the square root of what is below zero.
- NaN is no null: every comparison with it is false, but ``!=`` is true.

It is parsed by a parser of its own; nothing is ever given to Python's.
"""

from helios_wf.filters.evaluation import evaluate, holds
from helios_wf.filters.grammar import parse
from helios_wf.filters.nodes import (
    Binary,
    Compare,
    IsNull,
    Literal,
    Logic,
    Membership,
    Name,
    Node,
    Scalar,
    Unary,
    children,
    names,
)
from helios_wf.filters.tokens import error_at

__all__ = [
    "Binary",
    "Compare",
    "IsNull",
    "Literal",
    "Logic",
    "Membership",
    "Name",
    "Node",
    "Scalar",
    "Unary",
    "children",
    "error_at",
    "evaluate",
    "holds",
    "names",
    "parse",
]
