"""Tuning: the parameters that a generator does best with, found by Optuna without the release's hold-out."""

from __future__ import annotations

from amlsynth.tuning.objectives import OBJECTIVES
from amlsynth.tuning.record import TrialRecord, TuningResult, table, write_params
from amlsynth.tuning.storage import shown
from amlsynth.tuning.tune import tune

__all__ = ["OBJECTIVES", "TrialRecord", "TuningResult", "shown", "table", "tune", "write_params"]
