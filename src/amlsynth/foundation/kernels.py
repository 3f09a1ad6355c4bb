"""Kernels of linear algebra, on which the last bits of products of matrices depend, and their threads."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from amlsynth.foundation.errors import require_extra


def blas_kernels() -> tuple[str, ...]:
    """Return the kernels of the BLAS libraries that are loaded, in order; none where they do not tell.

    OpenBLAS and BLIS choose theirs by the processor; OpenBLAS by OPENBLAS_CORETYPE where that is set.

    Examples
    --------
    >>> all(isinstance(kernel, str) for kernel in blas_kernels())
    True
    """
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ()
    found = [entry for entry in threadpool_info() if entry.get("user_api") == "blas"]
    return tuple(sorted({entry["architecture"] for entry in found if entry.get("architecture")}))


def one_thread_of(module: str, purpose: str, api: str | None = None) -> AbstractContextManager[object]:
    """Keep the libraries that a module of the extra `generate` loads to one thread within a block.

    Parameters
    ----------
    module, purpose : what is imported first, so that there is something to limit, and for what.
    api : "blas" for products of matrices alone; all libraries without it.
    """
    limits: AbstractContextManager[object] = _libraries_of(module, purpose).limit(limits=1, user_api=api)
    return limits


@cache
def _libraries_of(module: str, purpose: str) -> Any:
    """Look through the libraries that are loaded once: it takes as long as a small forest."""
    require_extra("generate", module, purpose)
    return require_extra("generate", "threadpoolctl", purpose).ThreadpoolController()
