"""The checks of the core table, built from the dictionary: a Pandera schema, and what `validate` asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Role, RuleCase, Variable, dictionary
from amlsynth.foundation.types import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandera.pandas as pa

RANGE = "range"


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
    if (rule := value_rule(variable)) is not None:
        name, text = rule
        checks = [
            pa.Check.in_range(
                variable.minimum,
                variable.maximum,
                include_min=not variable.exclusive_minimum,
                name=name,
                error=text,
            )
            if name == RANGE
            else pa.Check.isin([0, 1], name=name, error=text)
        ]
    return pa.Column(
        variable.dtype,
        checks=checks,
        nullable=variable.missing,
        title=variable.label,
        description=variable.description,
        metadata={"id": variable.id, "unit": variable.unit, "group": variable.group},
    )


def value_rule(variable: Variable) -> tuple[str, str] | None:
    """Return name and words of the rule on the values of a variable by themselves.

    None for a category: its dtype holds nothing else.
    """
    if variable.minimum is not None and variable.maximum is not None:
        above = "above" if variable.exclusive_minimum else "from"
        return RANGE, f"must be {above} {variable.minimum:g} to {variable.maximum:g} {variable.unit}"
    return None if variable.type == "category" else ("value_known", "must be 1, 0 or empty")


def allowed(variable: Variable, values: FloatArray) -> BoolArray:
    """Return which values `value_rule` allows; NaN it does not."""
    if variable.minimum is None or variable.maximum is None:
        return np.isin(values, (0.0, 1.0))
    above = values > variable.minimum if variable.exclusive_minimum else values >= variable.minimum
    return above & (values <= variable.maximum)


def breaks(d: Dictionary, case: RuleCase, frame: pd.DataFrame) -> BoolArray:
    """Return for every row whether it surely breaks the rule; NA in a rule means "cannot tell"."""
    expressions = [expression for expression in (case.when, case.require) if expression]
    names = {name for expression in expressions for name in expression.names}
    columns = {name: frame[d.by_id[name].name] for name in names}
    broken = case.require.violates(columns)
    if case.when is not None and broken.any():
        when = case.when.evaluate(columns)
        broken = broken & when.to_numpy(dtype=bool, na_value=False)
    return broken


def _holds(d: Dictionary, case: RuleCase) -> Callable[[pd.DataFrame], pd.Series]:
    def check(frame: pd.DataFrame) -> pd.Series:
        return pd.Series(~breaks(d, case, frame), index=frame.index)

    return check
