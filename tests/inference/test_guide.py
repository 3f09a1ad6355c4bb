"""The worked example of docs/inference.md runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import amlsynth
from amlsynth.sources.reference import reference_cohort


@pytest.fixture
def found(repository: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the example leaves behind, of three small replicates in the place of a release's."""
    made = amlsynth.generate(
        reference_cohort(n=300, seed=2), "sequential-cart", seed=1, n=20, replicates=3, replicate_n=600
    )

    def load(source: str, *, replicates: bool) -> list[Any]:
        assert replicates
        return list(made.replicates)

    monkeypatch.setattr(amlsynth, "load", load)
    text = (repository / "docs" / "inference.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    exec("\n".join(blocks), names)  # noqa: S102 - the code of the guide itself
    return names


def test_the_example_pools_what_it_says(found: dict[str, Any]) -> None:
    assert found["univariable"].index.tolist() == ["NPM1", "FLT3I", "TP53"]
    assert found["adjusted"].index.tolist() == ["NPM1", "FLT3I", "TP53", "AGE"]
    ratios = found["hazard_ratios"]
    np.testing.assert_allclose(np.log(ratios["lower"]), found["adjusted"]["lower"])
    survival = found["by_risk"]
    assert {name.partition(":")[0] for name in survival.index} == {"adverse", "favorable", "intermediate"}
    assert (survival["value_lower"] < survival["value"]).all() and survival["value_upper"].lt(1).all()
    assert found["univariable"]["synthesis_share"].between(0, 1).all()
