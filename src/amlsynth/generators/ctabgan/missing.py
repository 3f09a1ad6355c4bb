"""Columns that are missing in the same patients, as the parts of one examination that was not made.

Were "missing" a state of each, drawn by itself, they would hardly ever agree in a generated patient, and
associations of nearly 1 would be lost. So it is said once, for the group.
"""

from __future__ import annotations

from collections import defaultdict

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import BoolArray
from amlsynth.model_space.encoding import Encoded


def missing_together(train: Encoded, d: Dictionary) -> dict[str, str]:
    """Return the leader of each column that is missing with others; a group is named by its first column.

    A group are columns, two at least, that are missing in exactly the same patients. A column that is
    missing in these and further patients follows the group as well, of several groups the largest; it
    keeps a state of its own for the further patients. Columns that nobody has are in no group.
    """
    sometimes = {
        name: flags for name, flags in missing_flags(train, d).items() if flags.any() and not flags.all()
    }
    alike: dict[bytes, list[str]] = defaultdict(list)
    for name, flags in sometimes.items():
        alike[flags.tobytes()].append(name)
    groups = {names[0]: sometimes[names[0]] for names in alike.values() if len(names) > 1}
    leaders = {}
    for name, flags in sometimes.items():
        within = [leader for leader, together in groups.items() if flags[together].all()]
        if within:
            leaders[name] = max(within, key=lambda leader: int(groups[leader].sum()))
    return leaders


def missing_flags(cohort: Encoded, d: Dictionary) -> dict[str, BoolArray]:
    """Return for each column but the outcomes in which patients it is missing, shapes (n,)."""
    states = {str(name): cohort.states[name].to_numpy() == len(d[str(name)].values) for name in cohort.states}
    return states | {str(name): cohort.missing[name].to_numpy(bool) for name in cohort.missing}
