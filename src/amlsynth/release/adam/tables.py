"""The two data sets: ADSL, one row a patient, and ADTTE, one row a patient and endpoint.

What ADaM asks for and a synthetic cohort does not have (site, race, treatment, dates) is left out and
never invented. Times stay in months, as the dictionary has them.
"""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.dictionary.roles import Endpoint
from amlsynth.foundation.errors import UsageError

LABEL_BYTES = 40  # of a variable in an XPT file of version 5
TEXT_BYTES = 200  # of a text in it
_IDENTIFIERS = ("STUDYID", "USUBJID", "SUBJID")


@dataclass(frozen=True)
class Study:
    """The release that the exports belong to."""

    name: str
    version: str
    title: str
    statement: str
    date: datetime.date

    @property
    def id(self) -> str:
        """STUDYID: the release's name."""
        return self.name.upper()

    def subjects(self, n: int) -> tuple[list[str], list[str]]:
        """Return SUBJID and USUBJID of `n` patients.

        The version is part of USUBJID: row 7 of two versions is not the same synthetic patient.
        """
        width = max(4, len(str(n)))
        numbers = [f"{row:0{width}d}" for row in range(1, n + 1)]
        return numbers, [f"{self.id}-{self.version}-{number}" for number in numbers]


@dataclass(frozen=True)
class Column:
    """One variable of an export; `full_label` is what `label` had to be cut from."""

    name: str
    label: str
    full_label: str
    kind: Literal["text", "integer", "float"]
    description: str
    codes: tuple[tuple[str, str], ...] = ()  # coded value and its meaning
    code_list: str | None = None  # the name of the code list, shared by variables of the same kind
    method: str | None = None  # how it is derived; None: taken over from `source`
    source: str | None = None  # the column of the release's table
    key: int | None = None


@dataclass(frozen=True)
class Dataset:
    """One data set; text columns of `frame` are str with "" for missing, the rest float64 with NaN."""

    name: str
    label: str
    structure: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame

    def has_data(self, column: Column) -> bool:
        """Whether any record has a value."""
        values = self.frame[column.name]
        return bool((values != "").any() if column.kind == "text" else values.notna().any())


def adam_datasets(frame: pd.DataFrame, study: Study, d: Dictionary) -> tuple[Dataset, Dataset]:
    """Make ADSL and ADTTE of a typed frame.

    Raises
    ------
    UsageError
        An export name is one that ADaM uses for something else, or stands twice, a category is longer
        than a text of an XPT file, or an endpoint's name is no PARAMCD.
    """
    _check_names(d)
    subject, unique = study.subjects(len(frame))
    return _adsl(frame, study, subject, unique, d), _adtte(frame, study, unique, d)


def short_label(text: str, unit: str | None = None) -> str:
    """Return a label of at most 40 ASCII characters, the unit kept whole.

    Longer ones are cut after a word, and "..." says so; Define-XML has the whole label.
    """
    suffix = f" ({_ascii(unit)})" if unit else ""
    label = _ascii(text)
    if len(label) + len(suffix) <= LABEL_BYTES:
        return label + suffix
    room = LABEL_BYTES - len(suffix) - len("...")
    cut = label[: max(room, 1)]
    if " " in cut and not label[len(cut) :].startswith(" "):
        cut = cut.rpartition(" ")[0]
    return (cut.rstrip() + "..." + suffix)[:LABEL_BYTES]


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text)
    return "".join(character if character.isascii() else "" for character in folded).strip() or "?"


def _check_names(d: Dictionary) -> None:
    seen: dict[str, str] = dict.fromkeys(_IDENTIFIERS, "ADaM itself")
    seen |= {v.export_unit: f"the unit of {v.name}" for v in d.variables if v.export_unit}
    for variable in d.variables:
        if variable.name in d.outcome_columns:
            continue
        other = seen.get(variable.export_name)
        if other is not None:
            raise UsageError(
                f"dictionary: the export name {variable.export_name!r} of {variable.name} is used by "
                f"{other}. Give the variable another export_name."
            )
        seen[variable.export_name] = variable.name
        for value in variable.values:
            if len(str(value).encode()) > TEXT_BYTES:
                raise UsageError(
                    f"dictionary: a category of {variable.name} has more than {TEXT_BYTES} bytes, which no "
                    "XPT file can hold. Shorten the value."
                )
    for endpoint in d.endpoints:
        if not (endpoint.name.isascii() and endpoint.name.isalnum() and len(endpoint.name) <= 8):
            raise UsageError(
                f"dictionary: the endpoint {endpoint.name!r} is no PARAMCD: write up to 8 letters and digits."
            )


def _identifiers(study: Study, keys: int) -> list[Column]:
    return [
        _column("STUDYID", "Study Identifier", "text", f"The release's name, {study.name}.", key=1,
                method="The name of the release in capitals."),
        _column("USUBJID", "Unique Subject Identifier", "text", "A synthetic patient; no real one.",
                key=2 if keys > 1 else None,
                method="Name and version of the release and the row number in its table."),
    ]  # fmt: skip


def _column(name: str, label: str, kind: Literal["text", "integer", "float"], description: str,
            *, key: int | None = None, method: str | None = None,
            codes: tuple[tuple[str, str], ...] = (), code_list: str | None = None) -> Column:  # fmt: skip
    return Column(
        name, short_label(label), label, kind, description, codes, code_list, method=method, key=key
    )


def _adsl(frame: pd.DataFrame, study: Study, subject: list[str], unique: list[str], d: Dictionary) -> Dataset:
    columns = _identifiers(study, 2)
    columns.append(_column("SUBJID", "Subject Identifier for the Study", "text", "The row number.",
                           method="The row number in the release's table."))  # fmt: skip
    values: dict[str, object] = {"STUDYID": study.id, "USUBJID": unique, "SUBJID": subject}
    for variable in d.variables:
        if variable.name in d.outcome_columns:
            continue
        column = _variable_column(variable)
        columns.append(column)
        values[column.name] = _values(frame[variable.name], variable)
        if variable.export_unit and variable.unit:
            code, name = variable.unit.upper(), variable.export_unit
            columns.append(_column(name, f"{column.name.title()} Units", "text", f"Unit of {column.name}.",
                                   method="Constant.", codes=((code, variable.unit.capitalize()),),
                                   code_list=name))  # fmt: skip
            values[name] = np.where(frame[variable.name].isna(), "", code).astype(object)
    table = pd.DataFrame(values, index=range(len(frame)), columns=[column.name for column in columns])
    return Dataset("ADSL", "Subject-Level Analysis Dataset", "One record per subject", tuple(columns), table)


def _variable_column(variable: Variable) -> Column:
    full = f"{variable.label} ({variable.unit})" if variable.unit else variable.label
    column = Column(
        name=variable.export_name,
        label=short_label(variable.label, variable.unit),
        full_label=full,
        kind="float" if variable.type == "number" else "text" if variable.type == "category" else "integer",
        description=variable.description,
        source=variable.name,
    )
    if variable.type == "tri-state":
        return replace(column, codes=(("0", "absent"), ("1", "present")), code_list="TRISTATE")
    if variable.type == "status":
        return replace(column, codes=(("0", "censored"), ("1", "event")), code_list="STATUS")
    if variable.type == "category":
        categories = variable.categories
        codes = tuple((category.export_value or category.value, category.label) for category in categories)
        recoded = any(category.export_value for category in categories)
        words = ", ".join(f"{c.value} as {code}" for c, (code, _) in zip(categories, codes, strict=True))
        return replace(
            column,
            codes=codes,
            code_list=variable.export_name,
            method=f"{variable.name} of the release's table: {words}." if recoded else None,
        )
    return column


def _values(column: pd.Series, variable: Variable) -> object:
    if variable.type == "category":
        codes = {c.value: c.export_value or c.value for c in variable.categories}
        words = np.array([*(codes[value] for value in column.cat.categories), ""], dtype=object)
        return words[column.cat.codes]
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _adtte(frame: pd.DataFrame, study: Study, unique: list[str], d: Dictionary) -> Dataset:
    known = [endpoint for endpoint in d.endpoints if frame[endpoint.time].notna().any()]
    endpoints = known or list(d.endpoints)
    parts = [_records(frame, endpoint, study, unique, d) for endpoint in endpoints]
    columns = _identifiers(study, 3)
    codes = tuple((endpoint.name, _parameter(endpoint, d)) for endpoint in endpoints)
    derived = list(_derived(endpoints))
    columns += [
        _column("PARAMCD", "Parameter Code", "text", "The endpoint.", key=3, method="Constant.",
                codes=codes, code_list="PARAMCD"),
        _column("PARAM", "Parameter", "text", "The endpoint in words.", method="Constant."),
        *derived,
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    # Records of a patient stand together, as the keys say.
    order = np.lexsort((table["PARAMCD"].to_numpy(dtype=str), table.pop("row").to_numpy()))
    table = table.iloc[order].reset_index(drop=True)[[column.name for column in columns]]
    return Dataset(
        "ADTTE",
        "Time-to-Event Analysis Dataset",
        "One record per subject per parameter",
        tuple(columns),
        table,
    )


def _derived(endpoints: Iterable[Endpoint]) -> Iterator[Column]:
    times = ", ".join(f"{endpoint.time} for {endpoint.name}" for endpoint in endpoints)
    statuses = ", ".join(f"1 - {endpoint.status} for {endpoint.name}" for endpoint in endpoints)
    yield _column("AVAL", "Analysis Value", "float", "Time from diagnosis.", method=f"{times}.")
    yield _column("AVALU", "Analysis Value Unit", "text", "Unit of AVAL.", method="Constant.",
                  codes=(("MONTHS", "Months"),), code_list="AVALU")  # fmt: skip
    yield _column("CNSR", "Censor", "integer", "0 for an event, 1 for a censored time.",
                  codes=(("0", "Event"), ("1", "Censored")), code_list="CNSR",
                  method=f"{statuses}; the inverse of the status in the release's table.")  # fmt: skip
    yield _column("EVNTDESC", "Event or Censoring Description", "text",
                  "What happened at AVAL: the event, or why the time is censored.",
                  method="The dictionary's words for the endpoint, by CNSR.")  # fmt: skip
    yield _column("CNSDTDSC", "Censor Date Description", "text", "What the censoring time is.",
                  method="The dictionary's words for the endpoint where CNSR is 1.")  # fmt: skip


def _parameter(endpoint: Endpoint, d: Dictionary) -> str:
    unit = d[endpoint.time].unit
    return f"{endpoint.label} ({unit})" if unit else endpoint.label


def _records(
    frame: pd.DataFrame, endpoint: Endpoint, study: Study, unique: list[str], d: Dictionary
) -> pd.DataFrame:
    """Return the records of one endpoint: of every patient of whom its time or its status is known."""
    time = frame[endpoint.time].to_numpy(dtype=np.float64, na_value=np.nan)
    status = frame[endpoint.status].to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(~(np.isnan(time) & np.isnan(status)))
    time, status = time[rows], status[rows]
    event, censored = status == 1, status == 0
    described = np.select([event, censored], [endpoint.event, f"Censored: {endpoint.censored}"], "")
    return pd.DataFrame(
        {
            "row": rows,
            "STUDYID": study.id,
            "USUBJID": np.array(unique, dtype=object)[rows],
            "PARAMCD": endpoint.name,
            "PARAM": _parameter(endpoint, d),
            "AVAL": time,
            "AVALU": np.where(np.isnan(time), "", (d[endpoint.time].unit or "").upper()).astype(object),
            "CNSR": 1 - status,
            "EVNTDESC": described.astype(object),
            "CNSDTDSC": np.where(censored, endpoint.censored, "").astype(object),
        },
        index=range(len(rows)),
    )
