"""The order in which sequential generators draw the covariates."""

from __future__ import annotations

import numpy as np

from amlsynth.dictionary import Dictionary
from amlsynth.encoding import Encoded

REMISSION = "CR1"


def synthesis_order(train: Encoded, d: Dictionary) -> list[str]:
    """Return the covariates in the order of synthesis.

    Age, then clinical variables and karyotype; alterations from frequent to rare, so that a rare one can
    depend on the frequent ones; laboratory values after them, and remission last.
    """
    alterations = {variable.name for variable in d.alterations}
    states = [str(name) for name in train.states]
    first, *laboratory = (str(name) for name in train.numbers)
    clinical = [name for name in states if name not in alterations and name != REMISSION]
    carriers = {name: int((train.states[name] == 1).sum()) for name in states if name in alterations}
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
