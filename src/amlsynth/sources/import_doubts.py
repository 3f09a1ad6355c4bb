"""What an import has to say about columns that may have been meant otherwise: units, codes, expressions."""

from __future__ import annotations

import pandas as pd

from amlsynth.dictionary.model import Variable
from amlsynth.sources.cells import to_numbers
from amlsynth.sources.importing import Importing
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.mapping_file import ColumnMapping
from amlsynth.sources.plausibility import fitting_units, unit_warning
from amlsynth.sources.units import factor


def import_doubts(importing: Importing) -> list[str]:
    """Return what looks wrong with the columns of the source."""
    found = [unit_warning(importing.d[name], given, importing.d) for name, given in importing.numbers.items()]
    warnings = [text for text in found if text]
    for name, codes in importing.set_to_missing.items():
        variable, entry = importing.d[name], importing.plan.columns[name]
        inside = [
            code
            for code in codes
            if code in importing.plan.source.missing and _is_possible(importing, variable, entry, code)
        ]
        if inside:
            warnings.append(
                f"{name}: {', '.join(inside)} is a missing value in every column (source.missing), but "
                f"could be a true value here, and emptied {sum(codes[code] for code in inside):,} cells. "
                "Put a code for a few columns under their own key, columns.NAME.missing."
            )
    return [*warnings, *_untold(importing)]


def _untold(importing: Importing) -> list[str]:
    """Return which conditions gave NA where their columns are missing, and how to write the other."""
    alike: dict[str, list[str]] = {}
    for name in importing.na_from_expressions:
        entry = importing.plan.columns[name]
        if entry.values is None and importing.d[name].is_categorical and entry.sources:
            alike.setdefault(entry.expression or "", []).append(name)
    warnings = []
    for text, names in alike.items():
        counts = [importing.na_from_expressions[name] for name in names]
        n = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        expression = parse_expression(text)
        columns = " or ".join(map(repr, expression.names))
        start = f"{', '.join(names)}: {n} NA come from the expression"
        if expression.is_sql and "iscn(" in text:
            warnings.append(f"{start}, where {columns} is missing, no karyotype, or leaves it open.")
            continue
        other = f"coalesce({text}, false)" if expression.is_sql else f"first_known({text}, False)"
        warnings.append(f"{start}, where {columns} is missing. If that means no, write {other}.")
    return warnings


def unit_hint(importing: Importing, variable: str) -> str:
    """Return which unit a column that breaks a range seems to have."""
    given = importing.numbers.get(variable)
    if given is None:
        return ""
    warning = unit_warning(importing.d[variable], given, importing.d)
    if warning:
        return warning
    units = fitting_units(importing.d[variable], given.known(), given, importing.d)
    times = factor(importing.d[variable], given.unit, importing.d) if given.unit else 1.0
    maximum = importing.d[variable].maximum
    if not units or maximum is None or not (given.known() * times > maximum).any():
        return ""
    return (
        f"{variable}: some values of {given.where} are beyond {maximum:g} {importing.d[variable].unit}. Are "
        f"these {' or '.join(units)}? Then set columns.{variable}.unit: {units[0]}."
    )


def _is_possible(importing: Importing, variable: Variable, entry: ColumnMapping, code: str) -> bool:
    """Tell whether a missing code is a number that the variable may have."""
    if variable.minimum is None or variable.maximum is None:
        return False
    number = to_numbers(pd.Series([code], dtype="string"), importing.plan.source).values.iloc[0]
    if pd.isna(number):
        return False
    times = factor(variable, entry.unit, importing.d) if entry.unit else 1.0
    return bool(variable.minimum <= number * times <= variable.maximum)
