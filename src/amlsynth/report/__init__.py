"""The report that a regulator reads, rendered from evaluation.json by Quarto or by amlsynth itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.report.cells import current
    from amlsynth.report.render import render_report

__all__ = ["current", "render_report"]

_PLACES = {"current": "amlsynth.report.cells", "render_report": "amlsynth.report.render"}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the command line imports this package without matplotlib or pandoc.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)
