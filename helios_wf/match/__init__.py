"""Datasets to templates: who takes a name, which combinations start runs, and what their outputs are called.

read      the masked inputs of a template; whether one takes a dataset, and why not
parts     what names, files and values are made of
check     what is wrong with the masks and names of one template
together  what is wrong with several templates at once: versions, cycles, overlaps
join      the combinations of datasets that start runs
naming    names of outputs, logs and files
explain   what every template says to a name
"""

from helios_wf.match.check import check_template
from helios_wf.match.explain import TemplateIndex, Verdict, explain_name
from helios_wf.match.join import Combinations, Match, Refused, Waiting, combinations
from helios_wf.match.naming import file_names, name_parts, output_names
from helios_wf.match.read import MaskedInput, masked_inputs, starting
from helios_wf.match.together import check_repository

__all__ = [
    "Combinations",
    "MaskedInput",
    "Match",
    "Refused",
    "TemplateIndex",
    "Verdict",
    "Waiting",
    "check_repository",
    "check_template",
    "combinations",
    "explain_name",
    "file_names",
    "masked_inputs",
    "name_parts",
    "output_names",
    "starting",
]
