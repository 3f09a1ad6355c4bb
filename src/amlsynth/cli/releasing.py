"""Commands around releases: build, verify, export."""

from __future__ import annotations

import json
from pathlib import Path

import click

from amlsynth.cli.data import FILE
from amlsynth.cli.progress import TerminalProgress


@click.group()
def release() -> None:
    """Build, verify and export releases."""


@release.command("build")
@click.argument("spec", metavar="SPEC.yaml", type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder to put the release into.")
def release_build(spec: Path, out: Path) -> None:
    """Build the release that SPEC.yaml describes: OUT/NAME-VERSION/ and OUT/NAME-VERSION.zip.

    The same spec in the same environment gives the same bytes. When a required gate fails, nothing is
    released, and OUT/NAME-VERSION.gates.json says why.

    \b
    Example:
      amlsynth release build release/aml-reference.yaml --out releases
    """
    from amlsynth.release import build_release

    with TerminalProgress() as progress:
        result = build_release(spec, out, progress=progress)
    click.echo(f"{result.folder}: {result.patients:,} synthetic patients, gates passed ({result.profile}).")
    click.echo(f"{result.archive}: SHA-256 {result.archive_sha256}")


@release.command("verify")
@click.argument("path", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def release_verify(path: Path, as_json: bool) -> None:
    """Check a release folder or zip: every byte, the data package, the data, the gates.

    \b
    Example:
      amlsynth release verify releases/aml-reference-1.0.0.zip
    """
    from amlsynth.release import verify_release

    report = verify_release(path)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        for problem in report.problems:
            click.echo(f"{problem.file}: {problem.check}: {problem.message}")
        state = "intact and valid" if report.ok else f"refused, {len(report.problems)} problems"
        click.echo(f"{path}: {state}.")
    if not report.ok:
        click.get_current_context().exit(1)


@release.command("export")
@click.argument("path", type=FILE)
@click.option("--format", "kind", type=click.Choice(["adam"]), required=True, help="What to export.")
@click.option("--out", type=FILE, required=True, help="Folder to write into.")
def release_export(path: Path, kind: str, out: Path) -> None:
    """Write a release, folder or zip, in another format; it is verified first.

    adam: CDISC ADaM data sets ADSL and ADTTE as SAS transport files (XPT version 5) and Dataset-JSON 1.1,
    with Define-XML 2.1. CNSR is 0 for an event and 1 for a censored time.

    \b
    Example:
      amlsynth release export releases/aml-reference-1.0.0.zip --format adam --out adam
    """
    from amlsynth.release.exporting import export_release

    made = export_release(path, out, kind)
    records = ", ".join(f"{name} {count:,} records" for name, count in made.records.items())
    click.echo(f"{out}: {len(made.files)} files; {records}.")
