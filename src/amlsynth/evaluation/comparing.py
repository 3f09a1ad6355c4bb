"""Two cohorts that nobody says are made from each other, such as published synthetic ones, compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from amlsynth.cohort.cohort import About, read_about
from amlsynth.cohort.tables import read_raw, type_frame
from amlsynth.cohort.written_under import check_dictionary
from amlsynth.dictionary.model import Dictionary, dictionary_of
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.inputs import SyntheticCohort, check_labels
from amlsynth.evaluation.records import Evaluation, Origin
from amlsynth.evaluation.run import evaluate
from amlsynth.foundation.errors import DataError, did_you_mean
from amlsynth.foundation.files import sha256
from amlsynth.foundation.frames import Table, frame_of
from amlsynth.foundation.types import Progress

NOT_RELATED = (
    "Neither cohort is known to be made from the other, and there are no patients that a generator has not "
    "seen. Attacks and distances to a hold-out are therefore not available; of privacy this comparison says "
    "nothing."
)


@dataclass(frozen=True)
class Foreign:
    """A cohort from a file that need not keep the dictionary's rules, and what is to be said of it.

    notes : sentences on columns that are not there or not known, and on cells that could not be read.
    """

    frame: pd.DataFrame
    label: str
    origin: Origin
    about: About
    known_synthetic: bool
    notes: tuple[str, ...]


def compare_cohorts(
    first: Path | Table,
    second: Path | Table,
    *,
    labels: tuple[str, str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    d: Dictionary | None = None,
) -> Evaluation:
    """Compare any two cohorts in the dictionary, without a generator, a split or a hold-out.

    Parameters
    ----------
    first : the cohort of reference, from which the anchors are drawn; a CSV or Parquet file, a frame, or
        a cohort or data set.
    second : the other one.
    labels : how tables and figures name them; the names of the files by default, or "A" and "B".
    seed : for the anchors.
    progress : called with what is being done and the share done, from 0 to 1.
    d : the dictionary; the one of this version by default.

    Returns
    -------
    Evaluation
        Of kind "comparison". Rules that a cohort breaks are counted in it, and columns that it lacks are
        not assessed; neither is refused. Measures that need a hold-out say that there is none. Small cells
        are held back unless the file's FILE.about.json says that the cohort holds no patient.

    Raises
    ------
    UsageError
        A file is not there, or the two have the same label.
    DataError
        A file cannot be read as a table, or has no column of the dictionary.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> frames = (reference_cohort(n=9, seed=seed).frame for seed in (1, 2))
    >>> evaluation = compare_cohorts(*frames, labels=("one", "another"))
    >>> evaluation.kind, [cohort.label for cohort in evaluation.synthetics]
    ('comparison', ['another'])
    """
    d = dictionary_of(first, d)
    one, other = (read_foreign(source, name, d) for source, name in ((first, "A"), (second, "B")))
    if labels is not None:
        check_labels(labels)
        one, other = replace(one, label=labels[0]), replace(other, label=labels[1])
    elif one.label == other.label:
        one, other = replace(one, label=f"{one.label} (A)"), replace(other, label=f"{other.label} (B)")
    return evaluate(
        one.frame,
        [SyntheticCohort(other.frame, other.label, other.origin, holds_patients=not other.known_synthetic)],
        seed=seed,
        simulated=one.about.simulated,
        rule=OFF if one.known_synthetic and other.known_synthetic else DisclosureRule(),
        original_label=one.label,
        original_origin=one.origin,
        kind="comparison",
        notes=(NOT_RELATED, *one.notes, *other.notes),
        progress=progress,
        d=d,
    )


def read_foreign(cohort: Path | Table, name: str, d: Dictionary) -> Foreign:
    """Read a cohort as it is: columns that lack are NA, unknown ones are left out, rules may be broken.

    Raises
    ------
    UsageError, DataError
        As `compare_cohorts`.
    """
    if not isinstance(cohort, str | Path):
        raw, label, source, origin = frame_of(cohort), name, f"cohort {name}", Origin()
        about = getattr(cohort, "about", None)
        if not isinstance(about, About):
            about = About(name=name, title=name, simulated=False, statement="A table.")
    else:
        cohort = Path(cohort)
        raw, label, source = read_raw(cohort, d), cohort.stem, cohort.name
        about = read_about(cohort)
        generator = about.provenance.get("generator")
        seed = about.provenance.get("seed")
        origin = Origin(
            file=cohort.name,
            sha256=sha256(cohort),
            generator=generator if isinstance(generator, str) else None,
            seed=seed if isinstance(seed, int) else None,
        )
    columns = [str(column) for column in raw.columns]
    if isinstance(cohort, Path):
        check_dictionary(cohort, d.names, d)
    missing = [column for column in d.names if column not in columns]
    unknown = [column for column in columns if column not in d.names]
    if len(missing) == len(d.names):
        raise DataError(
            f"{source}: it has no column of the dictionary."
            f"{did_you_mean(columns[0], d.names) if columns else ''} Map it with: amlsynth cohort import "
            "DATA --mapping MAP.yaml"
        )
    whole = raw[[column for column in raw.columns if str(column) in d.names]].reindex(columns=list(d.names))
    parsed = type_frame(whole, d, source)
    synthetic = about.simulated or origin.generator is not None
    rule = OFF if synthetic else DisclosureRule()
    notes = []
    if missing:
        notes.append(f"Not in {source}, and therefore not assessed: {', '.join(missing)}.")
    if unknown:
        notes.append(f"Left out of {source}, as the dictionary does not know them: {', '.join(unknown)}.")
    for (broken, column, _), count in sorted(parsed.failures.counts.items()):
        few = rule.is_small(count)
        notes.append(
            f"{rule.few.capitalize() if few else f'{count:,}'} cells of the column {column} of {source} "
            f"break the rule {broken} and count as missing."
        )
    return Foreign(parsed.frame, label, origin, about, synthetic, tuple(notes))
