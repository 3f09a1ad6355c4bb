"""A second disease by YAML alone: a cohort of MDS goes the whole way, from a file to a loaded release.

That every generator fits it, tests/generators/test_contract.py shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import amlsynth
from amlsynth.dictionary.model import Dictionary


@pytest.mark.slow
@pytest.mark.usefixtures("composed_figures", "rough")
def test_mds_from_a_file_to_a_loaded_release(
    write_spec: Callable[..., Path],
    tmp_path: Path,
    mds: pd.DataFrame,
    mds_dictionary: Dictionary,
) -> None:
    d = mds_dictionary
    # Import: another column name and another unit than the dictionary's.
    raw = mds.rename(columns={"BM_BLAST": "blasts"}).assign(HB=(mds["HB"] / 1.6114).round(4))
    raw.to_csv(tmp_path / "office.csv", index=False)
    columns: dict[str, object] = {name: {"from": name} for name in d.names}
    columns |= {"BM_BLAST": {"from": "blasts"}, "HB": {"from": "HB", "unit": "mmol/l"}}
    mapping = {"name": "mds-trial", "title": "MDS trial", "columns": columns}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    cohort = amlsynth.import_mapped(tmp_path / "office.csv", tmp_path / "map.yaml", d=d)
    assert cohort.n == len(mds) and amlsynth.validate(cohort.frame, "original", d).ok
    np.testing.assert_allclose(cohort.frame["HB"].to_numpy(float), mds["HB"].to_numpy(float), atol=0.01)

    amlsynth.write_cohort(cohort, tmp_path / "cohort.csv")
    spec = write_spec(
        tmp_path,
        name="mds-synthetic",
        dictionary="mds",
        cohort={"source": "file", "path": "cohort.csv"},
        generator={"name": "event-history", "n": 200, "seed": 3},
        communities=[],
        keywords=[],
    )
    gates = {"profiles": {"easy": {"description": "For this test.", "gates": [_RULES]}}}
    (tmp_path / "gates.yaml").write_text(yaml.safe_dump(gates), encoding="utf-8")
    result = amlsynth.build_release(spec, tmp_path / "out")
    assert amlsynth.verify_release(result.archive).ok
    frame = amlsynth.load(result.archive)
    assert list(frame.columns) == list(d.names) and len(frame) == 200
    assert (frame["LFSTM"] <= frame["OSTM"]).fillna(True).all()
    report = (result.folder / "report.html").read_text(encoding="utf-8")
    assert "eukemia-free survival" in report and "acute myeloid leukemia (AML)" not in report
    evaluation = amlsynth.read_evaluation(result.folder / "evaluation.json")
    assert evaluation.measure("km_score_lfs").figures["synthetic"].value is not None


_RULES = {
    "id": "rules", "label": "Rules", "measure": "rules_broken", "comparison": "equals", "threshold": 0,
    "required": True, "reason": "It must hold.", "source": "none",
}  # fmt: skip
