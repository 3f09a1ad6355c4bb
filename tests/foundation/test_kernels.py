"""The kernels of linear algebra are named where a library tells them, and nowhere else."""

from __future__ import annotations

import sys

import pytest
import threadpoolctl

from amlsynth.foundation.kernels import blas_kernels


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
