"""The kernels of linear algebra are named where a library tells them, and nowhere else."""

from __future__ import annotations

import sys

import pytest
import threadpoolctl

from amlsynth.foundation.kernels import blas_kernels, one_thread_of


def test_they_are_named_where_the_libraries_tell_them(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = [
        {"user_api": "blas", "architecture": "Zen"},
        {"user_api": "blas", "architecture": "Haswell"},
        {"user_api": "blas", "architecture": "Zen"},
        {"user_api": "blas", "internal_api": "mkl"},
        {"user_api": "openmp"},
    ]
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: loaded)
    assert blas_kernels() == ("Haswell", "Zen")
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # as where it is not installed
    assert blas_kernels() == ()


def test_libraries_are_kept_to_one_thread_within_the_block_each_time() -> None:
    import scipy.optimize  # noqa: F401  (a library that is loaded within the block has its own number)

    def threads() -> set[int]:
        return {e["num_threads"] for e in threadpoolctl.threadpool_info() if e["user_api"] == "blas"}

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        for _ in range(2):
            before = threads()
            with one_thread_of("scipy.optimize", "A fit", api="blas"):
                assert threads() == {1}
            assert threads() == before != {1}
