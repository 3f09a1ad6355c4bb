"""What a cohort's import declares of it, which is public: steps of numbers, panels, what was not assessed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amlsynth.cohort.cohort import About, Cohort, declared_panels, import_record, not_assessed
from amlsynth.generators import generator_class
from amlsynth.model_space.resolution import Resolution


def with_declared(
    generator: str, params: Mapping[str, Any] | None, cohort: Cohort
) -> Mapping[str, Any] | None:
    """Add to the parameters of a generator with a guarantee the panels, and what was not assessed."""
    if not generator_class(generator).guarantee:
        return params
    given = params or {}
    declared = {"not_assessed": _not_assessed(cohort, given), "panels": declared_panels(cohort.about)}
    added = {name: value for name, value in declared.items() if value and name not in given}
    return {**given, **added} if added else params


def _not_assessed(cohort: Cohort, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a cohort's import declares, or the first sum of patients of whom there is nothing else."""
    files = params.get("measurements") or ()
    first = next(iter(files.split(",") if isinstance(files, str) else files), "")
    if cohort.n or not first:
        return tuple(not_assessed(cohort.about))
    from amlsynth.generators.private.sums import read_sums  # brings OpenDP

    return read_sums(Path(first.strip())).feature_map.not_assessed


def recorded_resolution(cohort: Cohort) -> Resolution | None:
    """Return the steps in which numbers were recorded, where the cohort's import tells them."""
    steps = stated_steps(cohort.about)
    return Resolution.stated(cohort.dictionary, steps) if steps else None


def stated_steps(about: About) -> dict[str, float]:
    """Return the steps in which a cohort's import says that its source records numbers, by variable."""
    steps = import_record(about).get("steps") or {}
    return {str(name): float(step) for name, step in steps.items()}
