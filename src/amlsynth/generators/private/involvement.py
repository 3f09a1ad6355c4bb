"""Which values a patient must have for a feature to be seen in him or her.

A feature of a value that is missing is 0, so that what is seen of its mean is less, by the share of patients
in whom it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amlsynth.generators.private.patients import Columns


def involvement(
    columns: Columns, constants: Mapping[str, Any], sizes: Mapping[str, int], response_waves: int
) -> npt.NDArray[np.bool_]:
    """Return which units each feature needs, shape (features, units), in the order of the map's blocks.

    Parameters
    ----------
    constants : those of a `FeatureMap`.
    sizes : the length of each block, in their order.
    response_waves : how many waves of the composite endpoint are looked at by response.
    """
    flags, numbers = len(columns.flags), len(columns.numbers)
    units = len(columns.units)
    flag_units = [{i} for i in range(flags)]
    levels = [
        {flags + i} for i, (codes, _) in enumerate(constants["category_levels"]) for _ in range(len(codes))
    ]
    first_number = flags + len(columns.categories)
    number_units = [{first_number + i} for i in range(numbers)]
    response = [{first_number + numbers}] if columns.response else []
    after = first_number + numbers + len(response)
    outer = {after} if columns.terminal else set()
    inner = {after + len(outer)} if columns.composite else set()
    needs: dict[str, list[set[int]]] = {
        "count": [set()],
        "flags": flag_units,
        "categories": levels + response,
        "missing": [set() for _ in range(sizes["missing"])],
        "numbers": [
            u for u, edges in zip(number_units, constants["number_edges"], strict=True) for _ in edges
        ],
        "outcome": [],
        "effects": [],
        "pairs": [flag_units[i] | flag_units[j] for i, j in constants["pairs"]],
        "number-flags": [f | z for z in number_units for f in flag_units]
        + [s | z for z in number_units for s in levels + response]
        + [number_units[i] | number_units[j] for i, j in zip(*np.triu_indices(numbers, 1), strict=True)],
    }
    if columns.terminal:
        bins = len(constants["time_edges"]) + 1
        pair = outer | inner
        patterns = 4 if columns.composite else 2
        needs["outcome"] = [outer] * (2 * bins) + [pair] * patterns
        if columns.composite:
            inner_bins = len(constants["inner_edges"]) + 1
            needs["outcome"] += [inner] * inner_bins + [pair] * (2 * (len(constants["gap_edges"]) + 1))
            if response:
                needs["outcome"] += [inner | response[0]] * min(response_waves, inner_bins)
        if response:
            needs["outcome"] += [pair | response[0]] * patterns
    covariates = flag_units + levels + number_units
    both = [outer | inner] * (2 if inner else 1) if outer else []
    for target in both + response:
        needs["effects"] += [covariate | target for covariate in covariates]
    matrix = np.zeros((sum(sizes.values()), units), dtype=bool)
    for row, unit_set in enumerate(u for name in sizes for u in needs[name]):
        matrix[row, list(unit_set)] = True
    return matrix
