"""What a report's readers may see: a regulator all; the public nothing beyond what disclosure control allows.

The figures of evaluation.json went through the rule of disclosure. What else tells of the original is left
out for the public: hashes and names of its files, what its import and the steward's spec say. Where the
generator gives a guarantee, no exact figure of the original may be told at all, nor any that was computed
from it, such as the AUC of an attack: then the report shows the synthetic cohort alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal

from amlsynth.evaluation.records import CohortSummary, Evaluation, Figure, Measure
from amlsynth.foundation.defaults import GUARANTEED
from amlsynth.report.context import Context
from amlsynth.report.decision.facts import guarantee_of

Audience = Literal["regulator", "public"]
AUDIENCES: Final[tuple[Audience, ...]] = ("regulator", "public")
_TOLD_OF_COHORT = ("name", "title", "simulated", "statement")


def seen_by(context: Context, audience: Audience) -> Context:
    """Return what an audience may see of a report."""
    if audience == "regulator":
        return context
    provenance = _public_provenance(context.provenance)
    if not is_guaranteed(context):
        evaluation = context.evaluation
        original = evaluation.original.model_copy(update={"origin": None})
        holdout = evaluation.holdout.model_copy(update={"origin": None}) if evaluation.holdout else None
        public = evaluation.model_copy(update={"original": original, "holdout": holdout})
        return replace(context, evaluation=public, provenance=provenance)
    return replace(
        context,
        evaluation=_synthetic_alone(context.evaluation),
        gates=None,
        provenance=provenance,
        withheld=True,
    )


def is_guaranteed(context: Context) -> bool:
    """Whether the cohort was made with a guarantee, as its record or the evaluation says."""
    made_by = {c.origin.generator for c in context.evaluation.synthetics if c.origin}
    return guarantee_of(context.provenance) is not None or GUARANTEED in made_by


def _public_provenance(provenance: dict[str, Any] | None) -> dict[str, Any] | None:
    if provenance is None:
        return None
    cohort = provenance.get("cohort")
    told = {key: cohort[key] for key in _TOLD_OF_COHORT if key in cohort} if isinstance(cohort, dict) else {}
    spec = provenance.get("spec")
    kept = {
        key: value for key, value in provenance.items() if key not in ("split", "cohort", "files", "spec")
    }
    named = {"sha256": spec["sha256"]} if isinstance(spec, dict) and "sha256" in spec else {}
    return kept | {"cohort": told, "spec": named}


def _synthetic_alone(evaluation: Evaluation) -> Evaluation:
    """Return the evaluation without any figure that rests on the original but through the guarantee."""
    keys = evaluation.keys
    return evaluation.model_copy(
        update={
            "original": _nothing_of(evaluation.original),
            "holdout": None,
            "measures": tuple(_own(m) for m in evaluation.measures if m.better == "original"),
            "comparisons": (),
            "effects": tuple(e for e in evaluation.effects if e.cohort in keys),
            "co_occurrence": None,
            "rules": (),
            "notes": (),
        }
    )


def _nothing_of(cohort: CohortSummary) -> CohortSummary:
    """Return a summary that says of which endpoints and variables a cohort is, and nothing more."""
    hidden = Figure(reason="the original is not told")
    variables = tuple(
        v.model_copy(update={"n": 0, "missing": None, "quartiles": None, "counts": (), "histogram": ()})
        for v in cohort.variables
    )
    survival = tuple(
        s.model_copy(
            update={
                "n": None if s.n is None else min(s.n, 1),
                "events": None,
                "median": hidden,
                "follow_up": hidden,
                "curve": (),
            }
        )
        for s in cohort.survival
    )
    emptied = {"n": 0, "origin": None, "variables": variables, "risk": (), "survival": survival}
    return cohort.model_copy(update=emptied)


def _own(measure: Measure) -> Measure:
    """Return a measure that a cohort has by itself, such as its median, without what it is held against."""
    return measure.model_copy(update={"original": None, "anchors": {}, "seeds": {}})
