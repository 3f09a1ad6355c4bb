"""Loading: released cohorts by name, DOI, URL or path, with their bytes checked before they are read.

What is imported here stays small: reading a release needs none of the packages that make one, and a
release that was checked before is read without those that check it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlsynth.foundation.room import lazy_names
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

# Which a load has no use for.
__getattr__ = lazy_names(__name__, {"Listed": "catalogue", "datasets": "catalogue"})
