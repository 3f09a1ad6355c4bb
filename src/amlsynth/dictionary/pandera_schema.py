"""The Pandera schema of the core table, built from the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    checks = []
    if variable.minimum is not None and variable.maximum is not None:
        low, high = variable.minimum, variable.maximum
        above = "above" if variable.exclusive_minimum else "from"
        text = f"must be {above} {low:g} to {high:g} {variable.unit}"
        least = np.nextafter(low, np.inf) if variable.exclusive_minimum else low
        checks.append(_check("range", text, lambda values: (values >= least) & (values <= high)))
    elif variable.type != "category":  # a categorical dtype holds nothing else by itself
        text = "must be 1, 0 or empty"
        checks.append(_check("value_known", text, lambda values: (values == 0) | (values == 1)))
    return pa.Column(
        variable.dtype,
        checks=checks,
        nullable=variable.missing,
        title=variable.label,
        description=variable.description,
        metadata={"id": variable.id, "unit": variable.unit, "group": variable.group},
    )


def _check(name: str, error: str, holds: Callable[[FloatArray], BoolArray]) -> pa.Check:
    """Return a check of known values; Pandera's own take three times as long, to drop NA and compare."""
    import pandera.pandas as pa

    def check(column: pd.Series) -> pd.Series:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return pd.Series(holds(values) | column.isna().to_numpy(), index=column.index)

    return pa.Check(check, name=name, error=error, ignore_na=False)


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
