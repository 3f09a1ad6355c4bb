"""The typed accessor for editors: a Pandera model whose attributes are the columns."""

from __future__ import annotations

from amlsynth.dictionary.model import Dictionary, Variable

_HEADER = '''"""The columns of the core table, for editors and type checkers.

Generated from schema/aml.yaml by `make schema`; do not edit. `AML.t8_21` is the column name "t8.21", and
`DataFrame[AML]` from pandera.typing types a validated frame.
"""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class AML(pa.DataFrameModel):
    """{title}, version {version}: one row a patient."""

'''

_SERIES = {
    "integer": "Series[pd.Int16Dtype]",
    "number": "Series[pd.Float64Dtype]",
    "tri-state": "Series[pd.Int8Dtype]",
    "status": "Series[pd.Int8Dtype]",
}


def columns_module(d: Dictionary) -> str:
    """Return the source of `amlsynth/columns.py`: one annotated attribute a variable, with its docs."""
    body = [_attribute(variable) for variable in d.variables]
    config = [
        "    class Config:",
        f"        name = {_text(d.name)}",
        "        strict = True",
        "        ordered = True",
        "",
    ]
    return _HEADER.format(title=d.title, version=d.version) + "\n".join([*body, *config])


def _attribute(variable: Variable) -> str:
    options = []
    if variable.id != variable.name:
        options.append(f"alias={_text(variable.name)}")
    options.append(f"nullable={variable.missing}")
    if variable.minimum is not None:
        options.append(f"{'gt' if variable.exclusive_minimum else 'ge'}={variable.minimum:g}")
        options.append(f"le={variable.maximum:g}")
    elif variable.type != "category":
        options.append("isin=[0, 1]")
    options.append(f"title={_text(variable.label)}")
    series = _SERIES.get(variable.type)
    if series is None:
        values = ", ".join(_text(str(value)) for value in variable.values)
        series = f"Series[Annotated[pd.CategoricalDtype, ({values}), False]]"
    unit = f" Unit: {variable.unit}." if variable.unit else ""
    arguments = "".join(f"        {option},\n" for option in options)
    one_line = f"    {variable.id}: {series} = pa.Field({', '.join(options)})\n"
    if len(one_line) <= 111:
        field = one_line
    else:
        field = f"    {variable.id}: {series} = pa.Field(\n{arguments}    )\n"
    return field + f'    """{_wrapped(variable.description + unit)}"""\n'


def _wrapped(text: str) -> str:
    import textwrap

    return "\n    ".join(textwrap.wrap(text, 100))


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
