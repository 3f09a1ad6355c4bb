"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from amlsynth.foundation.defaults import MOST_PATIENTS
from amlsynth.foundation.errors import UsageError

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary

FILE = click.Path(path_type=Path)
PATIENTS = click.IntRange(1, MOST_PATIENTS)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def with_dictionary(command: _Command) -> _Command:
    """Give a command the option --dictionary, which it gets as `d`: None where it is not given."""
    return click.option(
        "--dictionary",
        "d",
        metavar="FILE",
        callback=_read,
        help="Variable dictionary: a YAML file, or the name of one that amlsynth carries. Without it that of "
        "the data, or else the AML dictionary.",
    )(command)


def refuse_overwriting(out: Path, *inputs: Path | None) -> None:
    """Refuse an output that is one of the inputs: the original would be lost."""
    for source in inputs:
        if source is not None and source.exists() and out.exists() and out.samefile(source):
            raise UsageError(f"{out}: this is the input, which would be lost. Name another file to write.")


def _read(_context: click.Context, _option: click.Parameter, source: str | None) -> Dictionary | None:
    if source is None:
        return None
    from amlsynth.dictionary.model import load_dictionary  # brings pandas, which --help has no use for

    return load_dictionary(source)
