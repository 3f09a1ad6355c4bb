"""The Pandera schema of the core table, built from the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from amlsynth.dictionary.model import Dictionary, Role, RuleCase, Variable, dictionary
from amlsynth.foundation.types import BoolArray

if TYPE_CHECKING:
    import pandera.pandas as pa


def pandera_schema(d: Dictionary | None = None, *, role: Role = "synthetic") -> pa.DataFrameSchema:
    """Return the Pandera schema of a typed frame: columns, ranges, values, and the rules between columns.

    Rules that are warnings in `role` only warn. The names of the checks are the ids of the rules.
    """
    import pandera.pandas as pa

    d = d or dictionary()
    rules = [
        pa.Check(
            _holds(d, case),
            name=case.rule.id,
            error=case.rule.message,
            raise_warning=getattr(case.rule.severity, role) == "warning",
        )
        for case in d.rule_cases
    ]
    return pa.DataFrameSchema(
        {variable.name: pandera_column(variable) for variable in d.variables},
        checks=rules,
        name=d.name,
        title=d.title,
        description=d.description,
        strict=True,
        ordered=True,
    )


def pandera_column(variable: Variable) -> pa.Column:
    """Return the Pandera column of one variable; its checks are named `range` and `value_known`."""
    import pandera.pandas as pa

    checks = []
    if variable.minimum is not None and variable.maximum is not None:
        above = "above" if variable.exclusive_minimum else "from"
        text = f"must be {above} {variable.minimum:g} to {variable.maximum:g} {variable.unit}"
        checks.append(
            pa.Check.in_range(
                variable.minimum,
                variable.maximum,
                include_min=not variable.exclusive_minimum,
                name="range",
                error=text,
            )
        )
    elif variable.type != "category":  # a categorical dtype holds nothing else by itself
        checks.append(pa.Check.isin([0, 1], name="value_known", error="must be 1, 0 or empty"))
    return pa.Column(
        variable.dtype,
        checks=checks,
        nullable=variable.missing,
        title=variable.label,
        description=variable.description,
        metadata={"id": variable.id, "unit": variable.unit, "group": variable.group},
    )


def breaks(d: Dictionary, case: RuleCase, frame: pd.DataFrame) -> BoolArray:
    """Return for every row whether it surely breaks the rule; NA in a rule means "cannot tell"."""
    return breaks_by_id(case, {name: frame[d.by_id[name].name] for name in names_in(case)})


def breaks_by_id(case: RuleCase, columns: Mapping[str, pd.Series]) -> BoolArray:
    """Return the same of columns by the ids of their variables, as rules name them."""
    broken = case.require.violates(columns)
    if case.when is not None and broken.any():
        broken = broken & case.when.holds(columns)
    return broken


def names_in(case: RuleCase) -> set[str]:
    """Return the ids of the variables that a case of a rule is about."""
    return {*case.require.names, *(case.when.names if case.when else ())}


def _holds(d: Dictionary, case: RuleCase) -> Callable[[pd.DataFrame], pd.Series]:
    def check(frame: pd.DataFrame) -> pd.Series:
        return pd.Series(~breaks(d, case, frame), index=frame.index)

    return check
