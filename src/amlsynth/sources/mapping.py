"""Import of a steward's own table by a mapping: rename, translate, convert, derive, drop, check."""

from __future__ import annotations

from pathlib import Path

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.files import sha256
from amlsynth.foundation.yamlfile import read_yaml_model
from amlsynth.sources.import_doubts import import_doubts, unit_hint
from amlsynth.sources.import_report import ImportReport, SourceFile, SourceWords, imported_cohort
from amlsynth.sources.importing import Importing
from amlsynth.sources.joining import join_tables, source_path
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.mapping_file import Mapping
from amlsynth.sources.odd_cells import karyotype_notes, odd_cells
from amlsynth.sources.source_table import SourceTable, read_source
from amlsynth.sources.steps import step_remarks


def import_mapped(
    data: Path,
    mapping: Path,
    *,
    d: Dictionary | None = None,
    allow_empty_rows: bool = False,
    limit: int = 10,
    source: str = "a table of the steward",
) -> Cohort:
    """Import a table as its mapping says.

    Parameters
    ----------
    data : a CSV, TSV, XLSX, Parquet, RData or RDS file, one row a patient.
    mapping : the YAML file; see `sources.mapping_file.Mapping` and docs/mapping.md.
    d : the dictionary that the mapping leads to; that of AML when not given.
    allow_empty_rows : leave out any number of rows without a mapped value; otherwise more than a few are
        refused.
    limit : cells that break the dictionary to list in an error; 0 lists all.
    source : where the files are from, for the record.

    Returns
    -------
    Cohort
        Role "original"; `about.provenance["import"]` tells what was dropped, mapped, converted, lost and not
        assessed, the SHA-256 of both files, a summary of every variable, and what looks wrong.

    Raises
    ------
    UsageError
        The mapping is wrong, or speaks of columns that the table does not have; each place is named as
        FILE:LINE, and what is wrong with the cells stands below.
    DataError
        The table cannot be read, has values that the mapping does not know, or breaks the dictionary.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> _ = (folder / "trial.csv").write_text("Alter;Hb\\n61;9,3\\n70;8,8\\n")
    >>> _ = (folder / "map.yaml").write_text('''
    ... name: trial
    ... title: A trial
    ... source: {delimiter: ";", decimal: ","}
    ... columns: {AGE: {from: Alter, unit: years}, HB: {from: Hb, unit: g/dl}}
    ... not_assessed: [rest]
    ... ''')
    >>> import_mapped(folder / "trial.csv", folder / "map.yaml").frame["HB"].tolist()
    [5.77158, 5.46128]
    """
    data, mapping = Path(data), Path(mapping)
    d = d or dictionary()
    plan = read_yaml_model(mapping, Mapping, what="mapping", context=d, aliases=True)
    data = source_path(data, plan)
    # Columns of further tables stand in no header of the main one, so they cannot tell where it is.
    table = read_source(data, plan.source, [plan.key] if plan.tables and plan.key else _wanted(plan))
    table, further = join_tables(table, plan, d)
    _add_names(table, plan)
    importing = Importing(plan, d, table, data, mapping)
    importing.check_columns()
    dropped = importing.leave_out_rows(allow_empty_rows)
    frame = importing.frame()
    step_notes, step_warnings = step_remarks(plan.columns, importing.numbers, d)
    report = ImportReport(
        source=source,
        files=[SourceFile(name=path.name, sha256=sha256(path)) for path in (data, *further, mapping)],
        rows_read=len(table.frame),
        rows_kept=len(frame),
        dropped=dropped,
        mapped=importing.mapped,
        not_assessed=[name for name in d.names if name not in importing.mapped],
        panels=[list(panel) for panel in plan.panels],
        set_to_missing=importing.set_to_missing,
        na_from_expressions=importing.na_from_expressions,
        steps=importing.steps,
        notes=[*table.notes, *importing.notes, *step_notes, *karyotype_notes(importing)],
        warnings=[*odd_cells(importing, frame), *import_doubts(importing), *step_warnings],
    )
    statement = plan.statement or f"Imported from {data.name} with the mapping {mapping.name}."
    about = About(name=plan.name, title=plan.title, simulated=plan.simulated, statement=statement)
    units = {name: plan.columns[name].unit for name in d.names if name in importing.mapped}
    words = SourceWords(
        importing.kept + 1,
        importing.cells,
        lambda name: unit_hint(importing, name),
        importing.problems,
        importing.misuse,
        importing.unsure | importing.absent,
        limit,
    )
    return imported_cohort(frame, about, report, words, str(data), d, units)


def _wanted(plan: Mapping) -> list[str]:
    """Return the columns of the source that the mapping needs, in its order."""
    names: dict[str, None] = {}
    for entry in plan.columns.values():
        names |= dict.fromkeys(entry.sources)
    for rule in plan.drop_rows_where:
        names |= dict.fromkeys(parse_expression(rule.expression).names)
    return list(names)


def _add_names(table: SourceTable, plan: Mapping) -> None:
    """Give columns that the source calls otherwise the names of the mapping."""
    for name, others in plan.names.items():
        found = next((column for column in others if column in table.frame.columns), None)
        if name not in table.frame.columns and found is not None:
            table.frame[name] = table.frame[found]
            for known in (table.letters, table.flaws, table.unusable):
                if found in known:
                    known[name] = known[found]  # type: ignore[assignment]
