"""The failures that amlsynth reports as a sentence: what is wrong, where, and what to do."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType


class AmlsynthError(Exception):
    """Base of every error meant for the user; `exit_code` is what the command line exits with.

    Examples
    --------
    >>> import amlsynth
    >>> try:
    ...     amlsynth.read_cohort("nowhere.csv", "original")
    ... except amlsynth.AmlsynthError as error:
    ...     print(error.exit_code)
    2
    """

    exit_code = 1


class DataError(AmlsynthError, ValueError):
    """The data broke a rule or a gate (exit code 1).

    Examples
    --------
    >>> from amlsynth import to_typed
    >>> import pandas as pd
    >>> to_typed(pd.DataFrame({"AGE": ["old"]}))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    amlsynth.foundation.errors.DataError
    """


class UsageError(AmlsynthError, ValueError):
    """The call was wrong: an option, a path, a spec or a mapping (exit code 2).

    Examples
    --------
    >>> import amlsynth
    >>> amlsynth.load_dictionary("alm")
    Traceback (most recent call last):
    amlsynth.foundation.errors.UsageError: There is no dictionary 'alm'. Did you mean 'aml'? ...
    """

    exit_code = 2


class PlaceError(UsageError):
    """A file or folder cannot be written: its place is full, read-only or forbidden (exit code 2)."""


class MissingExtraError(AmlsynthError, ImportError):
    """A package is not installed, or what is installed does not work (exit code 2).

    Examples
    --------
    >>> require_extra("report", "no_such_package", "Rendering the report")
    Traceback (most recent call last):
    amlsynth.foundation.errors.MissingExtraError: Rendering the report needs ...
    """

    exit_code = 2


class NotComputable(Exception):
    """A quantity has no value for these patients; the message is the reason, which records show."""


def require_extra(extra: str, module: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra brings it and what is wrong with it.

    Parameters
    ----------
    extra : name of the extra in pyproject.toml, such as "report".
    module : dotted name of the module to import.
    purpose : what needs it, as the subject of a sentence, such as "Rendering the report".

    Raises
    ------
    MissingExtraError
        The module, or a package that it imports, is not installed, damaged, or of a version that does not go
        with another's; with the pip line that mends it.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        from amlsynth.foundation.packages import package_problem  # only a failure needs it

        problem = package_problem(error, module)
        if problem is None:
            raise
        raise MissingExtraError(problem.sentence(purpose, extra)) from error


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return " Did you mean 'X'?" for the nearest of `choices`, or "" when none is near."""
    import difflib  # only a mistake needs it

    options = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(name.lower(), list(options), n=1, cutoff=0.5)
    return f" Did you mean {options[near[0]]!r}?" if near else ""
