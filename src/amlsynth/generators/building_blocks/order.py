"""The order in which sequential generators draw the covariates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from amlsynth.dictionary.model import Dictionary


def synthesis_order(states: Mapping[str, Any], numbers: Iterable[str], d: Dictionary) -> list[str]:
    """Return the covariates in the order of synthesis.

    Parameters
    ----------
    states : codes of the training patients by variable, shape (n,) each. numbers : the other variables.

    Notes
    -----
    Age (or what the dictionary's roles name), then clinical variables and karyotype; alterations from
    frequent to rare, so that a rare one can depend on the frequent ones; numbers such as laboratory values
    after them; and what comes after treatment last: the response, and whatever stands in the group of the
    endpoints.
    """
    numbers = list(numbers)
    chosen = d.roles.first
    first = [chosen] if chosen and (chosen in states or chosen in numbers) else numbers[:1]
    late = {variable.name for variable in d.members(d[d.terminal.time].group)}
    late |= {d.response.name} if d.response else set()
    alterations = {variable.name for variable in d.alterations} - late
    carriers = {name: int((states[name] == 1).sum()) for name in states if name in alterations}
    by_frequency = sorted(carriers, key=lambda name: -carriers[name])
    clinical = [name for name in states if name not in alterations]
    early = [name for name in (*clinical, *by_frequency, *numbers) if name not in late]
    return list(dict.fromkeys((*first, *early, *(name for name in (*states, *numbers) if name in late))))


def with_shuffled_alterations(order: list[str], d: Dictionary, rng: np.random.Generator) -> list[str]:
    """Return an order with the alterations in another order among themselves."""
    alterations = {variable.name for variable in d.alterations}
    places = [place for place, name in enumerate(order) if name in alterations]
    shuffled = list(order)
    for place, other in zip(places, rng.permutation(places), strict=True):
        shuffled[place] = order[other]
    return shuffled
