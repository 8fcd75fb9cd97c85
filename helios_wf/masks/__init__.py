"""Dataset names and masks: match, capture, build, compare.  Pure.

A name is made of segments of letters, digits and ``_ + = -``, joined by ``.`` or ``/``, with an optional
scope before ``:``, at most 250 characters.  A mask is the pattern of names that a template's input takes:

======================  ==============================================================================
``raw``                 itself
``*``, ``?``            any characters, one character, inside a segment
``**``                  any number of segments, also none, with whatever separators between them
``{name}``              captures one or more characters of a segment
``{name:06d}``          captures exactly six digits, as an integer
``{name:int}``          captures an integer without leading zeros (at most 18 digits)
``{name:a|b}``          captures one of some texts
``.test.``              has a segment ``test`` anywhere, whatever the separators around it, scope included
======================  ==============================================================================

Separators mean themselves: ``a.*`` does not take ``a/b``.  The separator next to ``**`` goes with it when it
takes nothing: ``a.**.b`` takes ``a.b``, and ``**.test.**`` takes ``test``.  A name with a scope is taken by a
mask with a scope, or by one that starts with ``**`` or a dot.
"""

from helios_wf.masks.compare import may_produce, overlap
from helios_wf.masks.explain import difference
from helios_wf.masks.index import MaskIndex
from helios_wf.masks.mask import Captures, Mask
from helios_wf.masks.names import MAX_NAME, check_name, is_name, split_name
from helios_wf.masks.pattern import NamePattern
from helios_wf.masks.syntax import Kind, Part, in_segment

__all__ = [
    "MAX_NAME",
    "Captures",
    "Kind",
    "Mask",
    "MaskIndex",
    "NamePattern",
    "Part",
    "check_name",
    "difference",
    "in_segment",
    "is_name",
    "may_produce",
    "overlap",
    "split_name",
]
