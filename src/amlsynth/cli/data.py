"""Commands around data: schema, cohort, validate, load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amlsynth.cli.options import FILE, OUT_FILE, PATIENTS, Command, Group, refuse_overwriting, with_dictionary
from amlsynth.cli.terminal import say
from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.text import counted

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary

ROLE = click.Choice(["original", "synthetic"])


@click.group(cls=Group)
def schema() -> None:
    """Show or export the variable dictionary and the schemas derived from it."""


@schema.command("show")
@click.argument("names", nargs=-1)
@with_dictionary
def schema_show(
    names: tuple[str, ...],
    d: Dictionary | None,
) -> None:
    """Show the variables, or all about the NAMES given.

    \b
    Examples:
      amlsynth schema show
      amlsynth schema show AGE t8.21
    """
    from amlsynth.dictionary.model import dictionary
    from amlsynth.foundation.errors import did_you_mean

    d = d or dictionary()
    if not names:
        say(f"{d.title} {d.version}: {len(d.variables)} variables, {len(d.rules)} rules between them.")
        for group in d.groups:
            say(f"\n{group.label}{f' (panel {group.panel})' if group.panel else ''}")
            for variable in d.members(group.id):
                kind = f"{variable.type}{f', {variable.unit}' if variable.unit else ''}"
                say(f"  {variable.name:<20} {kind:<20} {variable.label}")
        return
    by_name = {variable.name: variable for variable in d.variables} | d.by_id
    for name in names:
        if name not in by_name:
            raise UsageError(f"There is no variable {name!r}.{did_you_mean(name, by_name)}")
        for key, value in by_name[name].model_dump(mode="json", exclude_defaults=True).items():
            text = "; ".join(f"{c['value']} ({c['label']})" for c in value) if key == "categories" else value
            say(f"{key + ':':<19} {text}")
        say()


@schema.command("export")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table-schema", "json-schema", "markdown", "yaml"]),
    required=True,
    help="What to export.",
)
@click.option("--out", type=OUT_FILE, help="File to write; standard output when not given.")
@with_dictionary
def schema_export(
    kind: str,
    out: Path | None,
    d: Dictionary | None,
) -> None:
    """Export the Table Schema, JSON Schema, codebook (markdown) or the dictionary itself (yaml).

    \b
    Example:
      amlsynth schema export --format table-schema --out aml.json
    """
    from amlsynth.dictionary.generated import FORMATS
    from amlsynth.dictionary.model import dictionary
    from amlsynth.foundation.files import write_text

    text = FORMATS[kind](d or dictionary())
    if out is None:
        say(text, nl=False)
    else:
        write_text(out, text)


@click.group(cls=Group)
def cohort() -> None:
    """Make or import an original cohort."""


@cohort.command("reference")
@click.option("--out", type=OUT_FILE, required=True, help="File to write, .csv or .parquet.")
@click.option("--n", type=PATIENTS, default=1606, show_default=True, help="Number of patients.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@with_dictionary
def cohort_reference(
    out: Path,
    n: int,
    seed: int,
    d: Dictionary | None,
) -> None:
    """Simulate the embedded reference cohort. It holds no patient's data.

    \b
    Example:
      amlsynth cohort reference --out reference.csv
    """
    from amlsynth.cohort.cohort import write_cohort
    from amlsynth.dictionary.model import require_default
    from amlsynth.sources.reference import reference_cohort

    require_default(d, "The reference cohort")
    reference = reference_cohort(n=n, seed=seed)
    write_cohort(reference, out)
    say(f"{out}: {reference.n:,} simulated patients. {reference.about.statement}")


@cohort.command("import")
@click.argument("data", metavar="amlsg|cbioportal|DATA", type=FILE)
@click.option("--from", "folder", type=FILE, help="Folder with the files; amlsg is downloaded without it.")
@click.option("--study", help="cbioportal: which of several studies in the folder.")
@click.option("--mapping", type=FILE, help="Mapping of the columns to the dictionary (YAML).")
@click.option("--out", type=OUT_FILE, required=True, help="File to write, .csv or .parquet.")
@click.option("--allow-empty-rows", is_flag=True, help="Leave out many rows without a mapped value.")
@click.option(
    "--limit", type=click.IntRange(0), default=10, show_default=True, help="Failures to list; 0 lists all."
)
@with_dictionary
def cohort_import(
    data: Path,
    folder: Path | None,
    study: str | None,
    mapping: Path | None,
    out: Path,
    allow_empty_rows: bool,
    limit: int,
    d: Dictionary | None,
) -> None:
    """Import the public AMLSG cohort, a cBioPortal study, or your own CSV, XLSX or Parquet file.

    Writes the table, and beside it OUT.about.json: what was dropped, mapped and not assessed, and which rules
    the original breaks.

    \b
    Examples:
      amlsynth cohort import amlsg --out amlsg.parquet
      amlsynth cohort import cbioportal --from studies --study aml_ohsu_2018 --out ohsu.parquet
      amlsynth cohort import trial.xlsx --mapping trial-map.yaml --out trial.parquet
    """
    from amlsynth.cohort.cohort import write_cohort
    from amlsynth.cohort.written_under import about_path
    from amlsynth.sources.import_report import ImportReport

    if study is not None and str(data) != "cbioportal":
        raise UsageError("--study is for cbioportal only. Leave it out.")

    if str(data) == "amlsg":
        if mapping is not None:
            raise UsageError("amlsg needs no --mapping. Leave it out, or name your own file.")
        from amlsynth.dictionary.model import require_default
        from amlsynth.sources.amlsg import import_amlsg

        require_default(d, "The cohort amlsg")
        imported = import_amlsg(folder)
    elif str(data) == "cbioportal":
        if folder is None:
            raise UsageError("cbioportal needs --from DIR, the folder of a study.")
        from amlsynth.sources.cbioportal import import_cbioportal

        imported = import_cbioportal(
            folder, study, mapping, d=d, allow_empty_rows=allow_empty_rows, limit=limit
        )
    else:
        if mapping is None:
            raise UsageError(
                f"{data}: a file of your own needs --mapping MAP.yaml. Draft one with: "
                f"amlsynth cohort sketch {data.name} --out map.yaml"
            )
        if folder is not None:
            raise UsageError("--from is for amlsg and cbioportal only. Leave it out.")
        from amlsynth.sources.mapping import import_mapped

        imported = import_mapped(data, mapping, d=d, allow_empty_rows=allow_empty_rows, limit=limit)
    write_cohort(imported, out)
    say(f"{out}: {counted(imported.n, 'patient')}.")
    for sentence in ImportReport.model_validate(imported.about.provenance["import"]).sentences():
        say(f"  {sentence}".rstrip())
    say(f"All of this as data: {about_path(out)}")


@cohort.command("karyotypes")
@click.argument("data", type=FILE)
@click.option("--column", required=True, help="The column with the karyotypes, in ISCN.")
@click.option("--mapping", type=FILE, help="Mapping whose `source` says how the file is written.")
@with_dictionary
def cohort_karyotypes(data: Path, column: str, mapping: Path | None, d: Dictionary | None) -> None:
    """Read the karyotypes of a file: how many have each alteration, and the texts that could not be read.

    \b
    Example:
      amlsynth cohort karyotypes trial.xlsx --column Karyotyp --mapping trial-map.yaml
    """
    from amlsynth.sources.karyotype_summary import karyotype_summary

    for line in karyotype_summary(data, column, mapping, d):
        say(line)


@cohort.command("sketch")
@click.argument("data", metavar="cbioportal|DATA", type=FILE)
@click.option("--out", type=OUT_FILE, required=True, help="Mapping to write (YAML).")
@click.option("--sheet", help="XLSX: which of several sheets.")
@with_dictionary
def cohort_sketch(data: Path, out: Path, sheet: str | None, d: Dictionary | None) -> None:
    """Draft a mapping for your table, or copy that of cBioPortal studies, to read, complete and change.

    Columns are recognised by names and values, in German and English; what was guessed is marked with a
    question mark, and what was left over is listed at the end.

    \b
    Examples:
      amlsynth cohort sketch trial.xlsx --out trial-map.yaml
      amlsynth cohort sketch cbioportal --out study-map.yaml
    """
    from amlsynth.foundation.assets import asset
    from amlsynth.foundation.files import write_text

    if str(data) == "cbioportal":
        from amlsynth.sources.cbioportal import MAPPING

        if out.exists():
            raise UsageError(f"{out}: the file exists. Name another file.")
        write_text(out, asset(MAPPING).read_text(encoding="utf-8"))
        say(f"{out}: the mapping of cBioPortal studies, to change.")
        return
    from amlsynth.sources.sketch import sketch

    draft = sketch(data, out, sheet=sheet, d=d)
    say(
        f"{out}: {len(draft.columns)} variables found by their columns; {len(draft.left_over)} columns left "
        f"over. Check the lines with a question mark, then: amlsynth cohort import {data} --mapping {out} "
        "--out FILE"
    )


@click.command(cls=Command)
@click.argument("file", type=FILE)
@click.option("--role", type=ROLE, default="synthetic", show_default=True, help="Decides the severities.")
@click.option("--json", "as_json", is_flag=True, help="Print everything found as JSON.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Failures to list.")
@with_dictionary
def validate(
    file: Path,
    role: str,
    as_json: bool,
    limit: int,
    d: Dictionary | None,
) -> None:
    """Check a CSV or Parquet FILE against the dictionary; exit code 1 when there are errors.

    \b
    Examples:
      amlsynth validate synthetic.csv
      amlsynth validate trial.parquet --role original --json > failures.json
    """
    from amlsynth.cohort.validation import validate_file

    report = validate_file(file, role, d)  # type: ignore[arg-type]
    if as_json:
        say(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        failures = report.failures.head(limit)
        if len(failures):
            quoted = failures.assign(value=failures["value"].map(repr))  # so that outer blanks are seen
            say(quoted.to_string(index=False))
            say()
            say(report.by_rule().to_string(index=False))
            say()
        say(
            f"{file}: {counted(report.n, 'patient')}, {counted(report.errors, 'error')}, "
            f"{counted(report.warnings, 'warning')} as {role} data."
        )
    if not report.ok:
        click.get_current_context().exit(1)


_REGISTRY = click.option("--registry", type=FILE, help="A registry file that is asked first.")


@click.command(cls=Command)
@click.argument("name")
@click.option("--out", type=OUT_FILE, help="File to write, .csv or .parquet; without it a summary.")
@click.option("--offline", is_flag=True, help="Never use the net.")
@click.option("--sha256", metavar="HEX", help="SHA-256 that the zip or file must have.")
@click.option("--drop-unknown", is_flag=True, help="Leave out unknown columns of a foreign table.")
@_REGISTRY
@with_dictionary
def load(
    name: str,
    out: Path | None,
    offline: bool,
    sha256: str | None,
    drop_unknown: bool,
    registry: Path | None,
    d: Dictionary | None,
) -> None:
    """Load a data set by NAME[@VERSION], DOI, https URL or path; wrong bytes are refused.

    Names are looked up in ./releases, in the folders named by AMLSYNTH_RELEASES, and in the registry. What
    was downloaded once is loaded without the net from then on; AMLSYNTH_CACHE names the folder for it.

    \b
    Examples:
      amlsynth load aml-reference@1.0.0 --out data.csv
      amlsynth load demo/aml-reference-1.0.0.zip
      amlsynth load 10.5281/zenodo.1234567 --out data.parquet
    """
    import warnings

    from amlsynth.cli.terminal import TerminalProgress
    from amlsynth.cohort.tables import write_table
    from amlsynth.loading import dataset

    with TerminalProgress() as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes are printed below
        loaded = dataset(
            name,
            registry=registry,
            offline=offline,
            sha256=sha256,
            drop_unknown=drop_unknown,
            d=d,
            progress=progress,
        )
    title = f"{loaded.name} {loaded.version}"
    if out is not None:
        refuse_overwriting(out, loaded.path)
        write_table(loaded.frame, out)
        say(f"{out}: {counted(len(loaded.frame), 'patient')} of {title}.")
    else:
        say(f"{title}: {counted(len(loaded.frame), 'patient')}, {loaded.frame.shape[1]} columns.")
        for text in (loaded.statement, loaded.citation, loaded.doi and doi_url(loaded.doi)):
            if text:
                say(text)
    for note in loaded.notes:
        say(f"Note: {note}", err=True)


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@_REGISTRY
@with_dictionary
def datasets(
    as_json: bool,
    registry: Path | None,
    d: Dictionary | None,
) -> None:
    """List what there is to load by name: of the registry, on this machine, and in the cache.

    \b
    Examples:
      amlsynth datasets
      amlsynth datasets --json
    """
    from amlsynth.loading.catalogue import datasets as list_datasets

    releases = list_datasets(registry=registry)
    if as_json:
        say(json.dumps([listed.to_dict() for listed in releases], indent=1, ensure_ascii=False))
        return
    rows = [("name", "version", "status", "here", "doi", "title")]
    rows += [
        (
            listed.name,
            listed.version,
            listed.status,
            "yes" if listed.cached else "no",
            listed.doi or "",
            listed.title,
        )
        for listed in releases
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[5]]).rstrip())
