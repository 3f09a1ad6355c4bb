"""The dictionary holds what DICTIONARY promises, and a wrong one is refused with the line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.validation import validate
from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError


@pytest.fixture
def text() -> str:
    return asset("schema/aml.yaml").read_text(encoding="utf-8")


def _load(tmp_path: Path, text: str) -> Dictionary:
    path = tmp_path / "aml.yaml"
    path.write_text(text, encoding="utf-8")
    return load_dictionary(path)


def _line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_holds_fifty_alterations_in_seven_panels(dictionary: Dictionary) -> None:
    sizes = {group.panel: len(dictionary.members(group.id)) for group in dictionary.groups if group.panel}
    assert sizes == {"a": 9, "b": 4, "c": 9, "d": 2, "e": 10, "f": 4, "g": 12}
    assert len(dictionary.alterations) == 50
    assert len(dictionary.names) == 64


def test_every_alteration_is_tri_state_and_may_be_missing(dictionary: Dictionary) -> None:
    assert {(v.type, v.missing) for v in dictionary.alterations} == {("tri-state", True)}


def test_ids_are_safe_names(dictionary: Dictionary) -> None:
    assert all(identifier.isidentifier() for identifier in dictionary.by_id)
    assert dictionary["abn.17p."].id == "abn_17p"


def test_export_names_fit_transport_files(dictionary: Dictionary) -> None:
    names = [variable.export_name for variable in dictionary.variables]
    assert all(0 < len(name) <= 8 for name in names)
    assert len(set(names)) == len(names)


def test_normal_karyotype_speaks_of_every_cytogenetic_alteration(dictionary: Dictionary) -> None:
    spoken = {
        case.each.name
        for case in dictionary.rule_cases
        if case.rule.id in ("normal_karyotype_excludes", "normal_karyotype_without_fusion") and case.each
    }
    assert spoken == {"CGCX", *(v.name for v in dictionary.members("cytogenetic"))}


def test_one_entry_adds_an_alteration(tmp_path: Path, text: str, reference: pd.DataFrame) -> None:
    entry = (
        "  - name: t.1.3\n    id: t_1_3\n    label: t(1;3)\n    group: cytogenetic\n    type: tri-state\n"
        "    description: d\n    source: s\n    export_name: T13\n"
    )
    d = _load(tmp_path, text.replace("\n# Rules speak", "\n" + entry + "\n# Rules speak"))
    assert "t.1.3" in d.names and len(d.alterations) == 51
    frame = reference.assign(**{"t.1.3": pd.Series(1, index=reference.index, dtype="Int8")})
    broken = validate(frame, "synthetic", d).by_rule().set_index("column").loc["t.1.3"]
    assert broken["rule"] == "normal_karyotype_excludes"
    assert broken["failures"] == int((reference["CGNK"] == 1).sum())


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("    type: integer", "    type: integr", "variables.0.type"),
        ("group: laboratory", "group: laboratry", "Did you mean 'laboratory'?"),
        (
            "require: EFSTM <= OSTM",
            "require: EFSTM <= OSTIM",
            "'OSTIM' is no variable's id. Did you mean 'OSTM'?",
        ),
        ("require: EFSTM <= OSTM", "require: EFSTM <=", "the rule cannot be read"),
        ("group:cytogenetic", "group:cytogenetics", "Did you mean 'group:cytogenetic'?"),
        ("    decimals: 1", "    decimal: 1", "unknown key. Did you mean 'decimals'?"),
        ("    minimum: 18.0", "    minimum: 180.0", "the minimum of AGE is not below its maximum"),
        ("    export_name: DNMT3A", "    export_name: DNMT3ALONG", "variables"),
        ("    export_name: ASXL1", "    export_name: AGE", "'AGE' stands twice"),
        ("    id: ASXL1", "    id: ASXL-1", "variables"),
        ("time: EFSTM", "time: EFSTIME", "Did you mean 'EFSTM'?"),
        ("original: warning, synthetic: error", "original: waring, synthetic: error", "severity"),
    ],
)
def test_wrong_dictionary_is_refused_with_its_line(
    tmp_path: Path, text: str, right: str, wrong: str, says: str
) -> None:
    changed = text.replace(right, wrong, 1)
    assert changed != text
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, changed)
    message = str(caught.value)
    assert says in message
    line = int(message.split("aml.yaml:")[1].split(":", maxsplit=1)[0])
    # A check of a whole variable names its first line; all others the very line.
    assert 0 <= _line_of(text, right.strip()) - line <= 12


def test_missing_key_names_the_entry(tmp_path: Path, text: str) -> None:
    changed = text.replace("    export_name: SEX\n", "", 1)
    with pytest.raises(UsageError, match="the key 'export_name' is missing; add it"):
        _load(tmp_path, changed)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"a: [1", "not valid YAML"),
        (b"a: 1\na: 2\n", "stands twice"),
        (b"a: &x [1]\nb: *x\n", "aliases"),
        (b"\xff\xfe", "not UTF-8"),
        (b"!!python/object/apply:os.getcwd []\n", "not valid YAML"),
        (b"- 1\n", "the file"),
        (b"[" * 900, "nested deeper than 50 levels"),
        (b"[" * 100_000, "nest"),  # libyaml counts levels itself
    ],
)
def test_what_is_no_dictionary_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "aml.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        load_dictionary(path)


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: the dictionary cannot be read"):
        load_dictionary(tmp_path / "none.yaml")
