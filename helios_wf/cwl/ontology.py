"""File formats that an ontology (``$schemas``) puts below others: what an input of a format takes besides.

The ontology is read once, when a document is loaded; after that a format is one of a list.

Source: CWL v1.2 CommandLineTool, section 3.5 (``format`` is compared by ``owl:equivalentClass`` and
``rdfs:subClassOf``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from helios_wf.cwl.expression_text import is_expression
from helios_wf.model import Json

NARROWER = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
SAME = "http://www.w3.org/2002/07/owl#equivalentClass"


class Ontology:
    """Relations between formats.

    Args:
        triples: subject, predicate and object of every statement.
    """

    def __init__(self, triples: Iterable[tuple[Any, Any, Any]]) -> None:
        self._triples = triples

    @cached_property
    def _below(self) -> dict[str, set[str]]:
        below: dict[str, set[str]] = {}
        for subject, predicate, object_ in self._triples:
            if str(predicate) in (NARROWER, SAME):
                below.setdefault(str(object_), set()).add(str(subject))
            if str(predicate) == SAME:
                below.setdefault(str(subject), set()).add(str(object_))
        return below

    def widened(self, formats: Json) -> Json:
        """Returns the formats of an input, with all that the ontology has below them; unchanged without any.

        An expression is left as it is.
        """
        given = formats if isinstance(formats, list) else [formats]
        if not all(isinstance(each, str) and not is_expression(each) for each in given):
            return formats
        known, waiting = set(given), list(given)
        while waiting:
            fresh = self._below.get(waiting.pop(), set()) - known
            known |= fresh
            waiting.extend(fresh)
        more = sorted(each for each in known - set(given) if "://" in each)
        return [*given, *more] if more else formats


def has_expression(formats: Json) -> bool:
    """Says whether formats are known only when a job runs."""
    return any(is_expression(each) for each in (formats if isinstance(formats, list) else [formats]))


def named(formats: Json) -> str:
    """Returns formats for a message, the first few of many."""
    given = [str(each) for each in (formats if isinstance(formats, list) else [formats])]
    more = f" or one of {len(given) - 3} more" if len(given) > 3 else ""
    return " or ".join(given[:3]) + more
