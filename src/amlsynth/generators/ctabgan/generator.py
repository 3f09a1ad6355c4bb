"""CTAB-GAN+ as a generator of the registry.

Zhao, Kunar, Birke, Van der Scheer and Chen, "CTAB-GAN+: enhancing tabular data synthesis", Frontiers in Big
Data 2024, https://doi.org/10.3389/fdata.2023.1296508. Written from the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.types import Progress
from amlsynth.generators.base import Generator
from amlsynth.generators.building_blocks.neural import Budget, pick_device, torch_generator
from amlsynth.generators.ctabgan.params import Params
from amlsynth.generators.ctabgan.rows import PATTERN, TIME, RowEncoder
from amlsynth.generators.ctabgan.validation import likeness
from amlsynth.model_space.encoding import Encoded, decode, encode

if TYPE_CHECKING:
    import torch

    from amlsynth.generators.ctabgan.calibration import NumberCorrection
    from amlsynth.generators.ctabgan.networks import RowGenerator
    from amlsynth.generators.ctabgan.training import Trainer

_CHUNK = 8192  # rows that go through the network together
_CHECK = 2048  # rows at most from which the corrections are estimated while training


class CtabganPlus(Generator):
    """A conditional generative adversarial network over mixed columns, with both endpoints.

    It hides no single patients: a state, event pattern or missing value that only one has can come out.
    """

    name = "ctabgan-plus"
    summary = "generative adversarial network for mixed columns (Zhao et al. 2024)"
    minimum_patients = 50
    quick_params: ClassVar[Mapping[str, Any]] = {
        "steps": 4,
        "batch": 32,
        "critic_steps": 1,
        "hidden": 16,
        "channels": 2,
        "moments_batch": 64,
        "max_modes": 1,
        "calibration_rows": 1024,
        "check_every": 4,
    }
    Params = Params

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        device = pick_device(self.params.device)
        progress("fitting the encoder", 0.0)
        budget = Budget(self.params.time_budget)
        self._encoder = RowEncoder(train, self.params.max_modes, self.dictionary, rng)
        self._sampler: _Sampler | None = None
        self.steps_done = 0
        targets = self._targets(train)
        if self._encoder.layout.width == 0:  # all patients are alike
            return
        import torch

        from amlsynth.generators.ctabgan.training import Targets, Trainer

        rows = torch.from_numpy(self._encoder.encode(train, rng)).to(device)
        trainer = Trainer(
            self._encoder.layout, rows, Targets(*targets), self.params, torch_generator(rng, device)
        )
        self._sampler = _Sampler(self._encoder, trainer, self.params, rows, train, self.dictionary)
        check = int(rng.integers(2**31))
        wanted = decode(train, self.dictionary)

        def validate(network: RowGenerator) -> float:
            assert self._sampler is not None
            # The same noise at each validation, so that scores differ by the weights alone.
            noise = np.random.default_rng(check)
            self._sampler.calibrate(network, min(_CHECK, self.params.calibration_rows), noise)
            drawn = decode(self._sampler.draw(len(train), noise), self.dictionary)
            return likeness(wanted, drawn, self.dictionary)

        self.steps_done = trainer.train(
            validate, budget, lambda share: progress("training the networks", share)
        )
        self._sampler.calibrate(trainer.averaged, self.params.calibration_rows, rng)
        progress("training the networks", 1.0)

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        if self._sampler is None:
            return self._encoder.decode(np.zeros((n, 0), dtype=np.int64), np.zeros((n, 0)))
        return self._sampler.draw(n, rng)

    def _targets(self, train: Encoded) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return what the downstream loss predicts: the target column, the event pattern, and the time."""
        layout = self._encoder.layout
        target = self._target([str(name) for name in train.states])
        blocks = (layout.block(target) if target else None, layout.block(PATTERN))
        place = layout.number(TIME)
        return (
            tuple(block for block in blocks if block is not None),
            (layout.numbers.index(place),) if place.scalar is not None else (),
        )

    def _target(self, names: list[str]) -> str | None:
        """Return the column that the downstream loss classifies, one of the categorical `names`, if any."""
        target: str | None = self.params.target
        if target is None:
            binary = (name for name in names if self.dictionary[name].values == (0, 1))
            response = self.dictionary.response
            return response.name if response else next(binary, None)
        if target not in names:
            raise UsageError(
                f"ctabgan-plus: there is no categorical column {target!r} to be the target."
                f"{did_you_mean(target, names)}"
            )
        return target


class _Sampler:
    """Draws cohorts from a network, with the corrections of its margins."""

    def __init__(
        self,
        encoder: RowEncoder,
        trainer: Trainer,
        params: Params,
        rows: torch.Tensor,
        train: Encoded,
        d: Dictionary,
    ) -> None:
        self._dictionary = d
        self._encoder, self._trainer, self._params = encoder, trainer, params
        self._rows, self._train = rows, train
        self._network = trainer.averaged
        self._offsets: torch.Tensor | None = None
        self._numbers: NumberCorrection | None = None

    def calibrate(self, network: RowGenerator, n: int, rng: np.random.Generator) -> None:
        """Draw from `network` from now on, with corrections estimated from n draws."""
        from amlsynth.generators.ctabgan.calibration import (
            NumberCorrection,
            before_implications,
            state_offsets,
        )

        self._network, self._offsets, self._numbers = network, None, None
        if self._params.calibrate:
            layout = self._encoder.layout
            wanted = self._rows.mean(dim=0)
            output = self._output(n, torch_generator(rng, self._rows.device))
            self._offsets = state_offsets(output, layout, wanted)
            drawn = self.draw(n, rng)
            decoded = encode(decode(drawn, self._dictionary), self._dictionary)
            wanted = before_implications(wanted, drawn, decoded, self._encoder)
            self._offsets = state_offsets(output, layout, wanted)
            self._numbers = NumberCorrection(self.draw(n, rng), self._train)

    def draw(self, n: int, rng: np.random.Generator) -> Encoded:
        """Draw n patients."""
        generator = torch_generator(rng, self._rows.device)
        codes, scalars = [], []
        for start in range(0, n, _CHUNK):
            output = self._output(min(_CHUNK, n - start), generator)
            drawn = self._trainer.heads.draw(
                output if self._offsets is None else output + self._offsets, generator
            )
            codes.append(drawn[0].cpu().numpy())
            scalars.append(drawn[1].cpu().numpy().astype(np.float64))
        cohort = self._encoder.decode(np.concatenate(codes), np.concatenate(scalars))
        return cohort if self._numbers is None else self._numbers(cohort)

    def _output(self, n: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        from amlsynth.generators.ctabgan.training import emit

        with torch.no_grad():
            conditions = self._trainer.conditions.draw(n, logarithm=False, generator=generator)
            return emit(self._network, conditions, self._params.noise, generator)
