"""The order in which sequential generators draw the covariates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from amlsynth.dictionary.model import Dictionary

REMISSION = "CR1"


def synthesis_order(states: Mapping[str, Any], numbers: Iterable[str], d: Dictionary) -> list[str]:
    """Return the covariates in the order of synthesis.

    Parameters
    ----------
    states : codes of the training patients by variable, shape (n,) each. numbers : the other variables.

    Notes
    -----
    Age, then clinical variables and karyotype; alterations from frequent to rare, so that a rare one can
    depend on the frequent ones; laboratory values after them, and remission last.
    """
    alterations = {variable.name for variable in d.alterations}
    first, *laboratory = numbers
    clinical = [name for name in states if name not in alterations and name != REMISSION]
    carriers = {name: int((states[name] == 1).sum()) for name in states if name in alterations}
    by_frequency = sorted(carriers, key=lambda name: -carriers[name])
    last = [name for name in states if name == REMISSION]
    return [first, *clinical, *by_frequency, *laboratory, *last]


def with_shuffled_alterations(order: list[str], d: Dictionary, rng: np.random.Generator) -> list[str]:
    """Return an order with the alterations in another order among themselves."""
    alterations = {variable.name for variable in d.alterations}
    places = [place for place, name in enumerate(order) if name in alterations]
    shuffled = list(order)
    for place, other in zip(places, rng.permutation(places), strict=True):
        shuffled[place] = order[other]
    return shuffled
