"""Every number that the report shows is one of its records': none is typed, and none computed on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from amlsynth.report.context import read_context
from amlsynth.report.decision import decision_text

_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|\.\d)")
_RECORDS = ("evaluation.json", "gates.json")
# From the end of the contents to the provenance, whose figures are those of provenance.json.
_BODY = re.compile(r"References\s*Decision(.*)Provenance\s*Versions, seeds", re.DOTALL)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _as_shown(value: float) -> set[str]:
    """Return all that a number may look like: by any rule of digits, as a number and in percent."""
    shown = {f"{abs(scaled):,.{digits}f}" for scaled in (value, 100 * value) for digits in range(5)}
    return shown | {f"{abs(value):.4g}"}


def _texts(repository: Path) -> Iterator[str]:
    """Yield the words that nobody measures: of the document and of its glossary and references."""
    reports = repository / "reports"
    yield (reports / "report.qmd").read_text(encoding="utf-8")
    for name in ("glossary.yaml", "references.yaml", "paper.yaml"):
        content = yaml.safe_load((reports / name).read_text(encoding="utf-8"))
        yield from (str(leaf) for leaf in _leaves(content))


@pytest.fixture(scope="module")
def known(release, repository, dictionary) -> set[str]:
    records = [json.loads((release / name).read_text(encoding="utf-8")) for name in _RECORDS]
    records.append(json.loads(decision_text(read_context(release).decisions[0])))
    records.append(json.loads((repository / "reports" / "coverage.json").read_text(encoding="utf-8")))
    found = {"0.0001"}  # below which a p-value is only said to be
    for leaf in (leaf for record in records for leaf in _leaves(record)):
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            found |= _as_shown(leaf)
        elif isinstance(leaf, str):
            found |= set(_NUMBER.findall(leaf))
    evaluation = records[0]
    for cohort in (evaluation["original"], evaluation["holdout"], *evaluation["synthetics"]):
        for variable in cohort[
            "variables"
        ]:  # of missing values the record has two numbers, the table their ratio
            if variable["missing"] is not None and variable["n"]:
                found |= _as_shown(variable["missing"] / variable["n"])
    for text in [*_texts(repository), dictionary.model_dump_json()]:
        found |= set(_NUMBER.findall(text))
    return found


def test_every_number_of_the_text_is_in_the_records(page, known):
    body = _BODY.search(page.text)
    assert body is not None
    text = re.sub(r"(?:Table|Figure)\s\d+", "", body[1])
    shown = set(_NUMBER.findall(text.replace("−", "")))
    assert len(shown) > 100
    places = _NUMBER.finditer(text.replace("−", ""))
    unknown = {m[0]: m.string[m.start() - 60 : m.end() + 40] for m in places if m[0] not in known}
    assert unknown == {}


def test_a_number_that_is_typed_in_is_found(known):
    assert not {"9,876.5", "47.113"} & known
