"""The two data sets: ADSL, one row a patient, and ADTTE, one row a patient and endpoint.

What ADaM asks for and a synthetic cohort does not have (site, race, dates) is left out and never invented,
so that the data sets are called ADaM-like. Times stay in months, as the dictionary has them; days from
diagnosis stand in the place of dates.
"""

from __future__ import annotations

import datetime
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.dictionary.roles import Endpoint
from amlsynth.foundation.errors import UsageError
from amlsynth.statistics.coding import numbers

LABEL_BYTES = 40  # of a variable in an XPT file of version 5
TEXT_BYTES = 200  # of a text in it
_IDENTIFIERS = ("STUDYID", "USUBJID", "SUBJID", "FASFL", "TRT01P")
_ARM = "ARM"  # the export name of the variable that is the planned arm, where a cohort has arms
_STANDARD = {"AGE": "Age", "SEX": "Sex"}  # labels that the implementation guide prescribes
_YES = (("Y", "Yes"),)
_EVENT_METHOD = (
    "The dictionary's words for the endpoint, by CNSR. An event at the time of the last event, as death is, "
    "is that one; of one before it is said that it was another, and whether the response was reached."
)
_DIGITS = 16  # of a subject's identifier: 64 bits of a hash


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

    def subjects(self, frame: pd.DataFrame) -> tuple[list[str], list[str]]:
        """Return SUBJID, the row number, and USUBJID, the same in every version that has the patient.

        It is made of the patient's known values: row 7 of two versions is not the same synthetic patient, and
        a column that a later version adds and does not know changes nothing.
        """
        width = max(4, len(str(len(frame))))
        rows = [f"{row:0{width}d}" for row in range(1, len(frame) + 1)]
        texts = [_texts(name, frame[name]) for name in frame.columns]
        seen: dict[str, int] = {}
        unique = []
        for values in zip(*texts, strict=True):
            digest = hashlib.sha256("\x1f".join(filter(None, values)).encode()).hexdigest()
            digest = digest[:_DIGITS].upper()
            seen[digest] = seen.get(digest, 0) + 1  # of rows that are the same, which no release has
            unique.append(f"{self.id}-{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else ""))
        return rows, unique


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
    subject, unique = study.subjects(frame)
    return _adsl(frame, study, subject, unique, d), _adtte(frame, study, unique, d)


def _texts(name: str, column: pd.Series) -> list[str]:
    """Return the values of a column as texts that no version of a package words otherwise; "" for NA."""
    return ["" if value is pd.NA or value != value else f"{name}={value}" for value in column.astype(object)]


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
                method="Name of the release and a hash of the patient's known values."),
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
    columns.append(_column("FASFL", "Full Analysis Set Population Flag", "text",
                           "Every synthetic patient is analysed.", method="Y for every patient.",
                           codes=_YES, code_list="NY"))  # fmt: skip
    values: dict[str, object] = {"STUDYID": study.id, "USUBJID": unique, "SUBJID": subject, "FASFL": "Y"}
    arm = _arm(d)
    if arm is not None:
        columns.append(_column("TRT01P", "Planned Treatment for Period 01", "text",
                               f"The arm as planned: {arm.description}",
                               method=f"The label of {arm.name}."))  # fmt: skip
        values["TRT01P"] = _arms(frame, arm)
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


def _arm(d: Dictionary) -> Variable | None:
    """Return the variable that is the planned arm, where the dictionary has one."""
    found = (v for v in d.variables if v.export_name == _ARM and v.type == "category")
    return next(found, None)


def _arms(frame: pd.DataFrame, arm: Variable) -> np.ndarray[Any, Any]:
    labels = arm.category_labels
    words = np.array([*(labels[value] for value in frame[arm.name].cat.categories), ""], dtype=object)
    return words[frame[arm.name].cat.codes]


def _variable_column(variable: Variable) -> Column:
    standard = _STANDARD.get(variable.export_name)
    full = f"{variable.label} ({variable.unit})" if variable.unit else variable.label
    column = Column(
        name=variable.export_name,
        label=standard or short_label(variable.label, variable.unit),
        full_label=standard or full,
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
    arm = _arm(d)
    if arm is not None:
        columns.append(_column("TRTP", "Planned Treatment", "text", "The arm as planned.",
                               method="TRT01P of ADSL."))  # fmt: skip
    codes = tuple((endpoint.name, _parameter(endpoint, d)) for endpoint in endpoints)
    derived = list(_derived(endpoints, d))
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


def _derived(endpoints: Iterable[Endpoint], d: Dictionary) -> Iterator[Column]:
    times = ", ".join(f"{endpoint.time} for {endpoint.name}" for endpoint in endpoints)
    statuses = ", ".join(f"1 - {endpoint.status} for {endpoint.name}" for endpoint in endpoints)
    yield _column("AVAL", "Analysis Value", "float", "Time from diagnosis.", method=f"{times}.")
    yield _column("AVALU", "Analysis Value Unit", "text", "Unit of AVAL.", method="Constant.",
                  codes=(("MONTHS", "Months"),), code_list="AVALU")  # fmt: skip
    yield _column("ADY", "Analysis Relative Day", "integer",
                  "Day of AVAL, the day of diagnosis being day 1; the data have no dates.",
                  method=f"1 + AVAL * {d.days_per_month:g}, rounded to a whole day.")  # fmt: skip
    yield _column("CNSR", "Censor", "integer", "0 for an event, 1 for a censored time.",
                  codes=(("0", "Event"), ("1", "Censored")), code_list="CNSR",
                  method=f"{statuses}; the inverse of the status in the release's table.")  # fmt: skip
    yield _column("EVNTDESC", "Event or Censoring Description", "text",
                  "What happened at AVAL: the event, or why the time is censored.",
                  method=_EVENT_METHOD)  # fmt: skip
    yield _column("CNSDTDSC", "Censor Date Description", "text", "What the censoring time is.",
                  method="The dictionary's words for the endpoint where CNSR is 1.")  # fmt: skip


def _events(frame: pd.DataFrame, endpoint: Endpoint, d: Dictionary) -> np.ndarray[Any, Any]:
    """Return in words which event of the endpoint each patient had, as far as it is known."""
    words = np.full(len(frame), endpoint.event, dtype=object)
    last = next((e for e in d.endpoints if e.name == endpoint.within), None)
    if last is None:
        return words
    of = {column: numbers(frame[column]) for e in (endpoint, last) for column in (e.time, e.status)}
    is_last = (of[last.status] == 1) & (of[last.time] == of[endpoint.time])
    other = (of[last.time] > of[endpoint.time]) | (of[last.status] == 0)
    words[other] = f"Other than {last.event.lower()}: {endpoint.event.lower()}"
    response = d.roles.response
    if response is not None:
        reached = numbers(frame[response.variable])
        for value, word in ((1, "reached"), (0, "not reached")):
            words[other & (reached == value)] += f"; {response.label.lower()} {word}"
    words[is_last] = last.event
    return words


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
    events = _events(frame, endpoint, d)[rows]
    time, status = time[rows], status[rows]
    event, censored = status == 1, status == 0
    described = np.select([event, censored], [events, f"Censored: {endpoint.censored}"], "")
    arm = _arm(d)
    return pd.DataFrame(
        {
            "row": rows,
            "STUDYID": study.id,
            "USUBJID": np.array(unique, dtype=object)[rows],
            **({"TRTP": _arms(frame, arm)[rows]} if arm is not None else {}),
            "PARAMCD": endpoint.name,
            "PARAM": _parameter(endpoint, d),
            "AVAL": time,
            "AVALU": np.where(np.isnan(time), "", (d[endpoint.time].unit or "").upper()).astype(object),
            "ADY": 1 + np.round(time * d.days_per_month),
            "CNSR": 1 - status,
            "EVNTDESC": described.astype(object),
            "CNSDTDSC": np.where(censored, endpoint.censored, "").astype(object),
        },
        index=range(len(rows)),
    )
