"""The parameters of `nflow`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amlsynth.generators.base import Search
from amlsynth.generators.building_blocks.neural import NeuralParameters


class Params(NeuralParameters):
    """How the network is built, trained and calibrated."""

    width: Annotated[
        int,
        Field(ge=0, le=1024, description="hidden units for each column; 0 leaves the linear part"),
        Search(0, 4),
    ] = 2
    bins: Annotated[int, Field(ge=2, le=64, description="bins of a spline"), Search(4, 16)] = 8
    prior: Annotated[
        float,
        Field(
            gt=0, le=100, description="standard deviation of the normal prior on the linear part's weights"
        ),
        Search(0.05, 2, log=True),
    ] = 0.3
    hidden_prior: Annotated[
        float,
        Field(
            gt=0, le=100, description="standard deviation of the normal prior on the hidden layers' weights"
        ),
        Search(0.02, 1, log=True),
    ] = 0.1
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share of the network's inputs hidden from it in training"),
        Search(0, 0.3),
    ] = 0.2
    learning_rate: Annotated[
        float, Field(gt=0, le=1, description="step size of Adam"), Search(2e-3, 3e-2, log=True)
    ] = 1e-2
    batch_size: Annotated[int, Field(ge=8, le=100_000, description="patients in a step")] = 256
    epochs: Annotated[
        int, Field(ge=1, le=100_000, description="passes over the training patients, at most")
    ] = 300
    patience: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="epochs without a better validation likelihood before training stops",
        ),
    ] = 10
    validation: Annotated[
        float,
        Field(gt=0, lt=0.9, description="share of the training patients whose likelihood stops the training"),
    ] = 0.15
    refit: Annotated[
        bool, Field(description="train again, on all patients, for as many steps as were best")
    ] = True
    calibration: Annotated[bool, Field(description="map each column's samples by rank to its marginal")] = (
        True
    )
