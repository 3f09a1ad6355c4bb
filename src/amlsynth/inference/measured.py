"""How often intervals from synthetic cohorts hold the truth, as the coverage study measured it."""

from __future__ import annotations

import datetime
import functools
import math

from amlsynth.foundation.assets import asset
from amlsynth.foundation.strict_model import StrictModel

_FEW = 100  # cohorts of a study below which its figures are told as a first look


class MeasuredCoverage(StrictModel):
    """One setting of the study (benchmarks/coverage.py): 95 % intervals of some sixty estimands.

    Attributes
    ----------
    generator, epsilon : what made the cohorts; epsilon of a guarantee, None without one.
    n, cohorts, replicates : patients of a simulated original, originals, synthetic cohorts of each.
    single, pooled : share of intervals that hold the truth, of one cohort analysed as if real and of the
        replicates pooled, each a mean over the estimands. worst : pooled, of the estimand covered least.
    width : of a pooled interval against the original's, median.
    carriers : patients who must carry something for its effects to be inferred, by the generator's own rule
        (`BaseGenerator.carriers_to_infer`); 0 where there is none. What is told above is of effects that may
        be inferred. rare, worst_rare : as pooled and worst, of those that may not.
    """

    generator: str
    epsilon: float | None
    n: int
    cohorts: int
    replicates: int
    single: float
    pooled: float
    worst: float
    width: float
    carriers: int = 0
    rare: float | None = None
    worst_rare: float | None = None


class CoverageStudy(StrictModel):
    """What reports/coverage.json holds."""

    date: datetime.date
    measured: tuple[MeasuredCoverage, ...]


@functools.cache
def coverage_study() -> CoverageStudy:
    """Return the committed figures of the coverage study."""
    return CoverageStudy.model_validate_json((asset("reports") / "coverage.json").read_bytes())


def measured_coverage(
    generator: str, n: int, epsilon: float | None = None, study: CoverageStudy | None = None
) -> MeasuredCoverage | None:
    """Return the setting of the study nearest to a release's, None where its generator was not studied.

    Parameters
    ----------
    generator : its name. n : patients of the original, 1 or more.
    epsilon : of the guarantee, where there is one. A smaller one of the study is nearer than a larger one:
        more noise was measured than there is.

    Examples
    --------
    >>> measured_coverage("bootstrap", 1_606) is None
    True
    """
    study = study or coverage_study()
    found = [row for row in study.measured if row.generator == generator]

    def distance(row: MeasuredCoverage) -> tuple[bool, float, float]:
        more = math.log(row.epsilon / epsilon) if row.epsilon and epsilon else 0.0
        return more > 0, abs(more), abs(math.log(row.n / n))

    return min(found, key=distance, default=None)


def coverage_sentences(generator: str, n: int, epsilon: float | None = None) -> str:
    """Return in words how often intervals held the truth in the setting nearest to a release's."""
    found = measured_coverage(generator, n, epsilon)
    if found is None:
        return f"How often intervals from cohorts of {generator} hold the truth was not measured: use none."
    guarantee = f" at epsilon {found.epsilon:g}" if found.epsilon else ""
    few = ", a first look" if found.cohorts < _FEW else ""
    effects = (
        f" (of effects, those of what {found.carriers:,} patients or more carry)" if found.carriers else ""
    )
    rare = (
        f" Effects of what fewer carry are not to be inferred: there, {100 * found.rare:.0f} % of the pooled "
        f"intervals held the truth (worst {100 * found.worst_rare:.0f} %)."
        if found.rare is not None and found.worst_rare is not None
        else ""
    )
    return (
        f"Measured on {found.cohorts} simulated originals of {found.n:,} patients with {found.replicates} "
        f"replicates each ({found.generator}{guarantee}, {coverage_study().date:%B %Y}{few}): intervals that "
        f"claim 95 % held the truth in {100 * found.single:.0f} % of one synthetic cohort analysed as if it "
        f"were real, and in {100 * found.pooled:.0f} % of the replicates pooled (worst estimand "
        f"{100 * found.worst:.0f} %){effects}, at {found.width:.2g} times the width of the "
        f"original's own intervals.{rare}"
    )
