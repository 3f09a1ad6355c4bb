"""Commands around releases: build, verify, export, diff, publish."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amlsynth.cli.options import FILE, OUT_FILE, OUT_FOLDER, Group, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.defaults import GUARANTEED
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.text import counted

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


@click.group(cls=Group)
def release() -> None:
    """Build, verify, export, compare and publish releases."""


@release.command("build")
@click.argument("spec", metavar="SPEC.yaml", type=FILE)
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to put the release into.")
@click.option("--previous", type=FILE, help="Folder or zip of the version before: for the changelog.")
@click.option("--doi", help="DOI of this version, to rebuild what was published.")
@with_dictionary
def release_build(
    spec: Path,
    out: Path,
    previous: Path | None,
    doi: str | None,
    d: Dictionary | None,
) -> None:
    """Build the release that SPEC.yaml describes: OUT/NAME-VERSION/ and OUT/NAME-VERSION.zip.

    The same spec in the same environment gives the same bytes. When a required gate fails, nothing is
    released, and OUT/NAME-VERSION.gates.json says why. With --previous (or the key `previous` of the spec)
    the changelog says what changed since, and a version that is too small a step is refused.

    With the generator private the release carries its guarantee (PRIVACY.md) and nothing that was measured
    against the original: that goes into OUT/internal/NAME-VERSION/, which is not for publication.

    \b
    Examples:
      amlsynth release build release/aml-reference.yaml --out releases
      amlsynth release build my-release.yaml --out releases --previous releases/my-release-1.0.0.zip
      amlsynth release build my-release.yaml --out rebuilt --doi 10.5281/zenodo.1234567
    """
    from amlsynth.release import build_release

    with TerminalProgress() as progress:
        result = build_release(spec, out, progress=progress, doi=doi, previous=previous, d=d)
    say(f"{result.folder}: {result.patients:,} synthetic patients, gates passed ({result.profile}).")
    say(f"{result.archive}: SHA-256 {result.archive_sha256}")
    if result.guarantee is not None:
        say(f"{result.folder / 'PRIVACY.md'}: {result.guarantee.sentence}")
        say(f"{result.internal}: evaluation, gates and report against the original. Not for publication.")
    for warning in result.warnings:
        say(f"Warning: {warning}", err=True)


@release.command("init")
@click.option("--cohort", type=FILE, required=True, help="The original, .csv or .parquet.")
@click.option("--out", type=OUT_FILE, required=True, help="Spec to write, .yaml.")
@click.option("--name", help="Short name of the data set; made from the cohort's without it.")
@click.option("--title")
@click.option("--description")
@click.option(
    "--creator", multiple=True, metavar="'FAMILY, GIVEN; ORCID; AFFILIATION'", help="May be repeated."
)
@click.option("--license", "license_", metavar="SPDX", help="Such as CC-BY-4.0.")
@click.option("--contact", help="Name and e-mail address.")
@click.option("--ethics", help="Committee, number and date of the vote.")
@click.option("--legal-basis", help="What allows the data to be published.")
@click.option("--funder", multiple=True, help="May be repeated.")
@click.option(
    "--generator",
    default=GUARANTEED,
    show_default=True,
    help="Another one makes a release without a guarantee, for sharing under an agreement.",
)
@click.option("--prior", type=FILE, help="Public cohort that the generator private starts from.")
@with_dictionary
def release_init(
    cohort: Path,
    out: Path,
    license_: str | None,
    generator: str,
    prior: Path | None,
    d: Dictionary | None,
    **told: Any,
) -> None:
    """Write a release spec for a cohort; what is not given is asked for on a terminal.

    Nothing that is required is invented: without a terminal the missing options are named. The spec is one
    for everybody, with a guarantee, unless another generator than private is named.

    \b
    Example:
      amlsynth release init --cohort trial.parquet --out trial-release.yaml --title "..." --description "..."
          --creator "Meier, Anna; 0000-0002-1825-0097; University of X" --license CC-BY-4.0
          --contact "data@x.example" --ethics "..." --legal-basis "..."
    """
    from amlsynth.cohort.cohort import read_about
    from amlsynth.generators.private.mechanism import DEFAULT_EPSILON
    from amlsynth.release.init import init_release, questions

    answers = {**told, "license": license_}
    if sys.stdin.isatty() and cohort.exists():
        for key, question in questions(read_about(cohort)).items():
            if not answers.get(key):
                answers[key] = click.prompt(question)
    given = {key: text for key, text in answers.items() if text}
    spec = init_release(cohort, out, given, generator=generator, prior=prior, d=d)
    say(f"{out}: {spec.stem}. Read it, then:")
    for name in spec.generator.measurements:
        options = "" if prior is None else f" --param prior={prior}"
        if d is not None:
            own = out.parent / spec.dictionary
            options += f" --dictionary {own if own.exists() else spec.dictionary}"
        say(
            f"  amlsynth measure --cohort {cohort} --epsilon {DEFAULT_EPSILON:g} --split-seed "
            f"{spec.split.seed}{options} --out {out.parent / name}"
        )
    say(f"  amlsynth release build {out} --out releases")


@release.command("verify")
@click.argument("path", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option(
    "--regenerate",
    is_flag=True,
    help="Make the data of a release with a guarantee again from its noisy sums alone, and compare.",
)
@with_dictionary
def release_verify(
    path: Path,
    as_json: bool,
    regenerate: bool,
    d: Dictionary | None,
) -> None:
    """Check a release folder or zip: every byte, the data package, the data, the gates, the guarantee.

    \b
    Examples:
      amlsynth release verify releases/aml-reference-1.0.0.zip
      amlsynth release verify releases/aml-reference-1.0.0.zip --regenerate
    """
    from amlsynth.release import verify_release

    report = verify_release(path, d, regenerate=regenerate)
    if as_json:
        say(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        for problem in report.problems:
            say(f"{problem.file}: {problem.check}: {problem.message}")
        state = "intact and valid" if report.ok else f"refused, {counted(len(report.problems), 'problem')}"
        say(f"{path}: {state}.")
    if not report.ok:
        click.get_current_context().exit(1)


@release.command("export")
@click.argument("path", type=FILE)
@click.option("--format", "kind", type=click.Choice(["adam"]), required=True, help="What to export.")
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write into.")
@with_dictionary
def release_export(
    path: Path,
    kind: str,
    out: Path,
    d: Dictionary | None,
) -> None:
    """Write a release, folder or zip, in another format; it is verified first.

    adam: ADaM-like data sets ADSL and ADTTE as SAS transport files (XPT version 5) and Dataset-JSON 1.1,
    with Define-XML 2.1. CNSR is 0 for an event and 1 for a censored time.

    \b
    Example:
      amlsynth release export releases/aml-reference-1.0.0.zip --format adam --out adam
    """
    from amlsynth.release.exporting import export_release

    exported = export_release(path, out, kind, d)
    records = ", ".join(f"{name} {count:,} records" for name, count in exported.records.items())
    say(f"{out}: {len(exported.files)} files; {records}.")


@release.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@with_dictionary
def release_diff(
    old: Path,
    new: Path,
    as_json: bool,
    d: Dictionary | None,
) -> None:
    """Say what changed from release OLD to release NEW, each a folder or a zip.

    Fields, rules, rows, how the data were made, measures and gates are compared; the rules of the Data
    Package standard then give the least step of the version. Exit code 1 when NEW's version is too small.

    \b
    Examples:
      amlsynth release diff releases/my-release-1.0.0.zip releases/my-release-1.1.0
      amlsynth release diff old.zip new.zip --json
    """
    from amlsynth.release.compare import compare_releases

    changes = compare_releases(old, new, d)
    if as_json:
        say(json.dumps(changes.to_dict(), indent=1, ensure_ascii=False))
    else:
        say("\n".join(changes.sentences()))
    if not changes.is_satisfied:
        click.get_current_context().exit(1)


@release.command("publish")
@click.argument("path", type=FILE)
@click.option("--confirm", is_flag=True, help="Publish; without it a draft is left to look at.")
@click.option("--sandbox", is_flag=True, help="Use Zenodo's sandbox, where nothing lasts.")
@click.option("--dry-run", is_flag=True, help="Show every request and make none.")
@click.option("--discard", is_flag=True, help="Delete the draft, and take its DOI out of the release.")
@click.option("--previous", type=FILE, help="Folder or zip of the published version before.")
@click.option("--new-version-of", metavar="DOI", help="The data set that this is a version of.")
@with_dictionary
def release_publish(
    path: Path,
    confirm: bool,
    sandbox: bool,
    dry_run: bool,
    discard: bool,
    previous: Path | None,
    new_version_of: str | None,
    d: Dictionary | None,
) -> None:
    """Make the release folder PATH a draft on Zenodo, and publish it with --confirm.

    The DOI is reserved first and written into datapackage.json, CITATION.cff, README.md and the report;
    then the zip and the documents are sent. A run that was cut off goes on where it stopped, and nothing
    is published twice. What is known is kept in PATH/publish.json.

    The token comes from the environment variable ZENODO_API_TOKEN (with --sandbox
    ZENODO_SANDBOX_API_TOKEN), or from the keyring: service amlsynth, user zenodo or zenodo-sandbox.

    \b
    Examples:
      amlsynth release publish releases/my-release-1.0.0 --dry-run
      amlsynth release publish releases/my-release-1.0.0 --sandbox --confirm
      amlsynth release publish releases/my-release-1.0.0
      amlsynth release publish releases/my-release-1.0.0 --discard
      amlsynth release publish releases/my-release-1.0.0 --confirm
      amlsynth release publish releases/my-release-1.1.0 --previous releases/my-release-1.0.0.zip --confirm
    """
    from amlsynth.release.zenodo.discard import discard_draft
    from amlsynth.release.zenodo.plan import plan_publication
    from amlsynth.release.zenodo.publish import publish_release

    if discard:
        if confirm or dry_run:
            raise UsageError("--discard deletes a draft; leave --confirm and --dry-run out.")
        draft = discard_draft(path, sandbox=sandbox, d=d)
        found = f"the draft {draft.page or draft.id} is deleted" if draft else "there is no draft of it"
        say(f"{path}: {found}.")
        return
    if dry_run:
        plan = plan_publication(path, confirm=confirm, sandbox=sandbox, new_version_of=new_version_of, d=d)
        content = None
        for request in plan:
            say("\n".join(request.sentences(again=request.content == content)))
            content = request.content or content
        say(f"{len(plan)} requests, none was made.")
        return
    with TerminalProgress() as progress:
        result = publish_release(
            path,
            confirm=confirm,
            sandbox=sandbox,
            previous=previous,
            new_version_of=new_version_of,
            progress=progress,
            d=d,
        )
    for note in result.notes:
        say(f"Note: {note}", err=True)
    files = f"{len(result.sent)} files sent, {len(result.kept)} were there, {len(result.removed)} removed"
    if result.published:
        say(f"{path}: published as {doi_url(result.doi)} ({files}). {result.page}".rstrip())
        say(f"{result.archive}: SHA-256 {result.archive_sha256}")
        if result.concept_doi:
            say(f"All versions: {doi_url(result.concept_doi)}")
        return
    say(f"{path}: draft with the reserved DOI {result.doi} ({files}). {result.page}".rstrip())
    again = f"amlsynth release publish {path} --confirm{' --sandbox' if sandbox else ''}"
    say(f"Nothing is public yet. To publish, which cannot be undone: {again}")
