"""Training part, hold-out and synthetic cohort that do not belong together are refused."""

from __future__ import annotations

import pandas as pd
import pytest

from amlsynth.cohort.cohort import About
from amlsynth.cohort.split import shared_patients, split_cohort
from amlsynth.evaluation.pairing import check_parts, check_records
from amlsynth.foundation.errors import DataError
from amlsynth.sources.reference import reference_frame


def _about(name="trial", **provenance):
    return About(name=name, title=name, simulated=False, statement="Patients.", provenance=provenance)


def _part(part, seed=1):
    return _about(split={"seed": seed, "holdout": 0.2, "part": part})


def _made(seed=1, cohort="trial", split=True):
    given = {"seed": seed, "holdout": 0.2} if split else None
    return _about(generator="event-history", split=given, cohort={"name": cohort}, training_patients=9)


def test_a_split_keeps_equal_patients_together():
    frame = reference_frame(100, 2)
    twins = pd.concat([frame, frame.head(30)], ignore_index=True)
    for seed in range(5):
        parts = split_cohort(twins, 0.2, seed=seed)
        assert shared_patients(parts.train, parts.holdout) == 0
        assert len(parts.train) + len(parts.holdout) == 130 and 5 < len(parts.holdout) < 60


def test_parts_that_overlap_are_refused(split):
    assert check_parts(split.train, split.holdout) == 0
    one = pd.concat([split.holdout, split.train.head(1)], ignore_index=True)
    assert check_parts(split.train, one) == 1  # a twin is no other split
    several = pd.concat([split.holdout, split.train.head(8)], ignore_index=True)
    with pytest.raises(DataError, match="8 of 168 hold-out patients are in the training part too"):
        check_parts(split.train, several)


@pytest.mark.parametrize(
    ("train", "holdout", "synthetic", "message"),
    [
        (_part("hold-out"), _part("hold-out"), _made(), "train.csv: its record says that it is the hold-out"),
        (_part("training"), _part("training"), _made(), "holdout.csv: its record says that it is the train"),
        (_part("training"), _part("hold-out", 2), _made(), "holdout.csv: it is of the split with seed 2 "),
        (_part("training"), _part("hold-out"), _made(7), "s.csv: it was made from the split with seed 7 and"),
        (_part("training"), _part("hold-out"), _made(cohort="b"), "s.csv: it was made from the cohort 'b'"),
        (_part("training"), _part("hold-out"), _made(split=False), "s.csv: .* from all patients"),
    ],
)
def test_records_that_contradict_each_other_are_refused(train, holdout, synthetic, message):
    with pytest.raises(DataError, match=message):
        check_records(("train.csv", train), ("holdout.csv", holdout), {"s.csv": synthetic})


def test_records_that_agree_or_say_nothing_pass():
    nothing = _about()
    for train, holdout, synthetic in (
        (_part("training"), _part("hold-out"), _made()),
        (nothing, nothing, nothing),
        (nothing, _part("hold-out"), _made(3)),
    ):
        check_records(("train.csv", train), ("holdout.csv", holdout), {"s.csv": synthetic})
