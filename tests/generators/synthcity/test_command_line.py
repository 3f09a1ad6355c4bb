"""In synthcity's environment the whole way works by the commands: import, generate, validate, evaluate.

Each command is a process of its own, so that what the environment lacks shows as it does to a user.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from amlsynth.dictionary.model import Dictionary

pytestmark = [
    pytest.mark.synthcity,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("synthcity") is None,
        reason="synthcity needs an environment of its own: make test-synthcity",
    ),
]

Amlsynth = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def amlsynth(tmp_path_factory: pytest.TempPathFactory) -> Amlsynth:
    """Run the command `amlsynth` of this environment in a folder that the tests of this module share."""
    folder = tmp_path_factory.mktemp("way")
    command = Path(sys.executable).with_name("amlsynth")

    def call(*arguments: object, before: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`before` is a folder of modules that stand before the installed ones."""
        paths = [str(before) if before else "", os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        words = [str(command), *map(str, arguments)]
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return call


def _works(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    for part in parts:
        assert part in result.stdout


@pytest.fixture(scope="module")
def folder(amlsynth: Amlsynth, tmp_path_factory: pytest.TempPathFactory, dictionary: Dictionary) -> Path:
    """A folder with a cohort that was imported from a table of other names."""
    folder = tmp_path_factory.mktemp("cohort")
    _works(amlsynth("cohort", "reference", "--n", 160, "--seed", 1, "--out", folder / "table.csv"))
    text = (folder / "table.csv").read_text(encoding="utf-8")
    header, rows = text.split("\n", 1)
    (folder / "trial.csv").write_text(header.replace(",", "_x,") + "_x\n" + rows, encoding="utf-8")
    mapping = {
        "name": "trial",
        "title": "A trial",
        "columns": {name: {"from": f"{name}_x"} for name in dictionary.names},
    }
    (folder / "map.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    imported = amlsynth(
        *("cohort", "import", folder / "trial.csv", "--mapping", folder / "map.yaml"),
        *("--out", folder / "cohort.parquet"),
    )
    _works(imported, "160")
    return folder


def test_import_generate_validate_evaluate(amlsynth: Amlsynth, folder: Path) -> None:
    cohort, synthetic = folder / "cohort.parquet", folder / "synthetic.csv"
    _works(amlsynth("validate", cohort, "--role", "original"), "160 patients, 0 errors")
    generated = amlsynth(
        *("generate", "--cohort", cohort, "--generator", "synthcity:survival_nflow"),
        *("--param", "n_iter=5", "--seed", 1, "--save-split", folder / "split", "--out", synthetic),
    )
    _works(generated, "160 synthetic patients, valid")
    assert json.loads((folder / "synthetic.csv.about.json").read_text())["provenance"]["generator"] == (
        "synthcity:survival_nflow"
    )
    _works(amlsynth("validate", synthetic), "160 patients, 0 errors, 0 warnings")
    evaluated = amlsynth(
        *("evaluate", "--original", folder / "split" / "train.csv", "--synthetic", synthetic),
        *("--holdout", folder / "split" / "holdout.csv", "--out", folder / "evaluation"),
    )
    _works(evaluated, "Kaplan-Meier score, OS")
    measures = json.loads((folder / "evaluation" / "evaluation.json").read_text())["measures"]
    assert len(measures) > 80 and all(measure["anchors"] for measure in measures)


@pytest.mark.amlsg
def test_the_amlsg_cohort_is_imported(amlsynth: Amlsynth, amlsg_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "amlsg.csv"
    _works(amlsynth("cohort", "import", "amlsg", "--from", amlsg_dir, "--out", out), "patients")
    _works(amlsynth("validate", out, "--role", "original"), "0 errors")


@pytest.mark.parametrize(
    ("module", "code", "parts"),
    [
        ("arfpy", "import no_such_package", ("'no_such_package' (for arfpy)", "not installed")),
        (
            "opacus",
            "import torch\ntorch.gone",
            ("synthcity's registry needs the package opacus 1.", "'gone'"),
        ),
    ],
)
def test_a_broken_package_of_synthcity_is_named(
    amlsynth: Amlsynth, tmp_path: Path, module: str, code: str, parts: tuple[str, ...]
) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text(code)
    result = amlsynth("generators", "synthcity:arf", before=tmp_path)
    assert result.returncode == 2, result.stderr
    assert "unexpected" not in result.stderr and "Traceback" not in result.stderr
    for part in (*parts, "pip install 'amlsynth[", "synthcity]'"):
        assert part in result.stderr
