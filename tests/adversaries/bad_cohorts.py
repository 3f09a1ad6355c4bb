"""Cohorts that are built to be bad, each with what is wrong with it and the gates that must see it.

Each is made from an innocent synthetic cohort (unseen patients of the same population) or from the training
part itself. Some break rules of the dictionary as well; the gates named must refuse them all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary

OUTCOMES = ["EFSTM", "EFSSTAT", "OSTM", "OSSTAT", "CR1"]
TIMES = ["EFSTM", "OSTM"]


@dataclass(frozen=True)
class Material:
    """What an adversary has: typed frames of one population, the first two of which the steward holds.

    unseen : patients that are in neither part; they stand for an innocent synthetic cohort.
    """

    training: pd.DataFrame
    holdout: pd.DataFrame
    unseen: pd.DataFrame
    d: Dictionary


Make = Callable[[Material, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Adversary:
    """A bad cohort.

    gates : ids of required gates of both profiles, at least one of which must refuse it: the right reason.
    patients : of the original from which on they must.
    """

    name: str
    make: Make
    gates: tuple[str, ...]
    patients: int = 800


def shuffled(frame: pd.DataFrame, columns: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return the frame with some columns shuffled together over the patients."""
    order = rng.permutation(len(frame))
    return frame.assign(**{name: frame[name].iloc[order].to_numpy(copy=True) for name in columns}).astype(
        frame.dtypes.to_dict()
    )


def outcomes_shuffled(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    return shuffled(material.unseen, OUTCOMES, rng)


def genetics_shuffled(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    return shuffled(material.unseen, [v.name for v in material.d.alterations], rng)


def response_shuffled(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Shuffle remission within the patterns of events, so that no rule breaks."""
    return _within(material.unseen, ["EFSSTAT", "OSSTAT"], ["CR1"], rng)


def times_shuffled_within_pattern(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    return _within(material.unseen, ["EFSSTAT", "OSSTAT", "CR1"], TIMES, rng)


def _within(
    frame: pd.DataFrame, pattern: list[str], columns: list[str], rng: np.random.Generator
) -> pd.DataFrame:
    keys = frame[pattern].astype(str).agg("/".join, axis=1)
    parts = [shuffled(part, columns, rng) for _, part in frame.groupby(keys, sort=True)]
    return pd.concat(parts).sort_index()


def sexes_swapped(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    sex = material.unseen["SEX"]
    values = material.d["SEX"].values
    swapped = sex.astype(object).map(dict(zip(values, values[::-1], strict=True)))
    return material.unseen.assign(SEX=swapped.astype(sex.dtype))


def flipped(frame: pd.DataFrame, d: Dictionary, rng: np.random.Generator) -> pd.DataFrame:
    """Return the patients with one known alteration flipped in each."""
    found = frame.copy()
    names = [v.name for v in d.alterations]
    for row in range(len(found)):
        known = [name for name in names if not pd.isna(found[name].iloc[row])] or names
        name = known[rng.integers(len(known))]
        now = found[name].iloc[row]
        found.iloc[row, found.columns.get_loc(name)] = 1 if pd.isna(now) else 1 - now
    return found


def _sampled(material: Material, share: float, rng: np.random.Generator) -> pd.DataFrame:
    chosen = rng.choice(len(material.training), round(share * len(material.unseen)), replace=False)
    return material.training.iloc[chosen]


def _replaced(frame: pd.DataFrame, by: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame.iloc[len(by) :], by], ignore_index=True)


def some_copied_and_flipped(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put copies of training patients, one alteration flipped, in the place of 8 % of the rows."""
    copied = material.training.sample(
        round(0.08 * len(material.unseen)), random_state=int(rng.integers(2**31))
    )
    return _replaced(material.unseen, flipped(copied, material.d, rng))


def rarest_copied(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put the 20 training patients with the least common alterations among the rows, one flipped in each."""
    states = material.training[[v.name for v in material.d.alterations]].astype("Float64")
    surprise = -np.log(states.mean().clip(lower=1e-9).astype(float))
    score = (states.fillna(0).astype(float) * surprise).sum(axis=1)
    rarest = material.training.loc[score.nlargest(20).index]
    return _replaced(material.unseen, flipped(rarest, material.d, rng))


def holdout_released(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put the hold-out patients themselves among the rows."""
    return _replaced(material.unseen, material.holdout)


def all_copied_and_flipped(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    return flipped(material.training, material.d, rng)


def rare_alterations_lost(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Set the 30 rarest alterations to 0 wherever they are known."""
    shares = material.training[[v.name for v in material.d.alterations]].astype("Float64").mean()
    rare = shares.nsmallest(30).index
    return material.unseen.assign(
        **{name: material.unseen[name].where(material.unseen[name].isna(), 0) for name in rare}
    )


def jittered_copies(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put copies of 5 % training patients, blood values moved by 0.2 %, in the place of rows."""
    copied = material.training.sample(
        round(0.05 * len(material.unseen)), random_state=int(rng.integers(2**31))
    )
    moved = {}
    for v in material.d.variables:
        if v.is_categorical or v.name in (*TIMES, "AGE"):
            continue
        values = copied[v.name].astype(float) * (1 + 0.002 * rng.standard_normal(len(copied)))
        moved[v.name] = values.round(v.decimals).clip(v.minimum, v.maximum).astype(copied[v.name].dtype)
    return _replaced(material.unseen, flipped(copied.assign(**moved), material.d, rng))


def another_population(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Shift age and blood values: patients of another place, with outcomes as they were."""
    moved = {}
    for name in ("AGE", "WBC", "PLT", "HB"):
        v, column = material.d[name], material.unseen[name]
        values = (column.astype(float) * 1.25).clip(v.minimum, v.maximum).round(v.decimals)
        moved[name] = values.astype(column.dtype)
    return material.unseen.assign(**moved)


# The reference cohort goes by sex in nothing; `with_sexes` gives it the difference in haemoglobin that real
# cohorts have, without which a swap of labels that are half and half changes nothing that could be found.
ADVERSARIES = (
    Adversary("outcomes shuffled over all patients", outcomes_shuffled, ("effects-slope", "c-index-os")),
    Adversary("genetics shuffled against clinic", genetics_shuffled, ("effects-slope", "correlations")),
    Adversary("response shuffled within event pattern", response_shuffled, ("effects-slope-cr",)),
    Adversary(
        "times shuffled within event pattern",
        times_shuffled_within_pattern,
        ("time-order-os", "time-order-efs"),
        patients=1606,
    ),
    Adversary("sexes swapped", sexes_swapped, ("correlations-reversed",)),
    Adversary("8 % copied, one alteration flipped", some_copied_and_flipped, ("numbers-copied",)),
    Adversary("20 rarest patients copied, one flipped", rarest_copied, ("numbers-copied",)),
    Adversary("5 % copied, numbers jittered, one flipped", jittered_copies, ("numbers-near",)),
    Adversary("hold-out patients released", holdout_released, ("exact-matches-holdout", "leakage-low")),
    Adversary(
        "every row a patient, one flipped", all_copied_and_flipped, ("numbers-copied", "classifier-low")
    ),
    Adversary("30 rare alterations lost", rare_alterations_lost, ("classifier",)),
    Adversary("another population", another_population, ("classifier",)),
)


def with_sexes(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the cohort with 1 g/dl more haemoglobin in men, as in real cohorts."""
    men = frame["SEX"].eq("male").fillna(False)
    return frame.assign(HB=frame["HB"].where(~men, (frame["HB"] + 1.0).clip(upper=20.0).round(1)))
