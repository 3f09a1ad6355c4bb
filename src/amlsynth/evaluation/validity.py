"""Validity: does the cohort keep the dictionary's rules?"""

from __future__ import annotations

import pandas as pd

from amlsynth.dictionary import Dictionary
from amlsynth.evaluation.family import Candidate, Family, Setting, Spec, figure
from amlsynth.evaluation.records import Figure


def count_rules_broken(frame: pd.DataFrame, d: Dictionary) -> int:
    """Return how many errors validation finds with the severities of a synthetic cohort."""
    from amlsynth.validation import validate

    return int(validate(frame, "synthetic", d).errors)


def _figures(candidate: Candidate, setting: Setting) -> dict[str, Figure]:
    return {"rules_broken": figure(float(count_rules_broken(candidate.frame, setting.dictionary)))}


FAMILY = Family(
    name="validity",
    specs=(
        Spec(
            id="rules_broken",
            label="Rules broken",
            group="validity",
            better="zero",
            unit="errors",
            description=(
                "Errors that validation finds: values outside the dictionary, rules between variables "
                "and repeated rows, with the severities that hold for synthetic cohorts."
            ),
            source="amlsynth dictionary, rules",
        ),
    ),
    figures=_figures,
    original_figures=lambda setting: {
        "rules_broken": figure(float(count_rules_broken(setting.original, setting.dictionary)))
    },
)
