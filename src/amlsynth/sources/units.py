"""Units that a source may have, and the factors to those of the dictionary."""

from __future__ import annotations

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.errors import did_you_mean

MMOL_PER_L = 0.6206  # mmol/l of haemoglobin (monomer, 16,114 g/mol) in 1 g/dl

# Dictionary unit -> source unit -> factor, for units that mean the same whatever is measured. What depends on
# the substance, as mmol/l does, is said by the variable (`other_units`); days and months by the dictionary.
_FACTORS = {
    "GPt/l": {
        "GPt/l": 1.0,
        "Gpt/l": 1.0,
        "G/l": 1.0,
        "10^9/l": 1.0,
        "10^3/µl": 1.0,
        "10^3/ul": 1.0,
        "/nl": 1.0,
        "/µl": 0.001,
        "/ul": 0.001,
    },
    "years": {"years": 1.0, "months": 1 / 12, "days": 1 / 365.25},
}


def factor(variable: Variable, unit: str, d: Dictionary) -> float:
    """Return what a value in `unit` is multiplied with to be in the variable's unit.

    Raises
    ------
    ValueError
        The variable has no unit, or the unit is not known for it; the message lists the choices.
    """
    choices = factors(variable, d)
    if not choices:
        raise ValueError(f"{variable.name} has no unit; remove it")
    written = unit.replace("\u03bc", "µ")  # the Greek letter looks like the sign for micro
    matches = [known for known in choices if known.lower() == written.lower()]
    if not matches:
        raise ValueError(
            f"the unit {unit!r} is not known for {variable.name}.{did_you_mean(written, choices)} "
            f"Units: {', '.join(choices)}"
        )
    return choices[matches[0]]


def factors(variable: Variable, d: Dictionary) -> dict[str, float]:
    """Return the known source units of a variable with their factors."""
    if variable.unit == "months":
        day = 1 / d.days_per_month
        return {"months": 1.0, "days": day, "weeks": 7 * day, "years": 12.0}
    if variable.unit is None:
        return {}
    own = {convention.unit: convention.factor for convention in variable.other_units}
    return {variable.unit: 1.0} | _FACTORS.get(variable.unit, {}) | own
