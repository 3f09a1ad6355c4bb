"""What is dear to make and shared by tests: made once a run, whichever worker asks first.

pytest-xdist gives each core a worker with session fixtures of its own. A release has the same bytes wherever
it is built, so the first worker that needs one builds it in the run's temporary folder and the others read it
there. What is shared is read-only: a test that changes a release copies it first.

- `built` (tests/release/conftest.py): the small release of 40 patients, with every figure of its evaluation;
  `tiny`, one that is quick to publish; `releases` and `site`: several, and the pages of all of them.
- `small_release` (conftest.py): the release of the examples in docstrings, with the evaluation of `built`.
- `evaluation` (tests/evaluation/conftest.py): every measure of a sound cohort of 640 patients.
- `rendered` (tests/report/conftest.py): page and PDF of a made-up evaluation, with drawn figures.

Reports elsewhere have `empty_figures`. That they are drawn, and the same each time, tests/report shows.
A frame that was found in order is not validated again (`valid_once`): build, verify and load each ask. A file
is not deflated again for the zip of another release (`deflated_once`).
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import pandas as pd
import pytest
from filelock import FileLock
from pandas.core.arrays.masked import BaseMaskedArray

from amlsynth.dictionary.model import Dictionary

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
def valid_once() -> Iterator[None]:
    """In this block a frame in which a part of validation found nothing is not looked through again by it.

    What is remembered goes by every byte of the frame, and by the dictionary; of a frame with a failure
    nothing is.
    """
    from amlsynth.cohort import validation

    names = ("_check_columns", "_check_rules", "_check_duplicates")  # in the order of their calls
    validated = threading.local()

    def remembering(check: Callable[..., None]) -> Callable[..., None]:
        in_order: set[tuple[bytes, Any]] = set()

        def checked(frame: pd.DataFrame, *arguments: Any) -> None:
            failures, about = arguments[-1], arguments[0]
            if check.__name__ == names[0]:
                validated.content = _content(frame)
            # Beside the frame stands the dictionary, or which rows are empty, as the frame says too.
            key = (validated.content, about if isinstance(about, Dictionary) else None)
            if key not in in_order:
                before = dict(failures.counts)
                check(frame, *arguments)
                if failures.counts == before:
                    in_order.add(key)

        return checked

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(validation, name, remembering(getattr(validation, name)))
        yield


@contextmanager
def deflated_once() -> Iterator[None]:
    """In this block a file with the content of one that was packed into a zip is not deflated again."""
    from amlsynth.release import archive

    compress, known = archive._compress, dict[Any, Any]()

    def once(source: IO[bytes], target: IO[bytes], method: int) -> tuple[int, int]:
        content = source.read()
        key = (
            hashlib.sha256(content).digest(),
            method,
            zlib.compressobj,
        )  # which tests of other zlibs replace
        if key not in known:
            packed = io.BytesIO()
            known[key] = (compress(io.BytesIO(content), packed, method), packed.getvalue())
        told, stream = known[key]
        target.write(stream)
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "_compress", once)
        yield


def _content(frame: pd.DataFrame) -> bytes:
    """Return a hash of all that a frame is: index, names, types, values."""
    found = hashlib.blake2b(pickle.dumps(frame.index))
    for name in frame.columns:
        values = frame[name].array
        found.update(repr((name, values.dtype)).encode())
        if isinstance(values, pd.Categorical):
            found.update(repr(list(values.categories)).encode() + values.codes.tobytes())
        elif isinstance(values, BaseMaskedArray):
            found.update(values._data.tobytes() + values._mask.tobytes())
        else:
            found.update(pickle.dumps(values))
    return found.digest()


# Constants of an evaluation that has every figure, of fewer resamples, rounds, trees and draws.
ROUGH = {
    "fidelity.two_sample.ROUNDS": 5, "prediction.prediction.ROUNDS": 5, "intervals.RESAMPLES": 5,
    "fidelity.two_sample.TREES": 20, "privacy.attacks.closest.DRAWS": 20,
    "privacy.attacks.singling_out._TRIED": 2_000,
}  # fmt: skip


@contextmanager
def rough_figures() -> Iterator[None]:
    """Evaluations in this block have every figure, of fewer draws."""
    with pytest.MonkeyPatch.context() as patch:
        for name, number in ROUGH.items():
            patch.setattr(f"amlsynth.evaluation.{name}", number)
        yield


@contextmanager
def empty_figures(*, composed: bool = False) -> Iterator[None]:
    """Reports in this block have empty figures, as what is drawn takes most of their time.

    With `composed` they are arranged as for good and only not drawn, for cohorts that lack what others have.
    """
    from matplotlib.figure import Figure

    def save(figure: Any, path: Path, **_: Any) -> None:
        _write_empty(path, *figure.get_size_inches())

    def both(_: object, folder: Path, name: str) -> tuple[str, str]:
        names = (f"{name}.svg", f"{name}-narrow.svg")
        for file in names:
            _write_empty(folder / file, 7.0, 4.0)
        return f"{folder.name}/{names[0]}", f"{folder.name}/{names[1]}"

    save.drawn = getattr(Figure.savefig, "drawn", Figure.savefig)  # type: ignore[attr-defined]
    with _figures(save, _plain_both() if composed else both):
        yield


@contextmanager
def drawn_figures() -> Iterator[None]:
    """Figures in this block are drawn, within a block of `empty_figures`, too."""
    from matplotlib.figure import Figure

    with _figures(getattr(Figure.savefig, "drawn", Figure.savefig), _plain_both()):
        yield


def _plain_both() -> Any:
    from amlsynth.report import drawing

    return drawing.both


@contextmanager
def _figures(save: Any, both: Any) -> Iterator[None]:
    """Figures in this block are saved, and drawn for wide and narrow pages, by these."""
    from matplotlib.figure import Figure

    from amlsynth.report import distributions, figures, forest, heatmap, survival_figures

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        for module in (distributions, figures, forest, heatmap, survival_figures):
            patch.setattr(module, "both", both)
        yield


def _write_empty(path: Path, width: float, height: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{72 * width}pt" height="{72 * height}pt"></svg>',
        encoding="utf-8",
    )
