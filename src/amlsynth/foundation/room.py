"""What the `__init__` of a package says of it: which names it has, and that it is called like a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_names(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package whose names are imported when they are first asked for.

    So importing a package costs next to nothing, whatever packages its modules need.

    Parameters
    ----------
    room : dotted name of the package, its ``__name__``.
    homes : the module of each name, relative to the package.

    Examples
    --------
    >>> getattr_ = lazy_names("amlsynth.foundation", {"Stream": "streams"})
    >>> getattr_("Stream").K_MEANS.name
    'K_MEANS'
    """

    def imported(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return imported


def callable_room(room: str, home: str) -> None:
    """Let the package `room` be called as the function of its own name in the module `home`.

    `amlsynth.audit(...)` is a public function and `amlsynth.audit` a package: whichever is imported last
    would stand in the other's place, so the package passes calls on. `home` is imported at the first call.

    Parameters
    ----------
    room : dotted name of the package, its ``__name__``.
    home : dotted name of the module that has the function.
    """
    name = room.rpartition(".")[2]

    class Room(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(home), name)(*args, **kwargs)

    sys.modules[room].__class__ = Room
