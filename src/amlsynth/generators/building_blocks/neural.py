"""What the neural generators share: device, seeds, time budget, and keeping the best state of a training."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.generators.base import Parameters

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]


class NeuralParameters(Parameters):
    """The parameters that every neural generator has."""

    device: Annotated[
        DeviceName, Field(description="where to train and sample; auto takes CUDA when it is there")
    ] = "auto"
    time_budget: Annotated[
        float | None,
        Field(gt=0, description="seconds after which training stops with the best state so far"),
    ] = None


def pick_device(name: DeviceName) -> torch.device:
    """Return the device to train on.

    Raises
    ------
    UsageError
        CUDA was asked for and is not there.
    MissingExtraError
        torch is not installed.
    """
    cuda = require_extra("neural", "torch.cuda", "A neural generator")
    if name == "cuda" and not cuda.is_available():
        raise UsageError(
            "device=cuda was asked for, and torch finds no CUDA device here. Use device=cpu or device=auto, "
            "or install a CUDA build of torch on a machine with an NVIDIA GPU."
        )
    import torch

    return torch.device("cuda" if name != "cpu" and cuda.is_available() else "cpu")


def torch_generator(rng: np.random.Generator, device: torch.device) -> torch.Generator:
    """Return torch's source of randomness for a device, seeded from `rng`; nothing global is seeded."""
    import torch

    return torch.Generator(device=device).manual_seed(int(rng.integers(2**63 - 1)))


class Budget:
    """Seconds that a training may take by `clock`, the machine's if not given; None is no limit."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._start, self._seconds = self._clock(), seconds

    @property
    def spent(self) -> bool:
        return self._seconds is not None and self._clock() - self._start >= self._seconds

    def share(self, of_steps: float) -> float:
        """Return the share of the work that is done: of the steps or of the time, whichever is more."""
        if self._seconds is None:
            return of_steps
        return min(1.0, max(of_steps, (self._clock() - self._start) / self._seconds))


class Best:
    """Keeps the state of the modules at the best validation score, and tells when to stop.

    Parameters
    ----------
    modules : modules whose states are kept together.
    patience : scores without a better one before `exhausted` is true.
    """

    def __init__(self, *modules: Any, patience: int) -> None:
        self._modules, self._patience = modules, patience
        self._since = 0
        self.score = -np.inf
        self._states: list[Any] = []

    def offer(self, score: float) -> bool:
        """Take note of a score (higher is better); True when it is the best so far."""
        if np.isfinite(score) and score > self.score:
            self.score, self._since = score, 0
            self._states = [copy.deepcopy(module.state_dict()) for module in self._modules]
            return True
        self._since += 1
        return False

    @property
    def exhausted(self) -> bool:
        return self._since >= self._patience

    def restore(self) -> None:
        """Load the best states, if there was any finite score."""
        for module, state in zip(self._modules, self._states, strict=False):
            module.load_state_dict(state)
