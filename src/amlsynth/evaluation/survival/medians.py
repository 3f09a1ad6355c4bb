"""Median survival and follow-up as figures, months at one decimal."""

from __future__ import annotations

from amlsynth.evaluation.measure_group import NotComputable, figure
from amlsynth.evaluation.records import Figure
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import kaplan_meier

MONTHS_DECIMALS = 1  # three days: as the paper reports, and no patient's exact day


def median_survival(data: EndpointData) -> Figure:
    """Return the Kaplan-Meier median, months with 95 % interval; a lower end may stand without a value."""
    median = kaplan_meier(data).median()
    if median.time is None:
        return Figure(
            low=None if median.low is None else round(median.low, MONTHS_DECIMALS),
            reason="the median is not reached: the curve stays above one half",
        )
    return figure(median.time, median.low, median.high, decimals=MONTHS_DECIMALS)


def follow_up(data: EndpointData) -> Figure:
    """Return the median follow-up by the reverse Kaplan-Meier method, months with 95 % interval.

    Source: Shuster, J Clin Oncol 1991; Eckardt et al. 2024, methods, "Statistical analysis".
    """
    if not (~data.event).any():
        raise NotComputable("no patient is censored, so follow-up has no median")
    median = median_survival(data.reversed())
    if median.value is None:
        return Figure(low=median.low, reason="the median follow-up is not reached: deaths ended it earlier")
    return median
