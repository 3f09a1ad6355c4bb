"""One call of `load`: its options, which every way of loading takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.loading.cache import Cache

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.foundation.types import Progress


@dataclass(frozen=True)
class Request:
    """The options of `load` and `dataset`, as these describe them; `d` None: the dictionary of the data."""

    cache: Cache
    registry: Path | None
    offline: bool
    sha256: str | None
    drop_unknown: bool
    verify: bool
    d: Dictionary | None
    progress: Progress | None
