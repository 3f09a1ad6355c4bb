"""Generators of other packages are found by their entry points, and named when they break."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.plugins import plugins
from amlsynth.generators import create, generator_class, generator_names

MODULE = """\
import numpy as np
from typing import Annotated
from pydantic import Field
from amlsynth.generators import Generator, Parameters
from amlsynth.generators.anchors import Independent


class Params(Parameters):
    fails: Annotated[bool, Field(description="fail")] = False


class Shuffler(Independent):
    name = "shuffler"
    summary = "shuffles"
    releasable = True
    Params = Params

    def _sample(self, n, rng):
        if self.params.fails:
            raise ValueError("patient 17 is 63 years old")
        return super()._sample(n, rng)


class Nameless(Shuffler):
    name = "other"


class Half(Generator):
    name = "half"
    summary = "lacks a method"

    def _fit(self, train, rng, progress):
        pass


something = 3
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, into which `_install` puts packages."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shufflers.py").write_text(MODULE)
    yield tmp_path
    sys.modules.pop("shufflers", None)


def _install(folder: Path, entries: str, name: str = "shuffle-kit") -> None:
    info = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[amlsynth.generators]\n{entries}\n")


def test_a_plug_in_is_a_generator_like_the_others(package: Path, reference: pd.DataFrame) -> None:
    before = generator_names()
    _install(package, "shuffler = shufflers:Shuffler")
    assert generator_names() == (*before, "shuffler")
    assert generator_class("shuffler").summary == "shuffles"
    model = create("shuffler").fit(reference.head(60), np.random.default_rng(1))
    assert len(model.sample(20, np.random.default_rng(2))) == 20
    assert model.package == "shuffle-kit 1.2" and create("independent").package is None
    with pytest.raises(UsageError, match=r"no parameter 'fail'\. Did you mean 'fails'"):
        create("shuffler", {"fail": True})
    with pytest.raises(UsageError, match="Did you mean 'shuffler'"):
        create("shufler")


def test_a_plug_in_that_fails_is_named_without_its_words(package: Path, reference: pd.DataFrame) -> None:
    _install(package, "shuffler = shufflers:Shuffler")
    model = create("shuffler", {"fails": True}).fit(reference.head(60), np.random.default_rng(1))
    with pytest.raises(DataError) as caught:
        model.sample(20, np.random.default_rng(2))
    text = str(caught.value)
    assert "plug-in of the package shuffle-kit 1.2, failed in sampling with ValueError" in text
    assert "63" not in text


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("gone = shufflers_gone:Shuffler", "cannot be imported (ModuleNotFoundError"),
        ("gone = shufflers:Gone", "cannot be imported (AttributeError"),
        ("three = shufflers:something", "is no subclass of amlsynth.generators.Generator"),
        ("nameless = shufflers:Nameless", "calls itself 'other', not by that name"),
        ("half = shufflers:Half", "lacks _sample"),
    ],
)
def test_a_broken_plug_in_is_named_with_a_remedy(package: Path, entry: str, says: str) -> None:
    _install(package, entry)
    with pytest.raises(UsageError) as caught:
        create(entry.split(maxsplit=1)[0])
    text = str(caught.value)
    assert says in text and "the package shuffle-kit 1.2" in text and "pip uninstall shuffle-kit" in text


def test_no_plug_in_takes_a_name_of_ours(package: Path) -> None:
    _install(package, "bootstrap = shufflers:Shuffler")
    assert generator_class("bootstrap").__module__ == "amlsynth.generators.anchors"
    assert generator_names().count("bootstrap") == 1
    assert create("bootstrap").package is None


def test_two_packages_with_one_name_are_both_named(package: Path) -> None:
    _install(package, "shuffler = shufflers:Shuffler")
    _install(package, "shuffler = shufflers:Shuffler", "another-kit")
    assert list(plugins("amlsynth.generators")) == ["shuffler"]
    with pytest.raises(UsageError, match=r"brought by another-kit 1\.2 and shuffle-kit 1\.2"):
        create("shuffler")


def test_the_list_of_generators_shows_the_others_all_the_same(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from amlsynth.cli import main

    _install(package, "gone = shufflers:Gone")
    with pytest.raises(SystemExit) as left:
        main(["generators"])
    assert left.value.code in (0, None)
    out = capsys.readouterr().out
    assert "gone               cannot be used: The generator 'gone' is a plug-in of the package" in out
    assert "event-history" in out and "bootstrap" in out
