"""The report that a regulator reads, rendered from evaluation.json by Quarto or by amlsynth itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlsynth.foundation.room import lazy_names

if TYPE_CHECKING:
    from amlsynth.report.cells import current
    from amlsynth.report.render import render_report

__all__ = ["current", "render_report"]

__getattr__ = lazy_names(__name__, {"current": "cells", "render_report": "render"})
