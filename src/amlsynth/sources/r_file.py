"""Data frames of R, from RData and RDS files."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.sources.records import check_names
from amlsynth.sources.source_format import SourceFormat

ENDINGS = (".rdata", ".rda", ".rds")


def read_r_file(path: Path, source: SourceFormat) -> pd.DataFrame:
    """Read a data frame into columns of text, numbers or dates; factors are their labels, TRUE is 1.

    `source.sheet` names the data frame where the file has several.

    Raises
    ------
    MissingExtraError
        pyreadr is not installed.
    UsageError
        The data frame is not there or not named.
    DataError
        The file is damaged, or two columns have one name.
    """
    pyreadr = require_extra("import", "pyreadr", "Reading a file of R")
    try:
        frames = dict(pyreadr.read_r(str(path)))
    except Exception as error:  # the library lets its own errors through, of several kinds
        raise DataError(
            f"{path}: not a readable file of R; it is damaged, or holds no data frame. Save it again with "
            "saveRDS(as.data.frame(x), ...)."
        ) from error
    names = [str(name) for name in frames if name is not None]
    wanted = source.sheet if source.sheet is not None else next(iter(frames), None)
    if source.sheet is not None and source.sheet not in names and names:
        raise UsageError(
            f"{path}: there is no data frame {source.sheet!r}. Data frames: {', '.join(names)}. Correct "
            "source.sheet in the mapping."
        )
    if source.sheet is None and len(frames) > 1:
        raise UsageError(f"{path}: name one of the data frames under source.sheet: {', '.join(names)}.")
    frame = frames.get(wanted, next(iter(frames.values()), pd.DataFrame()))
    columns = [unicodedata.normalize("NFC", str(name)).strip() for name in frame.columns]
    check_names(path, columns)
    read = {name: _column(frame.iloc[:, place]) for place, name in enumerate(columns)}
    return pd.DataFrame(read, index=range(len(frame)))


def _column(column: pd.Series[Any]) -> pd.Series[Any]:
    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if column.dtype.kind == "M":
        return pd.Series(np.asarray(column, dtype="datetime64[us]"))
    known = column.dropna()
    if column.dtype.kind in "biuf" or (len(known) and known.map(lambda cell: isinstance(cell, bool)).all()):
        return pd.Series(pd.to_numeric(column.astype(object)), dtype="Float64")
    text = column.map(str, na_action="ignore").astype("string").fillna("").str.strip()
    return text.str.normalize("NFC")
