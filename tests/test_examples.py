"""Every public name is read from its docstring: each has an example, and `make test` runs it."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import amlsynth

# Their examples are shown and not run.
NOT_RUN = {
    "build_release": "it takes a minute; tests/release builds releases",
    "import_amlsg": "it downloads the published files; tests/sources imports them where they are",
    "publish_release": "it sends a release to Zenodo; tests/release has a server of its own",
}


def _public() -> Iterator[tuple[str, str]]:
    """Every public name with its docstring, then the public functions of public classes."""
    for name in amlsynth.__all__:
        if name == "__version__":
            continue
        # A package of the same name, such as `amlsynth.audit`, may stand in the place of the function.
        value = getattr(import_module(f"amlsynth.{amlsynth._HOMES[name]}"), name)
        # Of the class itself: that of a base is an example of something else.
        yield name, vars(value).get("__doc__") or "" if inspect.isclass(value) else value.__doc__ or ""
        for key, member in vars(value).items() if inspect.isclass(value) else ():
            function: Any = getattr(member, "__func__", member)
            if inspect.isfunction(function) and not key.startswith("_"):
                yield f"{name}.{key}", function.__doc__ or ""


@pytest.mark.parametrize(("name", "text"), [pytest.param(*entry, id=entry[0]) for entry in _public()])
def test_every_public_name_has_an_example_that_runs(name: str, text: str) -> None:
    examples = doctest.DocTestParser().get_examples(text)
    run = [example for example in examples if not example.options.get(doctest.SKIP)]
    assert examples
    assert bool(run) == (name not in NOT_RUN)
