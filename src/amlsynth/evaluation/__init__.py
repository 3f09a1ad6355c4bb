"""Evaluation: what a synthetic cohort is worth and what it gives away, beside honest anchors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.evaluation.comparing import compare_cohorts
    from amlsynth.evaluation.evaluate import evaluate, measure
    from amlsynth.evaluation.records import Evaluation, read_evaluation, write_evaluation

__all__ = ["Evaluation", "compare_cohorts", "evaluate", "measure", "read_evaluation", "write_evaluation"]

_PLACES = {
    "Evaluation": "amlsynth.evaluation.records",
    "compare_cohorts": "amlsynth.evaluation.comparing",
    "read_evaluation": "amlsynth.evaluation.records",
    "write_evaluation": "amlsynth.evaluation.records",
    "evaluate": "amlsynth.evaluation.evaluate",
    "measure": "amlsynth.evaluation.evaluate",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: reading a release needs none of numpy, pandas or the measures.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    module = sys.modules.get(_PLACES["evaluate"])
    if module is not None:
        # Its import has put the module in the place of the function of the same name.
        globals()["evaluate"] = module.evaluate
    return found
