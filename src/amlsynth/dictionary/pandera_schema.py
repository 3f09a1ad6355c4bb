"""The Pandera schema of the core table, built from the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Role, RuleCase, Variable, dictionary
from amlsynth.foundation.types import BoolArray, FloatArray

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

    check = value_check(variable)
    return pa.Column(
        variable.dtype,
        checks=[]
        if check is None
        else [pa.Check(check, name=check.name, error=check.error, ignore_na=False)],
        nullable=variable.missing,
        title=variable.label,
        description=variable.description,
        metadata={"id": variable.id, "unit": variable.unit, "group": variable.group},
    )


@dataclass(frozen=True)
class ValueCheck:
    """What the known values of a column must be; called with a column it says for each whether it is so."""

    name: str
    error: str
    holds: Callable[[FloatArray], BoolArray]

    def __call__(self, column: pd.Series) -> pd.Series:
        return pd.Series(self.kept(column), index=column.index)

    def kept(self, column: pd.Series) -> BoolArray:
        """Return the same as an array."""
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        kept: BoolArray = self.holds(values) | column.isna().to_numpy()
        return kept


def value_check(variable: Variable) -> ValueCheck | None:
    """Return the check of a variable's values; None where its type says all."""
    if variable.minimum is not None and variable.maximum is not None:
        low, high = variable.minimum, variable.maximum
        above = "above" if variable.exclusive_minimum else "from"
        text = f"must be {above} {low:g} to {high:g} {variable.unit}"
        least = np.nextafter(low, np.inf) if variable.exclusive_minimum else low
        return ValueCheck("range", text, lambda values: (values >= least) & (values <= high))
    if variable.type == "category":  # a categorical dtype holds nothing else by itself
        return None
    return ValueCheck("value_known", "must be 1, 0 or empty", lambda values: (values == 0) | (values == 1))


def is_as_described(frame: pd.DataFrame, d: Dictionary) -> bool:
    """Say whether every column has the type and the values of its variable, as `pandera_column` asks.

    Pandera lists what is not so; its import takes longer than all else that a cohort in order needs.
    """
    for variable in d.variables:
        column = frame.get(variable.name)
        if column is None or column.dtype != variable.dtype:
            return False
        if variable.type == "category" and tuple(column.cat.categories) != variable.values:
            return False
        check = value_check(variable)
        if (check and not check.kept(column).all()) or not (variable.missing or column.notna().all()):
            return False
    return True


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
