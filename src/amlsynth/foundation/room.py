"""Rooms that are called as the public function of the same name."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


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
