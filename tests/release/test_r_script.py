"""load_release.R gives R the same patients and the same medians; no text of a release is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.model import Dictionary
from amlsynth.release import ReleaseResult
from amlsynth.release.metadata.r_script import r_script
from amlsynth.release.package import DataPackage
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier


@pytest.fixture(scope="module")
def r(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = shutil.which("Rscript")
    if found is None:
        pytest.skip("R is not installed: apt-get install r-base-core r-cran-survival")
    return Path(found)


def run(r: Path, code: str, folder: Path, locale: str = "C.UTF-8") -> str:
    done = subprocess.run(
        [r, "--vanilla", "-e", code],
        cwd=folder,
        env=os.environ | {"LC_ALL": locale},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def source(release: Path) -> str:
    return f'source("{release}/load_release.R", chdir = TRUE)\n'


def test_medians_of_r_are_ours(r: Path, built: ReleaseResult, dictionary: Dictionary, tmp_path: Path) -> None:
    frame = read_table(built.folder / "data" / "small-test.parquet")
    code = 'write.csv(km_medians(load_release()), "medians.csv", row.names = FALSE)'
    run(r, source(built.folder) + code, tmp_path)
    found = pd.read_csv(tmp_path / "medians.csv").set_index("endpoint")
    assert list(found.index) == [endpoint.name for endpoint in dictionary.endpoints]
    for endpoint in dictionary.endpoints:
        data = endpoint_data(frame, endpoint)
        ours, theirs = kaplan_meier(data).median(), found.loc[endpoint.name]
        assert (theirs["n"], theirs["events"]) == (data.n, data.event.sum())
        for one, name in ((ours.time, "median"), (ours.low, "low"), (ours.high, "high")):
            assert theirs[name] == pytest.approx(float("nan") if one is None else one, rel=1e-9, nan_ok=True)


def test_factors_have_the_codebooks_labels(
    r: Path, built: ReleaseResult, dictionary: Dictionary, tmp_path: Path
) -> None:
    frame = read_table(built.folder / "data" / "small-test.parquet")
    code = """
    patients <- load_release()
    write.csv(patients, "labelled.csv", row.names = FALSE, na = "")
    write.csv(load_release(labelled = FALSE), "codes.csv", row.names = FALSE, na = "")
    cat(attr(patients$AGE, "label"), attr(patients$AGE, "unit"), levels(patients$SEX), sep = "|")
    """
    age, sex = dictionary["AGE"], dictionary["SEX"]
    shown = run(r, source(built.folder) + code, tmp_path)
    assert shown == "|".join([age.label, str(age.unit), *sex.category_labels.values()])
    pd.testing.assert_frame_equal(read_table(tmp_path / "codes.csv"), frame)
    labelled = pd.read_csv(tmp_path / "labelled.csv", dtype=str, keep_default_na=False)
    for variable in dictionary.variables:
        if variable.type == "category":
            labels = variable.category_labels
        elif variable.type == "tri-state":
            labels = {"0": "absent", "1": "present"}
        else:
            continue
        expected = ["" if pd.isna(value) else labels[str(value)] for value in frame[variable.name]]
        assert labelled[variable.name].tolist() == expected


def test_a_value_beyond_the_codebook_is_refused(r: Path, folder: Path, tmp_path: Path) -> None:
    csv = folder / "data" / "small-test.csv"
    csv.write_text(csv.read_text().replace("female", "unheard of", 1))
    code = "cat(tryCatch(load_release(), error = conditionMessage))"
    assert run(r, source(folder) + code, tmp_path).endswith("SEX: not in the codebook: unheard of")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_texts_of_a_release_are_never_run(
    r: Path, built: ReleaseResult, dictionary: Dictionary, tmp_path: Path, locale: str
) -> None:
    hostile = "\"); system('touch run'); (\"\\\\\" # ` $x é \U0001f600\n'%s"
    package = DataPackage.model_validate_json((built.folder / "datapackage.json").read_bytes())
    package = package.model_copy(update={"statement": hostile, "citation": hostile})
    script = r_script(package, dictionary)
    assert script.isascii()
    (tmp_path / "load_release.R").write_text(script)
    code = 'writeLines(enc2utf8(release_statement), con <- file("told", open = "wb"), useBytes = TRUE)'
    run(r, source(tmp_path) + code, tmp_path, locale)
    assert not (tmp_path / "run").exists()
    assert (tmp_path / "told").read_bytes().decode() == hostile + "\n"


def test_the_script_names_the_endpoints_that_the_data_have(
    built: ReleaseResult, dictionary: Dictionary
) -> None:
    content = json.loads((built.folder / "datapackage.json").read_bytes())
    package = DataPackage.model_validate(content | {"endpoints": ["OS"]})
    assert '"OS" = c(time = "OSTM"' in r_script(package, dictionary)
    assert '"EFS" = c(' not in r_script(package, dictionary)
