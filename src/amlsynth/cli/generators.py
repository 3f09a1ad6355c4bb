"""The command that tells which generators there are, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from amlsynth.cli.options import Command, with_dictionary
from amlsynth.cli.terminal import say

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from amlsynth.dictionary.model import Dictionary


@click.command(cls=Command)
@click.argument("name", required=False)
@with_dictionary
def generators(
    name: str | None,
    d: Dictionary | None,
) -> None:
    """List the generators, or the parameters of the generator NAME.

    \b
    Examples:
      amlsynth generators
      amlsynth generators event-history
    """
    from amlsynth.foundation.errors import AmlsynthError
    from amlsynth.generators import generator_class, generator_names

    if name is None:
        for known in generator_names():
            try:
                summary = generator_class(known).summary
            except AmlsynthError as error:  # of one that is broken; the others are there all the same
                summary = f"cannot be used: {error}"
            say(f"{known:<18} {summary}")
        say("\nParameters of one: amlsynth generators NAME")
        return
    kind = generator_class(name)
    say(f"{name}: {kind.summary}\n")
    for key, field in kind.Params.model_fields.items():
        default = "none" if field.default is None else field.default
        say(f"{f'{key}={default}':<26} {field.description or ''}{_bounds(field)}")
    if not kind.Params.model_fields:
        say("It has no parameters.")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    bounds: list[Any] = [
        f"{words} {getattr(limit, sign):g}"
        for limit in field.metadata
        for sign, words in signs.items()
        if hasattr(limit, sign)
    ]
    return f" ({' '.join(bounds)})" if bounds else ""
