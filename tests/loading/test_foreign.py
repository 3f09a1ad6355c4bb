"""The published cohorts: their columns mapped to the dictionary, broken rules told, nothing guessed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import amlsynth
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.loading.foreign import layout_names, read_foreign, read_layout

NAME = "eckardt-2024-ctabgan"


def edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    frame = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
    change(frame).to_csv(path, index=False, sep=";")


def test_every_layout_fits_the_dictionary() -> None:
    names = set(dictionary().names)
    for name in layout_names():
        layout = read_layout(name)
        assert {*layout.renamed, *layout.values, *layout.not_assessed} <= names
        assert not set(layout.wanted(dictionary()).values()) & set(layout.dropped)
    with pytest.raises(UsageError, match="Did you mean 'eckardt-2024'"):
        read_layout("eckardt-2023")
    with pytest.raises(UsageError, match="no layout"):
        read_layout("../aml-reference")


def test_a_published_table_is_typed(published: Path, reference: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="nobody vouches for its bytes"):
        made = amlsynth.dataset(published)
    expected = reference.head(300).copy()
    expected["CEBPA.bZIP.inframe"] = pd.array([pd.NA] * 300, dtype="Int8")
    pd.testing.assert_frame_equal(made.frame, expected, check_exact=False, atol=1e-6)
    assert (made.name, made.version, made.kind) == (NAME, "1.0.0", "foreign")
    assert made.doi == "10.5281/zenodo.8334265" and made.citation and "Eckardt" in made.citation
    assert made.frame.attrs["doi"] == made.doi
    assert made.sha256 == hashlib.sha256(published.read_bytes()).hexdigest()
    assert made.sha256 in made.notes[0]
    assert "SUBJID" in made.notes[1] and "CEBPA.bZIP.inframe" in made.notes[2]
    assert made.provenance["notes"] == list(made.notes)
    assert "CEBPA" in made.codebook


def test_a_table_with_commas_and_points_is_read_too(published: Path) -> None:
    first = read_foreign(published, "eckardt-2024").frame
    pd.read_csv(published, sep=";", decimal=",").to_csv(published, index=False)
    pd.testing.assert_frame_equal(
        read_foreign(published, "eckardt-2024").frame, first, atol=1e-6, check_exact=False
    )


def test_broken_rules_are_told_and_do_not_stop(published: Path) -> None:
    def breaks(frame: pd.DataFrame) -> pd.DataFrame:
        rows = frame.index[frame["OSTM"] != ""][:7]
        frame.loc[rows, "EFSTM"] = "300,5"
        frame.loc[rows, "OSTM"] = "200,25"
        frame.loc[frame.index[9], "AGE"] = "12"
        return frame

    edit(published, breaks)
    read = read_foreign(published, "eckardt-2024")
    assert read.rules_broken["efs_not_after_os"] == 7
    assert read.rules_broken["range"] == 1
    assert "efs_not_after_os (7)" in read.notes[-1]
    assert read.frame["AGE"].iloc[9] == 12


def test_unknown_columns_are_named_or_dropped_when_asked(published: Path) -> None:
    edit(published, lambda frame: frame.assign(MYSTERY="1"))
    with pytest.raises(DataError, match=r"unknown column 'MYSTERY' .* drop_unknown=True"):
        amlsynth.load(published)
    with pytest.warns(UserWarning, match="Unknown columns were left out: MYSTERY"):
        assert len(amlsynth.load(published, drop_unknown=True)) == 300


def test_missing_columns_are_named_with_the_nearest(published: Path) -> None:
    edit(published, lambda frame: frame.rename(columns={"NPM1": "NPM_1"}))
    with pytest.raises(DataError, match=r"missing column 'NPM1'. Did you mean 'NPM_1'\?"):
        read_foreign(published, "eckardt-2024")
    with pytest.raises(UsageError, match="in no layout that is known"):
        amlsynth.load(published)


def test_cells_of_another_kind_are_errors(published: Path) -> None:
    edit(published, lambda frame: frame.assign(SEX=frame["SEX"].replace({"m": "q"})))
    with pytest.raises(DataError, match="column SEX: 'q' breaks the rule value_known"):
        read_foreign(published, "eckardt-2024")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a;b\n", b'"' * 1000, b"AGE;SEX\n1;2;3\n"])
def test_other_files_are_sentences(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    for call in (lambda: amlsynth.load(path), lambda: read_foreign(path, "eckardt-2024")):
        with pytest.raises((DataError, UsageError), match=r"x\.csv"):
            call()


def test_the_digest_that_is_asked_for_is_checked(published: Path) -> None:
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        amlsynth.load(published, sha256=digest)
    assert "vouches" not in str(caught[0].message)
    with pytest.raises(DataError, match=f"its SHA-256 is {digest}, not 0000"):
        amlsynth.load(published, sha256="0" * 64)
    with pytest.raises(UsageError, match="does not tell its version"):
        amlsynth.load(published, "7.0.0")
