"""Is this the right pair? Training part, hold-out and synthetic cohort must belong together.

Every figure of privacy compares a training part with patients whom the generator has not seen. With the
hold-out of another split, or one that holds training patients, they say that nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from amlsynth.cohort.cohort import About
from amlsynth.cohort.split import shared_patients
from amlsynth.foundation.errors import DataError

MAX_SHARED = 0.01  # share of a hold-out; cohorts of few columns have equal patients by chance
_REMEDY = "Take the files that `amlsynth generate --save-split` wrote with this cohort."


def check_parts(train: pd.DataFrame, holdout: pd.DataFrame) -> int:
    """Return how many hold-out patients equal a training patient, and refuse parts that overlap.

    Raises
    ------
    DataError
        More than one patient and more than a hundredth of the hold-out stand in the training part too.
    """
    shared = shared_patients(train, holdout)
    if shared > max(1, MAX_SHARED * len(holdout)):
        raise DataError(
            f"{shared:,} of {len(holdout):,} hold-out patients are in the training part too, so that they "
            f"are not unseen. {_REMEDY}"
        )
    return shared


def check_records(
    train: tuple[str, About], holdout: tuple[str, About] | None, synthetics: Mapping[str, About]
) -> None:
    """Refuse files whose records (FILE.about.json) say that they are of different cohorts or splits.

    Parameters
    ----------
    train, holdout : the name of each file and its record.
    synthetics : the records of the synthetic cohorts, by the name of the file.

    A file without a record, or one that says nothing of a split, is taken as it is.

    Raises
    ------
    DataError
        A part is not the one that it is taken for, or a synthetic cohort was made from another split or
        cohort; the sentence says which.
    """
    name, about = train
    split = _split(about)
    for (file, record), part in ((train, "training"), *([(holdout, "hold-out")] if holdout else [])):
        found = _split(record)
        if found.get("part") not in (None, part):
            raise DataError(f"{file}: its record says that it is the {found['part']} part. {_REMEDY}")
        if (other := _other_split(split, found)) is not None:
            raise DataError(
                f"{file}: it is of the split {other[1]}, and {name} of the split {other[0]}. {_REMEDY}"
            )
    for file, record in synthetics.items():
        if record.provenance.get("generator") is not None and "split" in record.provenance:
            _check_made_from(file, record, name, about)


def _check_made_from(file: str, made: About, train: str, about: About) -> None:
    # Sums of a generator with a guarantee were drawn from a training part that they do not name.
    if made.provenance["split"] is None and "training_patients" in made.provenance:
        raise DataError(
            f"{file}: its record says that it was made from all patients, so that no hold-out is unseen. "
            "Generate it again without --no-split."
        )
    if (other := _other_split(_split(about), _split(made))) is not None:
        raise DataError(
            f"{file}: it was made from the split {other[1]}, and {train} is of the split {other[0]}. "
            f"{_REMEDY}"
        )
    cohort = made.provenance.get("cohort")
    origin = cohort.get("name") if isinstance(cohort, Mapping) else None
    if _split(about) and origin not in (None, about.name):
        raise DataError(
            f"{file}: it was made from the cohort {origin!r}, and {train} is of {about.name!r}. {_REMEDY}"
        )


def _split(about: About) -> Mapping[str, Any]:
    split = about.provenance.get("split")
    return split if isinstance(split, Mapping) else {}


def _other_split(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return both splits in words where they are known and differ."""
    keys = ("seed", "holdout")
    if any(key not in split for key in keys for split in (one, other)):
        return None
    first, second = (tuple(split[key] for key in keys) for split in (one, other))
    if first == second:
        return None
    return tuple(f"with seed {seed} and a hold-out of {share:g}" for seed, share in (first, second))  # type: ignore[return-value]
