"""What is read from a column of karyotypes, and what is not: for a steward to look at before an import."""

from __future__ import annotations

from pathlib import Path

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.yamlfile import read_yaml
from amlsynth.sources.delimited import guess_format
from amlsynth.sources.karyotype import ALTERATIONS, iscn, unread
from amlsynth.sources.source_format import SourceFormat
from amlsynth.sources.source_table import as_text, read_source


def karyotype_summary(
    data: Path, column: str, mapping: Path | None = None, d: Dictionary | None = None
) -> list[str]:
    """Return lines: how many texts were read, patients by alteration, and each text that was not read.

    Parameters
    ----------
    data : the table. column : its column of karyotypes.
    mapping : a mapping whose `source` says how the table is written; guessed without it.
    d : whose labels stand beside the alterations.

    Raises
    ------
    UsageError
        There is no such file or column, or the mapping has no readable `source`.
    DataError
        The table cannot be read.
    """
    source = _source_format(data, mapping)
    frame = read_source(data, source, [column]).frame
    if column not in frame.columns:
        raise UsageError(
            f"{data}: there is no column {column!r}.{did_you_mean(column, frame.columns)} Columns: "
            f"{', '.join(map(repr, frame.columns[:50]))}."
        )
    texts = as_text(frame[column])
    texts = texts.mask(texts.isin(list(source.missing)))
    left = unread(texts)
    known, rows = int(texts.notna().sum()), int(left.sum())
    lines = [f"{known - rows:,} of {known:,} karyotypes are read; {len(texts) - known:,} cells are empty."]
    d = d or dictionary()
    for name in ALTERATIONS:
        answers = iscn(texts, name)
        label = d[name].label if name in d else name
        lines.append(
            f"  {name:13} {int((answers == 1).sum()):6,} yes {int((answers == 0).sum()):6,} no "
            f"{int((answers.isna() & texts.notna()).sum()):6,} open   {label}"
        )
    if len(left):
        lines.append("Not read, with rows:")
        lines += [f"  {count:6,}  {text}" for text, count in left.items()]
    return lines


def _source_format(data: Path, mapping: Path | None) -> SourceFormat:
    if mapping is None:
        text = data.suffix.lower() in (".csv", ".tsv", ".txt")
        return SourceFormat.model_validate(guess_format(data) if text else {})
    given, _ = read_yaml(mapping, what="mapping", aliases=True)
    source = given.get("source", {}) if isinstance(given, dict) else {}
    try:
        return SourceFormat.model_validate(source)
    except ValueError as error:
        raise UsageError(
            f"{mapping}: its source cannot be read. amlsynth cohort import names the line."
        ) from error
