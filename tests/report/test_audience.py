"""Two readers: the public sees nothing of the original beyond what disclosure and the guarantee allow."""

from __future__ import annotations

import json
import re

import pytest
from tests.report.conftest import PROVENANCE, write_records

from amlsynth.evaluation.records import write_evaluation
from amlsynth.foundation.errors import UsageError
from amlsynth.report import render_report

PRIVATE = PROVENANCE | {
    "name": "a-set", "version": "1.0.0", "generator": {"name": "private", "params": {"epsilon": 2}},
    "split": {"n_train": 1285}, "cohort": PROVENANCE["cohort"] | {"n": 1606, "provenance": {"rows": 1777}},
}  # fmt: skip


@pytest.fixture(scope="module")
def guaranteed(evaluation, gates, tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("guaranteed"), evaluation, gates, PRIVATE)


@pytest.fixture(scope="module")
def public(guaranteed, parse):
    render_report(
        guaranteed, guaranteed / "p.html", guaranteed / "p.pdf", engine="fallback", audience="public"
    )
    return parse(guaranteed / "p.html")


def test_with_a_guarantee_the_public_sees_the_synthetic_cohort_alone(public, evaluation):
    alts = " ".join(attributes.get("alt", "") for tag, attributes in public.elements if tag == "img")
    shown = public.text.partition("Glossary Alteration")[0] + alts
    assert len(shown) < len(public.text + alts)  # the terms are no figures
    assert "Published with a guarantee" in shown and "ε = 2" in shown
    assert evaluation.original.label not in shown and evaluation.holdout.label not in shown
    for number in ("1,285", "1285", "321", "1777", "1,777", "17.5", "AUC", "hazard ratio 1.50"):
        assert not re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d])", shown), number
    for told in ("difference from the original", "compare a cohort", "patients of the original", "appendix"):
        assert told not in shown
    assert "1,606" in shown and "16.2" in shown  # its own patients and median


def test_a_regulator_sees_all_of_it(guaranteed, parse, evaluation):
    render_report(guaranteed, guaranteed / "r.html", engine="fallback")
    text = parse(guaranteed / "r.html").text
    assert evaluation.original.label in text and "1,285" in text and "ε = 2" in text


def test_without_a_guarantee_the_public_sees_no_files_of_the_original(tmp_path, evaluation, parse):
    origin = {"file": "secret.parquet", "sha256": "cd" * 32}
    original = evaluation.original.model_validate(evaluation.original.model_dump() | {"origin": origin})
    write_evaluation(evaluation.model_copy(update={"original": original}), tmp_path / "evaluation.json")
    told = PROVENANCE | {"cohort": PROVENANCE["cohort"] | {"provenance": {"file": "house.xlsx"}}}
    (tmp_path / "provenance.json").write_text(json.dumps(told), encoding="utf-8")
    pages = {}
    for audience in ("regulator", "public"):
        render_report(tmp_path, tmp_path / "r.html", engine="fallback", audience=audience)
        pages[audience] = parse(tmp_path / "r.html").text
    for secret in ("secret.parquet", "cd" * 32, "house.xlsx"):
        assert secret in pages["regulator"] and secret not in pages["public"]
    assert evaluation.original.label in pages["public"]  # whose aggregates went through the rule


def test_an_unknown_audience(guaranteed, tmp_path):
    with pytest.raises(UsageError, match=r"'publik' is no audience.*Did you mean 'public'"):
        render_report(guaranteed, tmp_path / "r.html", engine="fallback", audience="publik")
