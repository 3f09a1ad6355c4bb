"""The parameters of `ctabgan-plus`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from amlsynth.generators.base import Search
from amlsynth.generators.building_blocks.neural import NeuralParameters


class Params(NeuralParameters):
    """Parameters of `ctabgan-plus`; the defaults were tuned on AMLSG."""

    steps: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="steps of the generator, at most"),
        Search(300, 2000, log=True),
    ] = 600
    batch: Annotated[
        int,
        Field(ge=16, le=4096, multiple_of=16, description="rows of a batch"),
        Search(choices=(64, 128, 256)),
    ] = 128
    critic_steps: Annotated[
        int, Field(ge=1, le=20, description="steps of the critic for each of the generator"), Search(1, 5)
    ] = 2
    pac: Annotated[
        int,
        Field(ge=1, le=16, description="rows that the critic judges together; must divide the batch"),
        Search(choices=(1, 2, 4)),
    ] = 1
    noise: Annotated[int, Field(ge=1, le=1024, description="numbers of noise for a row")] = 64
    hidden: Annotated[
        int, Field(ge=8, le=2048, description="width of the dense layers"), Search(choices=(64, 128, 256))
    ] = 128
    channels: Annotated[
        int,
        Field(ge=2, le=256, description="channels of the convolutions, twice as many in the middle"),
        Search(choices=(8, 16, 32)),
    ] = 16
    generator_rate: Annotated[
        float,
        Field(gt=0, le=0.1, description="Adam's learning rate of the generator"),
        Search(2e-4, 5e-3, log=True),
    ] = 1e-3
    critic_rate: Annotated[
        float,
        Field(gt=0, le=0.1, description="Adam's learning rate of critic and auxiliary network"),
        Search(2e-4, 5e-3, log=True),
    ] = 1e-3
    penalty: Annotated[float, Field(gt=0, le=1000, description="weight of the gradient penalty")] = 10.0
    tau: Annotated[
        float,
        Field(ge=0.05, le=5, description="temperature of the Gumbel-softmax"),
        Search(0.1, 1.0, log=True),
    ] = 0.2
    condition_weight: Annotated[float, Field(ge=0, le=1000, description="weight of the condition's loss")] = (
        1.0
    )
    information_weight: Annotated[
        float, Field(ge=0, le=1000, description="weight of the information loss"), Search(0.01, 1.0, log=True)
    ] = 0.1
    downstream_weight: Annotated[
        float, Field(ge=0, le=1000, description="weight of the downstream loss"), Search(0.01, 2.0, log=True)
    ] = 0.3
    moments_weight: Annotated[
        float,
        Field(
            ge=0, le=1e4, description="weight of the moments of the rows themselves; 0 is the paper's model"
        ),
        Search(1.0, 100.0, log=True),
    ] = 10.0
    moments_batch: Annotated[
        int, Field(ge=16, le=65536, description="rows from which moments are estimated")
    ] = 256
    prior: Annotated[
        float,
        Field(ge=0, le=1000, description="patients' worth added to the variance of rare states in moments"),
    ] = 5.0
    averaging: Annotated[
        float, Field(ge=0, lt=1, description="decay of the moving average of the generator's weights")
    ] = 0.99
    max_modes: Annotated[int, Field(ge=1, le=50, description="modes of the mixture of a number, at most")] = 5
    target: Annotated[
        str | None,
        Field(
            description="categorical column that the downstream loss classifies; without it the response, "
            "or else the first column of two states"
        ),
    ] = None
    check_every: Annotated[int, Field(ge=1, description="steps between two validations")] = 60
    patience: Annotated[
        int, Field(ge=1, description="validations without a better one before training stops")
    ] = 5
    calibrate: Annotated[
        bool, Field(description="correct the margins of states and numbers after training")
    ] = True
    calibration_rows: Annotated[
        int, Field(ge=256, le=1_000_000, description="generated rows from which corrections are estimated")
    ] = 8192

    @field_validator("pac")
    @classmethod
    def _divides(cls, pac: int, info: ValidationInfo) -> int:
        batch = info.data.get("batch", pac)
        if batch % pac:
            raise ValueError(f"it must divide the batch of {batch} rows")
        return pac
