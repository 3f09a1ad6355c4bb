"""Complete remission: its rate and its odds, as in table 2 of the paper."""

from __future__ import annotations

import math

import pandas as pd

from amlsynth.evaluation.family import Candidate, Family, NotComputable, Setting, Spec, attempt, figure
from amlsynth.evaluation.records import SMALL_CELL, Figure
from amlsynth.statistics.coding import numbers
from amlsynth.statistics.wald import Z95

SHARE_DECIMALS = 3  # a tenth of a percent, as tables show; no count can be read back from more digits
_SOURCE = "Eckardt et al., npj Digit Med 2024, table 2"


def remission(frame: pd.DataFrame) -> tuple[int, int]:
    """Return the numbers of patients with and without complete remission (CR1); NA is left out."""
    status = numbers(frame["CR1"])
    return int((status == 1).sum()), int((status == 0).sum())


def remission_rate(reached: int, missed: int) -> Figure:
    """Return the share with remission and Wilson's 95 % interval."""
    n = reached + missed
    if n == 0:
        raise NotComputable("no patient has a known remission status (CR1)")
    return wilson(reached, n)


def wilson(count: int, n: int) -> Figure:
    """Return a share and Wilson's 95 % interval, at three decimals."""
    share, z2 = count / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return figure(share, max(0.0, centre - half), min(1.0, centre + half), decimals=SHARE_DECIMALS)


def remission_odds(reached: int, missed: int) -> Figure:
    """Return the odds of remission with Wald's 95 % interval: logistic regression on a constant."""
    if reached == 0 or missed == 0:
        raise NotComputable("the odds need patients with and without remission (CR1)")
    spread = math.exp(Z95 * math.sqrt(1 / reached + 1 / missed))
    odds = reached / missed
    return figure(odds, odds / spread, odds * spread, decimals=2)


def _own_figures(frame: pd.DataFrame, suppress: bool) -> dict[str, Figure]:
    counts = remission(frame)
    if suppress and any(0 < count < SMALL_CELL for count in counts):
        hidden = Figure(reason=f"not shown: fewer than {SMALL_CELL} patients with or without remission")
        return {"cr_rate": hidden, "cr_odds": hidden}
    return {
        "cr_rate": attempt(lambda: remission_rate(*counts)),
        "cr_odds": attempt(lambda: remission_odds(*counts)),
    }


def _figures(candidate: Candidate, setting: Setting) -> dict[str, Figure]:
    return _own_figures(candidate.frame, suppress=candidate.protected)


FAMILY = Family(
    name="outcome",
    specs=(
        Spec(
            id="cr_rate",
            label="Complete remission",
            group="outcome",
            better="original",
            description=(
                "Share of patients in complete remission after induction (CR1), of those with a known "
                "status, with Wilson's 95 % interval."
            ),
            source=_SOURCE,
        ),
        Spec(
            id="cr_odds",
            label="Odds of complete remission",
            group="outcome",
            better="original",
            description=(
                "Patients with over patients without complete remission, with its 95 % interval by "
                "logistic regression: what the paper's table 2 gives as OR of each cohort."
            ),
            source=_SOURCE,
        ),
    ),
    figures=_figures,
    original_figures=lambda setting: _own_figures(setting.original, suppress=True),
)
