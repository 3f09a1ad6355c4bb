"""Loading: released cohorts by name, DOI, URL or path, with their bytes checked before they are read.

What is imported here stays small: reading a release needs none of the packages that make one, and a
release that was checked before is read without those that check it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amlsynth.loading.cache import CACHE_VARIABLE, Cache
from amlsynth.loading.loader import dataset, load
from amlsynth.loading.local import SEARCH_VARIABLE, Found, local_releases
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import REGISTRY_VARIABLE

if TYPE_CHECKING:
    from amlsynth.loading.catalogue import Listed, datasets

__all__ = [
    "CACHE_VARIABLE",
    "REGISTRY_VARIABLE",
    "SEARCH_VARIABLE",
    "Cache",
    "Dataset",
    "Found",
    "Listed",
    "dataset",
    "datasets",
    "load",
    "local_releases",
]


def __getattr__(name: str) -> Any:
    if name not in ("Listed", "datasets"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from amlsynth.loading import catalogue  # which a load has no use for

    return getattr(catalogue, name)
