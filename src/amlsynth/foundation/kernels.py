"""Which kernels of linear algebra are at work, since the last bits of products of matrices depend on them."""

from __future__ import annotations


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
