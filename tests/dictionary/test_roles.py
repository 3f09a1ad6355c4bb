"""Roles of variables, second diseases, extended dictionaries; a wrong one is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import to_typed
from amlsynth.cohort.validation import validate
from amlsynth.dictionary.generated import FORMATS
from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError

TRIAL = """\
extends: aml
name: trial-7
version: 1.0.0
title: Trial 7
groups:
  - {id: treatment, label: Treatment}
variables:
  - name: ARM
    id: ARM
    label: Trial arm
    group: treatment
    type: category
    categories:
      - {value: standard, label: Standard}
      - {value: new, label: New drug}
    description: Arm as randomised.
    source: protocol
    export_name: ARM
  - name: HSCT
    id: HSCT
    label: Transplantation
    group: treatment
    type: tri-state
    description: Allogeneic transplantation in first remission.
    source: protocol
    export_name: HSCT
rules:
  - id: transplanted_in_remission
    when: HSCT == 1
    require: CR1 == 1
    severity: {original: error, synthetic: error}
    message: transplantation in first remission needs a remission
roles:
  strata: [OSSTAT, ARM]
"""


@pytest.fixture
def trial(tmp_path: Path) -> Dictionary:
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL)
    return load_dictionary(path)


def test_aml_says_which_endpoint_is_within_which(dictionary: Dictionary) -> None:
    assert (dictionary.terminal.name, dictionary.composite and dictionary.composite.name) == ("OS", "EFS")
    assert dictionary.response is dictionary["CR1"]
    assert dictionary.outcome_columns == {"OSTM", "OSSTAT", "EFSTM", "EFSSTAT"}
    assert dictionary.risks[0] == "favorable"


def test_mds_has_no_response_and_no_classification(mds_dictionary: Dictionary, mds: pd.DataFrame) -> None:
    d = mds_dictionary
    assert d.composite and d.composite.name == "LFS"
    assert d.response is None and d.classify(mds) is None and d.risks == ()
    assert validate(mds, "synthetic", d).ok


def test_an_extended_dictionary_has_what_both_have(
    trial: Dictionary, dictionary: Dictionary, reference: pd.DataFrame
) -> None:
    assert trial.names == (*dictionary.names, "ARM", "HSCT")
    assert trial.roles.strata == ("OSSTAT", "ARM") and trial.roles.response == dictionary.roles.response
    assert [rule.id for rule in trial.rules][-1] == "transplanted_in_remission"
    head = reference.head(4).assign(ARM="new", HSCT=[1, 0, 1, None])
    head["CR1"] = pd.array([1, 0, 0, 1], dtype="Int8")
    broken = validate(to_typed(head, trial, "head"), "original", trial)
    assert broken.by_rule()["rule"].tolist() == ["transplanted_in_remission"]


def test_an_extended_dictionary_is_written_whole(trial: Dictionary, tmp_path: Path) -> None:
    (tmp_path / "whole.yaml").write_text(FORMATS["yaml"](trial))
    assert load_dictionary(tmp_path / "whole.yaml") == trial


def test_a_dictionary_may_extend_a_file_beside_it(tmp_path: Path, trial: Dictionary) -> None:
    more = "extends: trial.yaml\nname: more\nversion: 2.0.0\ntitle: More\n"
    (tmp_path / "more.yaml").write_text(more)
    assert load_dictionary(tmp_path / "more.yaml").names == trial.names


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("    within: OS\n", "    within: PFS\n", "'PFS' is no other endpoint"),
        ("    within: OS\n", "", "one endpoint that nothing outlasts"),
        ("    status: EFSSTAT\n", "    status: EFSTM\n", "'EFSTM' is not of the type status"),
        ("    time: EFSTM\n", "    time: EFSTIME\n", "'EFSTIME' is no variable. Did you mean 'EFSTM'?"),
        ("strata: [OSSTAT, EFSSTAT, CR1", "strata: [OSSTAT, EFSSTAT, CR", "'CR' is no variable"),
        ("response: {variable: CR1", "response: {variable: AGE", "a response is of the type tri-state"),
        ("function: eln2022", "function: eln2002", "no derived function 'eln2002'. Did you mean 'eln2022'?"),
        ("first: AGE", "first: AGES", "'AGES' is no variable. Did you mean 'AGE'?"),
        ("{variable: AGE, per: 10}", "{variable: AGE, per: 0}", "roles.effect_numbers"),
    ],
)
def test_wrong_roles_are_refused_with_their_line(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    text = asset("schema/aml.yaml").read_text(encoding="utf-8")
    assert text.count(right) == 1
    path = tmp_path / "aml.yaml"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_dictionary(path)
    message = str(caught.value)
    assert says in message
    line = int(message.split("aml.yaml:")[1].split(":", maxsplit=1)[0])
    at = text[: text.index(right)].count("\n") + 1
    assert 0 <= at - line <= 14  # the very line, or that of the section


def test_a_dictionary_without_endpoints_is_refused(tmp_path: Path) -> None:
    text = asset("schema/aml.yaml").read_text(encoding="utf-8")
    start, end = text.index("endpoints:\n"), text.index("# What the variables are to generators")
    path = tmp_path / "aml.yaml"
    path.write_text(text[:start] + "endpoints: []\n\n" + text[end:], encoding="utf-8")
    with pytest.raises(UsageError, match=r"aml\.yaml:\d+: endpoints: a dictionary needs an endpoint"):
        load_dictionary(path)


def test_an_error_in_the_added_part_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(
        TRIAL.replace("    group: treatment\n    type: tri-state", "    group: treat\n    type: tri-state")
    )
    at = TRIAL[: TRIAL.index("  - name: HSCT")].count("\n") + 4
    with pytest.raises(UsageError, match=rf"trial\.yaml:{at}: .*Did you mean 'treatment'"):
        load_dictionary(path)


@pytest.mark.parametrize(
    ("extends", "says"),
    [
        ("trial.yaml", "trial.yaml:1: extends: the dictionary extends itself"),
        ("amll", "There is no dictionary 'amll'. Did you mean 'aml'?"),
        ("none.yaml", "none.yaml: the dictionary cannot be read"),
        ("[aml]", "give the name or the file of one dictionary"),
    ],
)
def test_what_cannot_be_extended_is_told(tmp_path: Path, extends: str, says: str) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL.replace("extends: aml", f"extends: {extends}"))
    with pytest.raises(UsageError) as caught:
        load_dictionary(path)
    assert says in str(caught.value)


def test_two_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(TRIAL.replace("extends: aml", f"extends: {other}.yaml"))
    with pytest.raises(UsageError, match="extends itself"):
        load_dictionary(tmp_path / "a.yaml")


def test_an_extension_has_a_name_and_a_version_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "trial.yaml").write_text("extends: aml\nname: trial\ntitle: Trial\n")
    with pytest.raises(UsageError, match=r"trial\.yaml:1: .* version of its own"):
        load_dictionary(tmp_path / "trial.yaml")


def test_an_endless_value_is_cut(tmp_path: Path) -> None:
    text = asset("schema/mds.yaml").read_text(encoding="utf-8")
    path = tmp_path / "long.yaml"
    path.write_text(text.replace("first: AGE", f"first: {'x' * 100_000}"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"'x{39}\.\.\.") as refused:
        load_dictionary(path)
    assert len(str(refused.value)) < 1_000
