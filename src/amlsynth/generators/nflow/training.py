"""Training of `nflow`'s network: likelihood with a prior, early stop, and a second training on all patients.

Imported only when a flow is fitted, since torch is heavy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from amlsynth.foundation.types import IntArray, Progress
from amlsynth.generators.building_blocks.neural import Best, Budget, torch_generator
from amlsynth.generators.nflow.dequantise import BinaryColumn, Number, PartialSample
from amlsynth.generators.nflow.layout import Layout
from amlsynth.generators.nflow.network import Batch, Network, Shape
from amlsynth.generators.nflow.params import Params

_STAGE = "training the flow"
_LARGEST_GRADIENT = 10.0


def trained(
    layout: Layout,
    complete: PartialSample,
    params: Params,
    device: torch.device,
    rng: np.random.Generator,
    progress: Progress,
) -> Network:
    """Return a network fitted to a complete sample.

    A share of the patients is set aside; their likelihood decides how many epochs are best. With `refit` a
    new network is then trained on all patients for as many, unless the time budget is spent before.
    """
    shuffled = rng.permutation(complete.n)
    held_out = max(1, round(params.validation * complete.n))
    run = _Run(params, _shape(layout, params), _batch(layout, complete, device), device, rng, progress)
    network, epochs = run.until_best(shuffled[held_out:], shuffled[:held_out])
    if params.refit and epochs:
        network = run.again(shuffled, epochs) or network
    progress(_STAGE, 1.0)
    return network.eval()


@dataclass
class _Run:
    params: Params
    shape: Shape
    data: Batch
    device: torch.device
    rng: np.random.Generator
    progress: Progress

    def __post_init__(self) -> None:
        self._budget = Budget(self.params.time_budget)
        self._done, self._shown = 0, 0.0

    def until_best(self, rows: IntArray, held_out: IntArray) -> tuple[Network, int]:
        """Return the network with the best likelihood of the patients held out, and its epoch."""
        network, optimizer = self._new()
        validation = self.data.take(torch.from_numpy(held_out).to(self.device))
        best, epochs = Best(network, patience=self.params.patience), 0
        best.offer(_score(network, validation))
        for epoch in range(1, self.params.epochs + 1):
            self._epoch(network, optimizer, rows)
            if best.offer(_score(network, validation)):
                epochs = epoch
            self._tell(min(epochs + self.params.patience, self.params.epochs) + self.params.refit * epochs)
            if best.exhausted or self._budget.spent:
                break
        best.restore()
        return network, epochs

    def again(self, rows: IntArray, epochs: int) -> Network | None:
        """Return a network trained for so many epochs, or None if the budget ends before or it diverges."""
        network, optimizer = self._new()
        total = self._done + epochs
        for _ in range(epochs):
            if self._budget.spent:
                return None
            self._epoch(network, optimizer, rows)
            self._tell(total)
        return network if np.isfinite(_score(network, self.data)) else None

    def _new(self) -> tuple[Network, torch.optim.Optimizer]:
        network = Network(self.shape, torch_generator(self.rng, torch.device("cpu"))).to(self.device)
        return network, torch.optim.Adam(network.parameters(), lr=self.params.learning_rate)

    def _epoch(self, network: Network, optimizer: torch.optim.Optimizer, rows: IntArray) -> None:
        params = self.params
        steps = max(1, round(len(rows) / params.batch_size))
        for part in np.array_split(self.rng.permutation(rows), steps):
            batch = self.data.take(torch.from_numpy(part).to(self.device))
            kept = self.rng.random(batch.features.shape) >= params.dropout
            features = batch.features * torch.from_numpy(kept).to(self.device)
            log_prior = network.log_prior(params.prior, params.hidden_prior) / len(rows)
            loss = -network.log_likelihood(batch, features).mean() - log_prior
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
        self._done += 1

    def _tell(self, expected: int) -> None:
        """Report progress towards so many epochs as are expected now; it never goes back."""
        self._shown = max(self._shown, self._budget.share(min(1.0, self._done / expected)))
        self.progress(_STAGE, self._shown)


@torch.no_grad()
def _score(network: Network, validation: Batch) -> float:
    return float(network.log_likelihood(validation).mean())


def _shape(layout: Layout, params: Params) -> Shape:
    columns = layout.columns
    return Shape(
        is_binary=tuple(isinstance(column, BinaryColumn) for column in columns),
        thresholds=tuple(column.threshold for column in columns if isinstance(column, BinaryColumn)),
        width=params.width,
        bins=params.bins,
    )


def _batch(layout: Layout, complete: PartialSample, device: torch.device) -> Batch:
    binary = [column for column in layout.columns if isinstance(column, BinaryColumn)]
    numbers = [column for column in layout.columns if isinstance(column, Number)]

    def tensor(columns: list[npt.NDArray[np.generic]]) -> torch.Tensor:
        matrix = np.column_stack(columns) if columns else np.zeros((complete.n, 0))
        return torch.from_numpy(matrix.astype(np.float32)).to(device)

    return Batch(
        features=tensor([column.feature(complete) for column in layout.columns]),
        sign=tensor([np.where(q.known(complete), 1 - 2 * q.is_yes(complete), 0) for q in binary]),
        scores=tensor([column.score(complete) for column in numbers]),
        has_number=tensor([column.known(complete) for column in numbers]),
    )
