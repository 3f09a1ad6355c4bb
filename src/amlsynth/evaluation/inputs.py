"""The cohorts that an evaluation is given: one synthetic cohort or several, each with a key and a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from amlsynth.evaluation.measure_group import EvaluatedCohort
from amlsynth.evaluation.records import Figure, Origin, Spread
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.frames import Table, frame_of

SINGLE = "synthetic"


@dataclass(frozen=True)
class SyntheticCohort:
    """A synthetic cohort as it is given to `evaluate`.

    frame : typed frame (m, columns).
    label : how tables and figures name it; no two may be the same.
    origin : file, hash, generator and seed, as far as known. Cohorts of one generator are told to be of
        several seeds, and a mean and spread over them stands in the record.
    holds_patients : whether it may hold patients, whose small cells are held back.
    """

    frame: pd.DataFrame
    label: str = "Synthetic"
    origin: Origin | None = None
    holds_patients: bool = False


Synthetics = Table | SyntheticCohort | Mapping[str, Table] | Sequence[SyntheticCohort]


def as_synthetic_cohorts(synthetic: Synthetics, label: str) -> tuple[SyntheticCohort, ...]:
    """Return what `evaluate` was given as a tuple of cohorts.

    Raises
    ------
    UsageError
        There is none, one is no table, one has a blank label, or two have the same.
    """
    cohorts: tuple[SyntheticCohort, ...]
    if isinstance(synthetic, SyntheticCohort):
        cohorts = (synthetic,)
    elif isinstance(synthetic, Mapping):
        cohorts = tuple(SyntheticCohort(frame_of(table), name) for name, table in synthetic.items())
    elif isinstance(synthetic, Sequence):
        cohorts = tuple(synthetic)
    else:
        cohorts = (SyntheticCohort(frame_of(synthetic), label),)
    for one in cohorts:
        if not isinstance(one, SyntheticCohort):
            raise UsageError(
                "several synthetic cohorts are given by label, as {'a': frame, 'b': frame}, and not as a "
                f"{type(synthetic).__name__} of {type(one).__name__}."
            )
    if not cohorts:
        raise UsageError("there is no synthetic cohort to evaluate; give at least one.")
    check_labels([cohort.label for cohort in cohorts])
    return cohorts


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that a table could not tell apart."""
    for name in labels:
        if not name.strip():
            raise UsageError("a cohort has a blank label; name it.")
        if labels.count(name) > 1:
            raise UsageError(f"two cohorts have the label {name!r}; name each one differently.")


def evaluated_cohorts(
    inputs: Sequence[SyntheticCohort], typed: Callable[[pd.DataFrame, str], pd.DataFrame]
) -> list[EvaluatedCohort]:
    """Return the cohorts typed and each with a key: "synthetic", or "synthetic-1" and so on."""
    several = len(inputs) > 1
    return [
        EvaluatedCohort(
            kind="synthetic",
            frame=typed(cohort.frame, f"the synthetic cohort {cohort.label}" if several else _ALONE),
            key=f"{SINGLE}-{place}" if several else SINGLE,
            holds_patients=cohort.holds_patients,
        )
        for place, cohort in enumerate(inputs, start=1)
    ]


_ALONE = "the synthetic cohort"


def spreads(figures: Mapping[str, Figure], generators: Mapping[str, Sequence[str]]) -> dict[str, Spread]:
    """Return mean and spread of a measure for each generator of several cohorts.

    Parameters
    ----------
    figures : by key of the cohort.
    generators : the keys of the cohorts that each generator made.
    """
    spreads_: dict[str, Spread] = {}
    for generator, keys in generators.items():
        values = pd.Series([v for key in keys if (v := figures[key].value) is not None], dtype=float)
        if len(keys) > 1 and len(values) > 1:
            spreads_[generator] = Spread(
                cohorts=len(values),
                mean=_tidy(values.mean()),
                sd=_tidy(values.std(ddof=1)),
                least=_tidy(values.min()),
                most=_tidy(values.max()),
            )
    return spreads_


def generators_of(inputs: Sequence[SyntheticCohort], keys: Sequence[str]) -> dict[str, list[str]]:
    """Return the keys of the cohorts of each generator that is known."""
    keys_of: dict[str, list[str]] = {}
    for cohort, key in zip(inputs, keys, strict=True):
        if cohort.origin is not None and cohort.origin.generator:
            keys_of.setdefault(cohort.origin.generator, []).append(key)
    return keys_of


def _tidy(value: float) -> float:
    return float(f"{value:.10g}") + 0.0
