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


def half_shuffled(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Shuffle the outcomes of every second patient."""
    half = shuffled(material.unseen.iloc[::2], OUTCOMES, rng)
    return pd.concat([half, material.unseen.iloc[1::2]]).sort_index()


def times_moved(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Add six months to every time."""
    moved = {}
    for name in TIMES:
        v, column = material.d[name], material.unseen[name]
        moved[name] = (column.astype(float) + 6).clip(upper=v.maximum).round(v.decimals).astype(column.dtype)
    return material.unseen.assign(**moved)


def censored_as_events(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Count every patient who was censored as one who had the event."""
    known = {name: material.unseen[name] for name in ("EFSSTAT", "OSSTAT")}
    return material.unseen.assign(**{name: column.where(column.isna(), 1) for name, column in known.items()})


def one_centre(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Take the older half of the patients, as a centre for the elderly would have them, with repeats."""
    age = material.unseen["AGE"].astype(float)
    older = material.unseen[age >= age.median()]
    return older.sample(len(age), replace=True, random_state=int(rng.integers(2**31))).reset_index(drop=True)


def collapsed(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Repeat 50 patients with 5 % noise on their blood values and one alteration flipped."""
    few = material.unseen.sample(50, random_state=int(rng.integers(2**31)))
    rows = few.sample(len(material.unseen), replace=True, random_state=int(rng.integers(2**31)))
    return flipped(_jittered(rows.reset_index(drop=True), material.d, 0.05, rng), material.d, rng)


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
    names = [v.name for v in d.alterations]
    states = frame[names].to_numpy("float64", na_value=np.nan)
    for row in states:
        known = np.flatnonzero(~np.isnan(row))
        place = known[rng.integers(len(known))] if len(known) else rng.integers(len(names))
        row[place] = 1 if np.isnan(row[place]) else 1 - row[place]
    return frame.assign(
        **{name: pd.array(states[:, i], dtype="Float64").astype("Int8") for i, name in enumerate(names)}
    )


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


def copied_and_changed(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put copies of training patients among the rows, two numbers and two alterations changed in each."""
    copied = _sampled(material, 0.08, rng).copy()
    numbers = [v.name for v in material.d.variables if not v.is_categorical and v.name not in TIMES]
    for row in range(len(copied)):
        stranger = material.unseen.iloc[rng.integers(len(material.unseen))]
        for name in rng.choice(numbers, 2, replace=False):
            copied.iloc[row, copied.columns.get_loc(name)] = stranger[name]
    twice = flipped(flipped(copied, material.d, rng), material.d, rng)
    return _replaced(material.unseen, twice)


def few_copied(material: Material, rng: np.random.Generator) -> pd.DataFrame:
    """Put copies of training patients, one alteration flipped, in the place of 1 % of the rows."""
    return _replaced(material.unseen, flipped(_sampled(material, 0.01, rng), material.d, rng))


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
    return _replaced(material.unseen, flipped(_jittered(copied, material.d, 0.002, rng), material.d, rng))


def _jittered(frame: pd.DataFrame, d: Dictionary, by: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the frame with relative noise on its blood values."""
    moved = {}
    for v in d.variables:
        if v.is_categorical or v.name in (*TIMES, "AGE"):
            continue
        values = frame[v.name].astype(float) * (1 + by * rng.standard_normal(len(frame)))
        moved[v.name] = values.round(v.decimals).clip(v.minimum, v.maximum).astype(frame[v.name].dtype)
    return frame.assign(**moved)


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
    Adversary("5 % copied, numbers jittered, one flipped", jittered_copies, ("linked-rows",)),
    Adversary("hold-out patients released", holdout_released, ("exact-matches-holdout", "leakage-low")),
    Adversary(
        "every row a patient, one flipped", all_copied_and_flipped, ("numbers-copied", "classifier-low")
    ),
    Adversary("8 % copied, four fields changed", copied_and_changed, ("linked-rows",)),
    Adversary("1 % copied, one alteration flipped", few_copied, ("numbers-copied",)),
    Adversary("half of the outcomes shuffled", half_shuffled, ("effects-slope",)),
    Adversary("six months added to every time", times_moved, ("classifier",)),
    Adversary("censored counted as events", censored_as_events, ("km-os",)),
    Adversary("one centre's older patients", one_centre, ("km-os",)),
    Adversary("50 patients repeated with noise", collapsed, ("classifier",)),
    Adversary("30 rare alterations lost", rare_alterations_lost, ("rare-states",), patients=200),
    Adversary("another population", another_population, ("classifier",)),
)


def with_sexes(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the cohort with 1 g/dl more haemoglobin in men, as in real cohorts."""
    men = frame["SEX"].eq("male").fillna(False)
    return frame.assign(HB=frame["HB"].where(~men, (frame["HB"] + 1.0).clip(upper=20.0).round(1)))
