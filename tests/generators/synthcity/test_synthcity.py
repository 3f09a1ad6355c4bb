"""synthcity's plugins give valid cohorts with both endpoints; without synthcity the error helps."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth import tune
from amlsynth.cohort.validation import validate
from amlsynth.foundation.errors import DataError, MissingExtraError, UsageError
from amlsynth.generators import Generator, create, generator_class
from amlsynth.generators.synthcity.generator import _Frame
from amlsynth.generators.synthcity.plugins import contained
from amlsynth.model_space.encoding import LEGAL, PATTERNS, Encoded, decode, encode
from amlsynth.model_space.resolution import Resolution
from amlsynth.sources.reference import reference_cohort
from cohorts import SMALL_COHORTS, small_cohort

INSTALLED = importlib.util.find_spec("synthcity") is not None
needs_synthcity = pytest.mark.skipif(
    not INSTALLED, reason="synthcity needs an environment of its own: make test-synthcity"
)


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return reference_cohort(n=200, seed=1).frame


def test_a_wrong_plugin_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'synthcity:survival_nflow'"):
        create("synthcity:survival_nflw")
    with pytest.raises(UsageError, match="no generator 'synthcity:dummy_sampler'"):
        create("synthcity:dummy_sampler")  # it copies patients


@pytest.mark.skipif(INSTALLED, reason="synthcity is installed")
def test_without_synthcity_the_error_gives_the_commands() -> None:
    with pytest.raises(MissingExtraError) as caught:
        create("synthcity:survival_nflow", {"n_iter": 100})
    text = str(caught.value)
    assert "python3.11 -m venv .venv-synthcity" in text
    assert "pip install '.[generate,synthcity]'" in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("survival", [True, False])
def test_the_table_of_numbers_goes_there_and_back(reference: pd.DataFrame, survival: bool) -> None:
    encoded = encode(reference).legal()
    frame = _Frame.of(encoded, survival)
    table = frame.table(encoded)
    assert not table.isna().any(axis=None) and all(dtype.kind in "if" for dtype in table.dtypes)
    assert ({"time", "event"} <= set(table)) == survival
    pd.testing.assert_frame_equal(decode(frame.encoded(table)), decode(encoded))


@pytest.mark.parametrize("survival", [True, False])
@pytest.mark.parametrize("name", SMALL_COHORTS)
def test_other_cohorts_go_there_and_back(name: str, survival: bool) -> None:
    small = small_cohort(name)
    encoded = encode(small.frame, small.d).legal()
    encoded = Resolution.of(encoded, small.d).above_zero(encoded)  # as a fit does
    frame = _Frame.of(encoded, survival)
    assert not frame.table(encoded).isna().any(axis=None)
    pd.testing.assert_frame_equal(
        decode(frame.encoded(frame.table(encoded)), small.d), decode(encoded, small.d)
    )


@needs_synthcity
@pytest.mark.parametrize("plugin", ["survival_nflow", "nflow"])
# Ten steps of training do not spread the one number of "bare" over enough different patients.
@pytest.mark.parametrize("name", [name for name in SMALL_COHORTS if name != "bare"])
def test_other_cohorts_are_made(plugin: str, name: str) -> None:
    small = small_cohort(name)
    model = create(f"synthcity:{plugin}", {"n_iter": 10}, small.d)
    frame = model.fit(small.frame, np.random.default_rng(1)).sample(40, np.random.default_rng(2))
    assert len(frame) == 40 and validate(frame, "synthetic", small.d).ok
    assert frame.isna().all().equals(small.frame.isna().all())


@pytest.mark.parametrize("survival", [True, False])
def test_every_pattern_goes_there_and_back(reference: pd.DataFrame, survival: bool) -> None:
    some = encode(reference).take(np.arange(len(PATTERNS)))
    pattern = np.arange(len(PATTERNS), dtype=np.int8)
    time = np.where([p.times == "none" for p in PATTERNS], np.nan, 12.0)
    gap = np.where([p.times == "before" for p in PATTERNS], 3.0, 0.0)
    every = Encoded(some.states, some.numbers, some.missing, pattern, time, gap)
    frame = _Frame.of(every, survival)
    back = frame.encoded(frame.table(every))
    np.testing.assert_array_equal(back.pattern, pattern)
    np.testing.assert_allclose(back.time, time)
    np.testing.assert_allclose(back.gap, gap, atol=1e-9)


@pytest.mark.parametrize("survival", [True, False])
def test_whatever_a_plugin_emits_is_decoded_validly(reference: pd.DataFrame, survival: bool) -> None:
    frame = _Frame.of(encode(reference).legal(), survival)
    columns = list(frame.table(encode(reference).legal()))
    rng = np.random.default_rng(1)
    noise = pd.DataFrame(rng.normal(0, 50, (400, len(columns))), columns=columns)
    noise = noise.mask(rng.random(noise.shape) < 0.05)
    encoded = frame.encoded(noise)
    assert set(LEGAL) >= set(encoded.legal().pattern)
    broken = validate(decode(encoded), "synthetic").by_rule().query("severity == 'error'")
    assert set(broken["rule"]) == set()


def test_processes_that_a_plugin_starts_print_no_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-c", "import warnings; warnings.warn('patient 17')"]
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    with contained("bayesian_network"):
        assert subprocess.run(command, capture_output=True, check=True).stderr == b""
    assert subprocess.run(command, capture_output=True, check=True).stderr != b""


def _fitted(name: str, train: pd.DataFrame, params: dict[str, object]) -> Generator:
    return create(name, params).fit(train, np.random.default_rng(0))


@needs_synthcity
@pytest.mark.synthcity
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("survival_nflow", {"n_iter": 10, "base_transform_type": "affine-coupling"}),
        ("survae", {"n_iter": "20"}),
        ("tvae", {"n_iter": 20}),
        ("arf", {"num_trees": 5, "max_iters": 2}),
    ],
)
def test_plugins_give_valid_cohorts(
    name: str, params: dict[str, object], small: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    model = _fitted(f"synthcity:{name}", small, params)
    frames = [model.sample(150, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    for frame in frames:
        assert validate(frame, "synthetic").ok, validate(frame, "synthetic").by_rule()
        assert frame.dtypes.equals(small.dtypes) and len(frame) == 150
        assert frame["OSSTAT"].mean() > 0 and frame["EFSSTAT"].mean() > 0
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0].equals(frames[2])
    assert list(tmp_path.iterdir()) == [], "synthcity left files behind"
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


@needs_synthcity
@pytest.mark.synthcity
def test_parameters_are_the_plugins_own() -> None:
    params = generator_class("synthcity:survival_nflow").Params.model_fields
    assert {"n_iter", "lr", "num_bins", "uncensoring_model", "tte_strategy"} <= set(params)
    assert not {"workspace", "random_state", "kwargs"} & set(params)
    plain = create("synthcity:survival_nflow", {"n_iter": "10"}).params
    assert json.loads(plain.model_dump_json())["n_iter"] == 10  # for provenance
    assert plain.given() == {"n_iter": 10}
    with pytest.raises(UsageError, match=r"no parameter 'n_itr'. Did you mean 'n_iter'"):
        create("synthcity:survival_nflow", {"n_itr": 10})
    with pytest.raises(UsageError, match=r"the parameter n_iter cannot be 'many'"):
        create("synthcity:survival_nflow", {"n_iter": "many"})


@needs_synthcity
@pytest.mark.synthcity
def test_constant_columns_and_cohorts_without_deaths(small: pd.DataFrame) -> None:
    train = small.assign(
        AGE=pd.array([60] * len(small), dtype="Int16"), CR1=pd.array([pd.NA] * len(small), dtype="Int8")
    )
    frame = _fitted("synthcity:tvae", train, {"n_iter": 5}).sample(30, np.random.default_rng(1))
    assert set(frame["AGE"]) == {60} and frame["CR1"].isna().all()
    alive = pd.concat([small[small["OSSTAT"] == 0]] * 3, ignore_index=True)
    with pytest.raises(DataError, match="needs patients who died and patients who did not"):
        _fitted("synthcity:survae", alive, {"n_iter": 5})


@needs_synthcity
@pytest.mark.synthcity
def test_what_synthcity_fails_with_shows_no_values(small: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"synthcity's tvae failed with \w+\. Try other parameters"):
        _fitted("synthcity:tvae", small, {"n_iter": 5, "decoder_nonlin": "no_such_function"})


@needs_synthcity
@pytest.mark.synthcity
def test_a_plugin_is_tuned_in_its_own_ranges() -> None:
    result = tune(
        reference_cohort(n=240, seed=1),
        "synthcity:tvae",
        trials=2,
        repeats=1,
        params={"n_iter": 5, "decoder_n_units_hidden": 20, "encoder_n_units_hidden": 20},
    )
    assert result.count("scored") == 2 and result.params["n_iter"] == 5
    assert "batch_size" in result.params
