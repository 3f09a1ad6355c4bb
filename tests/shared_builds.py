"""What is dear to make and shared by tests: made once a run, whichever worker asks first.

pytest-xdist gives each core a worker with session fixtures of its own. A release has the same bytes wherever
it is built, so the first worker that needs one builds it in the run's temporary folder and the others read it
there. What is shared is read-only: a test that changes a release copies it first.

- `built` (tests/release/conftest.py): the small release of 40 patients, evaluated and reported for good.
- `small_release` (conftest.py): the release of the examples in docstrings, with the evaluation of `built`.
- `evaluation` (tests/evaluation/conftest.py): every measure of a sound cohort of 640 patients.
- `rendered` (tests/report/conftest.py): page and PDF of a made-up evaluation, with drawn figures.

Reports elsewhere have `empty_figures`. That figures are drawn, and the same each time, tests/report shows.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what `make` makes in an empty folder; only the first worker that asks for the name calls it.

    What it raises, the next worker that asks meets itself: no test fails for what another one saw.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # that of the run, above those of its workers
    folder, record = root / "shared" / name, root / "shared" / f"{name}.pickle"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not record.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            made = make(folder)
            record.write_bytes(pickle.dumps(made))
    return pickle.loads(record.read_bytes())  # noqa: S301  (our own)


@contextmanager
def empty_figures() -> Iterator[None]:
    """Reports in this block have figures that are composed, but not drawn, which takes most of their time."""

    from matplotlib.figure import Figure

    def save(figure: Any, path: Path, **_: Any) -> None:
        width, height = (72 * inches for inches in figure.get_size_inches())
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt"></svg>',
            encoding="utf-8",
        )

    save.drawn = _drawn(Figure)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        yield


@contextmanager
def drawn_figures() -> Iterator[None]:
    """Figures in this block are drawn, within a block of `empty_figures`, too."""
    from matplotlib.figure import Figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", _drawn(Figure))
        yield


def _drawn(figure: Any) -> Any:
    return getattr(figure.savefig, "drawn", figure.savefig)
