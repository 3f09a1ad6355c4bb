"""The variable dictionary, and the schemas and columns that are derived from it.

`amlsynth.dictionary()` is also the public function that returns the dictionary, so this module can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


class _Room(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Dictionary:
        from amlsynth.dictionary.model import dictionary

        return dictionary(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
