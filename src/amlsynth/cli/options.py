"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from amlsynth.foundation.defaults import MOST_PATIENTS
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import check_place, real_path

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


class Output(click.Path):
    """A path that a command writes: `Command` looks at it before the work begins."""

    def __init__(self, *, folder: bool) -> None:
        super().__init__(path_type=Path)
        self.folder = folder


FILE = click.Path(path_type=Path)
OUT_FILE, OUT_FOLDER = Output(folder=False), Output(folder=True)
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


class Command(click.Command):
    """A command that tells what is wrong with the places it will write before it begins to work.

    Nothing is written over what it reads, nor two things to one place.
    """

    def invoke(self, ctx: click.Context) -> Any:
        given = [
            (p.type, path)
            for p in self.params
            for path in _paths(ctx.params.get(str(p.name)))
            if isinstance(p.type, click.Path)
        ]
        inputs = [path for kind, path in given if not isinstance(kind, Output)]
        written: list[Path] = []
        for kind, path in given:
            if isinstance(kind, Output):
                refuse_overwriting(path, *inputs)
                if real_path(path) in written:
                    raise UsageError(f"{path}: two things cannot be written to one place. Name another.")
                written.append(real_path(path))
                check_place(path, folder=kind.folder)
        return super().invoke(ctx)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def refuse_overwriting(out: Path, *inputs: Path | None) -> None:
    """Refuse an output that is one of the inputs: the original would be lost."""
    for source in inputs:
        if source is not None and source.exists() and out.exists() and out.samefile(source):
            raise UsageError(f"{out}: this is the input, which would be lost. Name another file to write.")


def _paths(value: Path | tuple[Path, ...] | None) -> tuple[Path, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _read(_context: click.Context, _option: click.Parameter, source: str | None) -> Dictionary | None:
    if source is None:
        return None
    from amlsynth.dictionary.model import load_dictionary  # brings pandas, which --help has no use for

    return load_dictionary(source)
