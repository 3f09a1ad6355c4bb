"""The command that makes a site of releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from amlsynth.cli.options import FILE, OUT_FOLDER, Command, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


@click.command(cls=Command)
@click.argument("releases", metavar="RELEASES...", nargs=-1, required=True, type=FILE)
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder for the site.")
@click.option("--title", help="Head of the first page.")
@click.option("--no-data", is_flag=True, help="Leave out data and zips; pages lead to the DOI.")
@with_dictionary
def site(
    releases: tuple[Path, ...],
    out: Path,
    title: str | None,
    no_data: bool,
    d: Dictionary | None,
) -> None:
    """Make a static site of RELEASES, folders or zips: versions, codebook search, reports, checksums.

    Every release is verified first. The site opens from its folder and works on GitHub Pages as it is; it
    asks for nothing from elsewhere.

    \b
    Example:
      amlsynth site releases/*.zip --out site
    """
    from amlsynth.site import build_site

    with TerminalProgress() as progress:
        catalogue = build_site(releases, out, title=title, data=not no_data, progress=progress, d=d)
    sets = f"{catalogue.data_sets} data set{'s' if catalogue.data_sets != 1 else ''}"
    say(f"{catalogue.index}: {sets}, {catalogue.versions} version{'s' if catalogue.versions != 1 else ''}.")
