"""How many rows a synthcity plugin makes that break rules, before amlsynth's model space makes them valid.

In the model space an EFS after OS cannot be said, so a generator that is fitted there breaks no rule. What
the plugin itself would do is measured on the plain table, as the paper fitted it: times and statuses of
both endpoints as columns like all others; OS is the survival plugins' own time and event, EFS a covariate.
A category is a code, with NA as a code of its own; a missing number is the median, with a column that tells
so.

The count is kind to the plugin: codes are rounded to the nearest, numbers to the dictionary's decimals and
clipped into its range, so that what remains are contradictions between columns alone. synthcity's own
rejection of rows works column by column and could not see these; it is off, as it is in amlsynth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.dictionary.pandera_schema import breaks
from amlsynth.generators.synthcity.plugins import PREFIX, SURVIVAL_BASES, contained, parameters_of, plugins

SHOWN = {"raw_efs_after_os": "efs_not_after_os", "raw_death_without_event": "death_is_efs_event"}


def raw_shares(
    generator: str, params: dict[str, str], train: pd.DataFrame, n: int, seed: int
) -> dict[str, float]:
    """Fit a plugin to the plain table, draw n rows, and return the shares that break rules.

    Parameters
    ----------
    generator : such as "synthcity:ddpm".
    params : of the plugin, as text.
    train : typed frame of the training part.
    """
    plugin = generator.removeprefix(PREFIX)
    d = dictionary()
    given = parameters_of(plugin).model_validate(params).given()
    table = plain(train, d)
    known = table.dropna()  # without OS there is nothing to fit a survival plugin to
    with contained(plugin) as workspace:
        model = plugins().get(plugin, **given, random_state=seed, workspace=workspace)
        model.strict = False
        model.fit(_loader(known, plugin, d))
        for part in ("model", "generator"):
            inner = getattr(model, part, None)
            for owner in (inner, getattr(inner, "generator", None)):
                if hasattr(owner, "strict"):
                    owner.strict = False
        made = model.generate(count=n, random_state=seed).dataframe().head(n)
    return broken_shares(typed(made, known, d), d)


def broken_shares(frame: pd.DataFrame, d: Dictionary) -> dict[str, float]:
    """Return the share of rows that break any rule that a synthetic cohort must keep, and that break some."""
    by_rule = {case.rule.id: np.zeros(len(frame), dtype=bool) for case in d.rule_cases}
    for case in d.rule_cases:
        if case.rule.severity.synthetic == "error":
            by_rule[case.rule.id] |= np.asarray(breaks(d, case, frame), dtype=bool)
    shares = {name: float(by_rule[rule].mean()) for name, rule in SHOWN.items()}
    return shares | {"raw_rules_broken": float(np.any(list(by_rule.values()), axis=0).mean())}


def plain(frame: pd.DataFrame, d: Dictionary) -> pd.DataFrame:
    """Return a cohort as numbers: c0, c1, ... in the dictionary's order; m0, ... tell where one is missing.

    Names are plain since some plugins choke on dots; the columns of OS stay NaN where they are missing.
    """
    columns: dict[str, Any] = {}
    for i, v in enumerate(d.variables):
        if v.is_categorical and v.name != d.terminal.status:
            codes = pd.Categorical(frame[v.name].astype(object), categories=v.values).codes
            columns[f"c{i}"] = codes.astype(np.int64) + 1  # 0 is NA
            continue
        values = frame[v.name].astype("Float64").to_numpy(np.float64, na_value=np.nan)
        if v.name not in (d.terminal.time, d.terminal.status) and np.isnan(values).any():
            columns[f"m{i}"] = np.isnan(values).astype(np.int64)
            values = np.where(np.isnan(values), np.nanmedian(values), values)
        columns[f"c{i}"] = values
    return pd.DataFrame(columns)


def typed(made: pd.DataFrame, known: pd.DataFrame, d: Dictionary) -> pd.DataFrame:
    """Return what a plugin made in the dictionary's types: rounded and clipped, each column by itself."""
    columns: dict[str, pd.Series[Any]] = {}
    for i, v in enumerate(d.variables):
        source = made if f"c{i}" in made else known.head(1).loc[[known.index[0]] * len(made)]  # constant
        values = pd.to_numeric(source[f"c{i}"], errors="coerce").to_numpy(np.float64)
        if v.name == d.terminal.status:
            columns[v.name] = pd.Series(np.clip(np.rint(values), 0, 1))
        elif v.is_categorical:
            codes = np.clip(np.rint(np.nan_to_num(values)), 0, len(v.values)).astype(int)
            columns[v.name] = pd.Series([None, *v.values], dtype=object).take(codes).reset_index(drop=True)
        else:
            assert v.minimum is not None and v.maximum is not None
            low = v.minimum + (10.0**-v.decimals if v.exclusive_minimum else 0.0)
            numbers = np.round(np.clip(values, low, v.maximum), v.decimals)
            if f"m{i}" in made:
                numbers = np.where(made[f"m{i}"].to_numpy(np.float64) > 0.5, np.nan, numbers)
            columns[v.name] = pd.Series(numbers)
    return to_typed(pd.DataFrame(columns), d)


def _loader(table: pd.DataFrame, plugin: str, d: Dictionary) -> Any:
    from synthcity.plugins.core.dataloader import GenericDataLoader, SurvivalAnalysisDataLoader

    names = [v.name for v in d.variables]
    time, status = (f"c{names.index(name)}" for name in (d.terminal.time, d.terminal.status))
    table = table.astype({status: np.int64})
    table = table.loc[:, [column for column in table if table[column].nunique() > 1]]
    if plugin not in SURVIVAL_BASES:
        return GenericDataLoader(table)
    return SurvivalAnalysisDataLoader(
        table,
        target_column=status,
        time_to_event_column=time,
        time_horizons=np.quantile(table[time], (0.25, 0.5, 0.75)).tolist(),
    )
