"""What tests share is made once; a failure is met by each test that asks, and is not remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.shared_builds import drawn_figures, empty_figures, shared


def test_it_is_made_once_for_all_workers_and_a_failure_is_not_kept(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> dict[str, Path]:
        assert list(folder.iterdir()) == []
        (folder / "half").touch()
        calls.append(folder)
        if len(calls) == 1:
            raise OSError("no space")
        return {"made": folder}

    with pytest.raises(OSError, match="no space"):
        shared(tmp_path_factory, tmp_path.name, make)
    first = shared(tmp_path_factory, tmp_path.name, make)
    assert shared(tmp_path_factory, tmp_path.name, make) == first == {"made": calls[1]} and len(calls) == 2
    # Workers have folders of their own below that of the run.
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    monkeypatch.setattr(tmp_path_factory, "getbasetemp", lambda: calls[1].parent.parent / "popen-gw7")
    assert shared(tmp_path_factory, tmp_path.name, make) == first


def test_figures_are_drawn_again_within_a_block_of_empty_ones(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from amlsynth.report import forest

    plain, both = Figure.savefig, forest.both
    composed: list[Path] = []

    def draw(path: Path, width: float) -> None:
        composed.append(path)

    with empty_figures(composed=True), empty_figures():
        Figure().savefig(tmp_path / "empty.svg")
        assert forest.both(draw, tmp_path / "f", "a") == ("f/a.svg", "f/a-narrow.svg")
        assert composed == []
        with drawn_figures():
            assert (Figure.savefig, forest.both) == (plain, both)
        with empty_figures(composed=True):
            forest.both(draw, tmp_path / "f", "b")
    assert (Figure.savefig, forest.both) == (plain, both)
    assert [path.name for path in composed] == ["b.svg", "b-narrow.svg"]
    for name in ("empty.svg", "f/a.svg", "f/a-narrow.svg"):
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<svg")
