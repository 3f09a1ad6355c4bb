"""Evaluation: what a synthetic cohort is worth and what it gives away, beside honest anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlsynth.foundation.room import lazy_names

if TYPE_CHECKING:
    from amlsynth.evaluation.comparing import compare_cohorts
    from amlsynth.evaluation.records import Evaluation, read_evaluation, write_evaluation
    from amlsynth.evaluation.run import evaluate, measure

__all__ = ["Evaluation", "compare_cohorts", "evaluate", "measure", "read_evaluation", "write_evaluation"]

__getattr__ = lazy_names(
    __name__,
    {
        "Evaluation": "records",
        "compare_cohorts": "comparing",
        "evaluate": "run",
        "measure": "run",
        "read_evaluation": "records",
        "write_evaluation": "records",
    },
)
