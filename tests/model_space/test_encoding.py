"""Encoding loses nothing, and nothing that a generator emits decodes to an invalid cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import DataError
from amlsynth.model_space.encoding import (
    PATTERNS,
    Encoded,
    columns_frame,
    decode,
    encode,
    number_variables,
    state_variables,
)
from cohorts import SMALL_COHORTS, small_cohort

D: Dictionary = dictionary()
anything = st.floats(allow_nan=True, allow_infinity=True, width=64)

# What anything at all may break: warnings, and rows in which everything came out missing.
RARE = (
    "empty_patient", "os_time_known", "efs_time_known", "one_class_defining_fusion", "npm1_without_fusion",
)  # fmt: skip


@st.composite
def patients(draw: st.DrawFn) -> pd.DataFrame:
    """Typed cohorts that are valid as original data, with NA and the known oddities.

    Hypothesis draws the times, statuses and numbers that may be awkward; a drawn seed spreads states.
    """
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns: dict[str, Any] = {}
    for v in D.variables:
        if v.type == "category":
            columns[v.name] = pd.Categorical.from_codes(rng.integers(-1, len(v.values), n), dtype=v.dtype)
        elif v.is_categorical:
            codes = rng.integers(0, 3, n)
            columns[v.name] = pd.arrays.IntegerArray(codes.astype(np.int8) % 2, codes == 2)
        else:
            decimals = 6 if v.unit == "months" else v.decimals
            numbers = st.floats(v.minimum, v.maximum).map(
                lambda x, k=decimals: round(x, k)  # type: ignore[misc]
            )
            values = draw(st.lists(st.none() | numbers, min_size=n, max_size=n))
            columns[v.name] = pd.array(values, dtype="Float64").astype(v.dtype)
    frame = pd.DataFrame(columns)
    both = frame["OSTM"].notna() & frame["EFSTM"].notna()
    tied = both & (rng.random(n) < 0.3)
    frame.loc[tied, "EFSTM"] = frame.loc[tied, "OSTM"]
    later = frame[["OSTM", "EFSTM"]].max(axis=1)
    frame.loc[both, "EFSTM"] = frame[["OSTM", "EFSTM"]].min(axis=1)[both]
    frame.loc[both, "OSTM"] = later[both]
    for endpoint in ("OS", "EFS"):
        known = frame[f"{endpoint}TM"].notna()
        frame.loc[known, f"{endpoint}STAT"] = frame.loc[known, f"{endpoint}STAT"].fillna(0)
    normal = (frame["CGNK"] == 1).fillna(False)
    frame.loc[normal, ["CGCX", *(v.name for v in D.members("cytogenetic"))]] = 0
    frame.loc[(frame["CEBPA.bZIP.inframe"] == 1).fillna(False), "CEBPA"] = 1
    return frame


@st.composite
def emissions(draw: st.DrawFn, d: Dictionary = D) -> Encoded:
    """Whatever a generator may emit: any float in any place, and plausible codes between them.

    Many rows in each, since validation takes as long for one as for fifty.
    """
    n = draw(st.integers(1, 24))
    odd = draw(st.lists(anything, min_size=1, max_size=8))
    pool = np.array([*odd, np.nan, np.inf, -np.inf, 0.0, 1.0, 2.0, 3.0, -1.0, 1e308, 5e-324, 12.345])
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def row() -> np.ndarray[Any, np.dtype[np.float64]]:
        return pool[rng.integers(0, len(pool), n)]

    states = columns_frame({v.name: row() for v in state_variables(d)}, n)
    numbers = columns_frame({v.name: row() for v in number_variables(d)}, n)
    missing = columns_frame({v.name: rng.random(n) < 0.2 for v in number_variables(d)}, n)
    codes = rng.integers(0, len(PATTERNS), n).astype(float)
    pattern = np.where(rng.random(n) < 0.2, row(), codes)
    return Encoded(states, numbers, missing, pattern, row(), row())


@settings(max_examples=25, deadline=None)
@given(patients())
def test_decode_inverts_encode(frame: pd.DataFrame) -> None:
    report = validate(frame, "original")
    assert set(report.by_rule().query("severity == 'error'")["rule"]) <= {DUPLICATE_RULE, *RARE}
    pd.testing.assert_frame_equal(decode(encode(frame), role="original", rounded=False), frame)


@settings(max_examples=20, deadline=None)
@given(patients())
def test_legal_patterns_decode_to_valid_synthetic_data(frame: pd.DataFrame) -> None:
    decoded = decode(encode(frame), role="synthetic")
    assert set(validate(decoded, "synthetic").by_rule()["rule"]) <= {DUPLICATE_RULE, *RARE}


@settings(max_examples=40, deadline=None)
@given(emissions(), st.booleans())
def test_anything_decodes_to_a_valid_cohort(encoded: Encoded, rounded: bool) -> None:
    frame = decode(encoded, role="synthetic", rounded=rounded)
    assert set(validate(frame, "synthetic").by_rule()["rule"]) <= {DUPLICATE_RULE, *RARE}
    known = frame["OSTM"].notna() & frame["EFSTM"].notna()
    assert (frame.loc[known, "EFSTM"] <= frame.loc[known, "OSTM"]).all()
    assert list(frame.columns) == list(D.names)
    assert [str(dtype) for dtype in frame.dtypes] == [str(v.dtype) for v in D.variables]


@pytest.mark.parametrize("time", [np.inf, -np.inf, -5.0, 0.0, 1e-300, 1e300])
@pytest.mark.parametrize("gap", [np.inf, -np.inf, -5.0, 0.0, 1e-300, 1e300, np.nan])
def test_extreme_times_keep_the_pattern(reference: pd.DataFrame, time: float, gap: float) -> None:
    one = encode(reference.head(1))
    before = PATTERNS.index(next(p for p in PATTERNS if p == (1, 1, "before")))
    encoded = Encoded(
        one.states,
        one.numbers,
        one.missing,
        np.array([before], dtype=np.int8),
        np.array([time]),
        np.array([gap]),
    )
    frame = decode(encoded)
    assert 0 <= frame.loc[0, "EFSTM"] < frame.loc[0, "OSTM"] <= 720
    assert frame.loc[0, "EFSSTAT"] == frame.loc[0, "OSSTAT"] == 1


def test_reference_cohort_round_trip(reference: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(decode(encode(reference), role="original", rounded=False), reference)
    pd.testing.assert_frame_equal(decode(encode(reference), role="synthetic"), reference)


@pytest.mark.parametrize("name", SMALL_COHORTS)
def test_other_cohorts_round_trip(name: str) -> None:
    small = small_cohort(name)
    encoded = encode(small.frame, small.d)
    if small.d.composite is None:
        assert {PATTERNS[code].times for code in encoded.pattern} == {"os"} and not encoded.gap.any()
    pd.testing.assert_frame_equal(decode(encoded, small.d, role="original", rounded=False), small.frame)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["mds", "bare", "trial"]), st.data())
def test_anything_decodes_to_what_any_dictionary_allows(name: str, data: st.DataObject) -> None:
    d = small_cohort(name).d
    frame = decode(data.draw(emissions(d)), d)
    ruled_by_hand = {"relapse_is_efs_event"}  # generators draw such patients again
    assert set(validate(frame, "synthetic", d).by_rule()["rule"]) <= {DUPLICATE_RULE, *RARE} | ruled_by_hand
    assert list(frame.columns) == list(d.names)


@pytest.mark.amlsg
def test_amlsg_round_trip(amlsg: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(decode(encode(amlsg), role="original", rounded=False), amlsg)
    assert validate(decode(encode(amlsg), role="synthetic"), "synthetic").ok


def test_death_without_event_becomes_an_event(reference: pd.DataFrame) -> None:
    frame = reference[(reference["OSSTAT"] == 1)].head(1).reset_index(drop=True)
    frame["EFSSTAT"] = pd.array([0], dtype="Int8")
    assert decode(encode(frame), role="original").loc[0, "EFSSTAT"] == 0
    assert decode(encode(frame), role="synthetic").loc[0, "EFSSTAT"] == 1


def test_a_time_without_its_status_cannot_be_encoded() -> None:
    small = small_cohort("bare")
    frame = small.frame.head(3).copy()
    frame.loc[2, "DFSSTAT"] = pd.NA
    with pytest.raises(DataError, match=r"Row 3 has a survival time without its status\. Validate"):
        encode(frame, small.d)


def test_efs_beyond_os_cannot_be_encoded(reference: pd.DataFrame) -> None:
    frame = reference.head(3).copy()
    frame.loc[1, "EFSTM"] = frame.loc[1, "OSTM"] + 1
    with pytest.raises(DataError, match="Row 2"):
        encode(frame)


def test_implications_are_carried_out(reference: pd.DataFrame) -> None:
    encoded = encode(reference.head(200))
    for name in ("CGNK", "CGCX", "t8.21", "CEBPA.bZIP.inframe"):
        encoded.states[name] = np.int8(1)
    encoded.states["CEBPA"] = np.int8(0)
    frame = decode(encoded)
    assert (frame["CGNK"] == 1).all() and (frame["t8.21"] == 0).all() and (frame["CGCX"] == 0).all()
    assert (frame["CEBPA"] == 1).all()
