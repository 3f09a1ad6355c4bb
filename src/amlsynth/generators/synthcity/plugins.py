"""What amlsynth knows of synthcity's plugins: their names, parameters, and how to keep them to themselves."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import random
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
from pydantic import ConfigDict, create_model

from amlsynth.foundation.errors import (
    AmlsynthError,
    DataError,
    MissingExtraError,
    UsageError,
    did_you_mean,
    require_extra,
)
from amlsynth.foundation.files import scratch_folder
from amlsynth.foundation.packages import package_problem
from amlsynth.generators.base import Parameters, Search

PREFIX = "synthcity:"

# The plugins for survival data, and the ones that they are built on, whose parameters they take as well.
SURVIVAL_BASES = {
    "survival_nflow": "nflow",
    "survival_gan": "adsgan",
    "survival_ctgan": "ctgan",
    "survae": "tvae",
}
# Of synthcity 0.2.12, so that a name can be checked where it is not installed. Left out are its samplers of
# the training data and of noise, since amlsynth has its own anchors; decaf, which wants a causal graph; and
# privbayes and aim, which took more than four minutes for 64 columns of 300 patients.
PLUGINS = (
    *SURVIVAL_BASES,
    "nflow",
    "ctgan",
    "tvae",
    "rtvae",
    "ddpm",
    "arf",
    "bayesian_network",
    "adsgan",
    "dpgan",
    "pategan",
)
_CATEGORIES = ("generic", "privacy", "survival_analysis")
# What amlsynth sets itself, or what is no number or word.
_OURS = {
    "self",
    "workspace",
    "random_state",
    "compress_dataset",
    "sampling_patience",
    "is_classification",
    "tabular",
    "verbose",
}
_SIMPLE = (bool, int, float, str)

INSTALLATION = """\
synthcity needs older packages than the rest (numpy < 2, torch < 2.3), so give it an environment of its own:
  python3.11 -m venv .venv-synthcity
  .venv-synthcity/bin/pip install '.[generate,synthcity]'   # in a clone of amlsynth
  .venv-synthcity/bin/amlsynth generate --generator {name} ...
There, make test-synthcity does it from tested pins (constraints-synthcity.txt)."""


class SynthcityParameters(Parameters):
    """The hyperparameters of a plugin, by the names that synthcity gives them."""

    model_config = ConfigDict(protected_namespaces=())

    def given(self) -> dict[str, Any]:
        """Return the parameters that differ from synthcity's defaults."""
        return self.model_dump(exclude_defaults=True)


def plugin_kind(plugin: str) -> str:
    """Return synthcity's name for the kind of a plugin, such as "survival_analysis" or "generic".

    Raises
    ------
    UsageError
        There is no such plugin.
    MissingExtraError
        synthcity is not installed; the error gives the commands.
    """
    if plugin not in PLUGINS:
        hint = did_you_mean(PREFIX + plugin, [PREFIX + name for name in PLUGINS])
        raise UsageError(
            f"There is no generator {PREFIX + plugin!r}.{hint} Plugins of synthcity: {', '.join(PLUGINS)}."
        )
    if importlib.util.find_spec("synthcity") is None:
        raise MissingExtraError(
            f"The generator {PREFIX}{plugin} needs the package synthcity, which is not installed here. "
            + INSTALLATION.format(name=PREFIX + plugin)
        )
    return str(_class(plugin).type())


@cache
def plugins() -> Any:
    """Return synthcity's registry; loading it takes some seconds."""
    with contained("registry"):
        import synthcity.logger
        from synthcity.plugins import Plugins

        # It logs tracebacks with the values of variables, among which are patients.
        synthcity.logger.remove()
        plugins_ = Plugins(categories=list(_CATEGORIES))
        synthcity.logger.remove()
    return plugins_


def parameters_of(plugin: str) -> type[SynthcityParameters]:
    """Return the parameters of a plugin: its constructor's, with the ranges that synthcity searches."""
    signatures = [inspect.signature(_class(name).__init__) for name in _classes(plugin)]
    with contained(plugin):
        ranges = {space.name: _search(space) for space in _class(plugin).hyperparameter_space()}
    fields: dict[str, Any] = {}
    for signature in signatures:
        for name, parameter in signature.parameters.items():
            kind = _type(name, parameter)
            if kind is None or name in fields:
                continue
            search = ranges.get(name)
            # A device is an object there, and a word here, so that provenance can hold it.
            default = str(parameter.default) if name == "device" else parameter.default
            fields[name] = (Annotated[kind, search] if search else kind, default)
    return create_model(f"{plugin}_parameters", __base__=SynthcityParameters, **fields)


@contextlib.contextmanager
def contained(plugin: str) -> Iterator[Path]:
    """Keep synthcity to itself: its warnings, prints, global seeds and files; yields a folder for the files.

    Raises
    ------
    DataError
        synthcity failed. The text of its error is left out, since it may hold values of the data.
    MissingExtraError
        A package that it needs is missing or does not work.
    """
    torch = require_extra("synthcity", "torch", f"synthcity's {plugin}")

    legacy = np.random.get_state()  # noqa: NPY002 - synthcity seeds it
    state = random.getstate(), torch.get_rng_state()
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        nowhere = stack.enter_context(Path(os.devnull).open("w"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        folder = stack.enter_context(scratch_folder("amlsynth-synthcity-"))
        stack.enter_context(_environment("PYTHONWARNINGS", "ignore"))  # for processes that it starts
        try:
            yield folder
        except (AmlsynthError, MemoryError):
            raise
        except Exception as error:
            if problem := package_problem(error):
                raise MissingExtraError(problem.sentence(f"synthcity's {plugin}", "synthcity")) from error
            if isinstance(error, OSError):
                raise
            raise DataError(
                f"synthcity's {plugin} failed with {type(error).__name__}. Try other parameters (a lower lr, "
                "another n_iter), more patients, or another plugin; --debug shows where it failed."
            ) from error
        finally:
            np.random.set_state(legacy)  # noqa: NPY002
            random.setstate(state[0])
            torch.set_rng_state(state[1])


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _classes(plugin: str) -> tuple[str, ...]:
    base = SURVIVAL_BASES.get(plugin)
    return (plugin, base) if base else (plugin,)


def _class(plugin: str) -> Any:
    with contained(plugin):
        try:
            return plugins().get_type(plugin)
        except ValueError:
            _import(plugin)  # synthcity leaves out a plugin that it could not import, and logs why to nowhere
            raise


def _import(plugin: str) -> None:
    """Import the module of a plugin anew, so that the error comes out that synthcity swallowed."""
    for category in _CATEGORIES:
        module = f"synthcity.plugins.{category}.plugin_{plugin}"
        if importlib.util.find_spec(module) is not None:
            sys.modules.pop(module, None)
            importlib.import_module(module)


def _type(name: str, parameter: inspect.Parameter) -> Any:
    """Return the type of a parameter that can be given as a word or a number, or None."""
    if name in _OURS or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        return None
    if name == "device":
        return str  # "cpu" or "cuda"; synthcity's own default is what it finds
    kinds = [kind for kind in get_args(parameter.annotation) or (parameter.annotation,) if kind in _SIMPLE]
    if not kinds:
        return None
    return kinds[0] | None if parameter.default is None else kinds[0]


def _search(space: Any) -> Search:
    if hasattr(space, "choices"):
        return Search(choices=tuple(space.choices))
    return Search(low=space.low, high=space.high, log="Log" in type(space).__name__)
