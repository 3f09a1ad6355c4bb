"""The sum moves by no more than the stated bound when one patient comes or goes, whatever the patient is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.generators.private.features import BOUND
from amlsynth.generators.private.model import PublicModel, public_model

D = dictionary()


def _values(variable: Variable) -> st.SearchStrategy[Any]:
    """Values that fit into the column, within the dictionary's range or far out of it."""
    if variable.type == "category":
        return st.sampled_from([*variable.values, pd.NA])
    if variable.is_categorical:
        return st.sampled_from([0, 1, pd.NA, -128, 127, 2])
    if variable.type == "integer":
        return st.sampled_from([pd.NA, -32768, 32767, 0, 18, 110]) | st.integers(18, 110)
    extreme = [pd.NA, 0.0, -0.0, 1e308, -1e308, 5e-324, np.inf, -np.inf, 1e9]
    return st.sampled_from(extreme) | st.floats(allow_nan=False, allow_infinity=False)


PATIENTS = st.fixed_dictionaries({v.name: _values(v) for v in D.variables})


def frame_of(patients: list[dict[str, Any]], d: Dictionary = D) -> pd.DataFrame:
    columns = {v.name: pd.Series([p[v.name] for p in patients], dtype=v.dtype) for v in d.variables}
    return pd.DataFrame(columns)


def _norm(vector: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    return float(sum(int(value) ** 2 for value in vector)) ** 0.5


@settings(max_examples=20, deadline=None)
@given(patients=st.lists(PATIENTS, min_size=6, max_size=6))
def test_one_patient_moves_the_sum_by_the_bound_at_most(
    public: PublicModel, reference: pd.DataFrame, patients: list[dict[str, Any]]
) -> None:
    head, frame = reference.head(3), frame_of(patients)
    vectors = public.integers(frame)  # of each patient alone, whoever stands beside
    assert max(map(_norm, vectors)) <= BOUND
    together = public.sum(pd.concat([head, frame], ignore_index=True)) - public.sum(head)
    np.testing.assert_array_equal(together, vectors.sum(axis=0))


@settings(max_examples=30, deadline=None)
@given(one=PATIENTS, other=PATIENTS)
def test_replacing_a_patient_moves_it_by_twice_the_bound_at_most(
    public: PublicModel, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert _norm(public.sum(frame_of([one])) - public.sum(frame_of([other]))) <= 2 * BOUND


def test_hostile_patients_in_a_row_do_not_change_what_others_add(
    public: PublicModel, reference: pd.DataFrame
) -> None:
    hostile = frame_of(
        [
            {v.name: pd.NA for v in D.variables},
            {v.name: _most(v, 1) for v in D.variables},
            {v.name: _most(v, -1) for v in D.variables},
        ]
    )
    head = reference.head(5)
    together = public.integers(pd.concat([hostile, head], ignore_index=True))
    np.testing.assert_array_equal(together[3:], public.integers(head))


def _most(variable: Variable, sign: int) -> Any:
    if variable.type == "category":
        return variable.values[0]
    if variable.is_categorical:
        return int(sign > 0)
    return 32_767 * sign if variable.type == "integer" else 1e300 * sign


def test_every_alteration_at_once_is_within_the_bound(public: PublicModel, reference: pd.DataFrame) -> None:
    frame = reference.head(50).copy()
    for variable in D.alterations:
        frame[variable.name] = pd.array([1] * len(frame), dtype="Int8")
    lengths = (public.integers(frame) ** 2).sum(axis=1)
    assert lengths.max() <= BOUND**2
    assert lengths.min() > 0.1 * BOUND**2  # clipped, not thrown away


def test_the_bound_holds_when_the_features_are_wrong(
    public: PublicModel, reference: pd.DataFrame, monkeypatch: Any
) -> None:
    # Even if floating-point arithmetic failed, a vector that is too long counts as nothing.
    kind = type(public.map)
    monkeypatch.setattr(kind, "features", lambda self, frame: np.full((len(frame), self.size), 0.5))
    assert not public.integers(reference.head(3)).any()
    monkeypatch.setattr(kind, "features", lambda self, frame: np.full((len(frame), self.size), np.nan))
    assert not public.integers(reference.head(3)).any()


def test_the_sum_is_exact_in_any_order(public: PublicModel, reference: pd.DataFrame) -> None:
    shuffled = reference.sample(frac=1.0, random_state=3)
    np.testing.assert_array_equal(public.sum(reference), public.sum(shuffled))


def test_what_is_declared_as_not_assessed_is_not_read(reference: pd.DataFrame) -> None:
    model = public_model(D, "reference", "event-history", ("BCORL1", "CR1"), 4_000)
    changed = reference.assign(
        BCORL1=pd.array([1] * len(reference), dtype="Int8"), CR1=pd.array([0] * len(reference), dtype="Int8")
    )
    np.testing.assert_array_equal(model.sum(reference.head(50)), model.sum(changed.head(50)))
