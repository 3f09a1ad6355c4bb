"""The file that `tune` writes and that `generate` and a release spec read: a generator, its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.yamlfile import read_yaml_model

Scalar = Annotated[bool | int | float | str | None, Field(union_mode="smart")]
Value = Annotated[Scalar | tuple[Scalar, ...], Field(union_mode="smart")]


class GeneratorParams(StrictModel):
    """A generator by its name, and its parameters; those that are not named keep their defaults."""

    name: Annotated[str, Field(min_length=1)]
    params: dict[str, Value] = Field(default_factory=dict)


class TunedSplit(BaseModel):
    """The split whose hold-out tuning has not seen."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seed: Annotated[int, Field(strict=True, ge=0)]
    holdout: Annotated[float, Field(gt=0, lt=1)]


class Tuned(BaseModel):
    """How the parameters were found; only the split is read again, the rest is for people."""

    model_config = ConfigDict(extra="allow", frozen=True)

    split: TunedSplit


class ParamsFile(StrictModel):
    """The content of a file of parameters; `tuning` is missing where a person wrote it."""

    generator: GeneratorParams
    tuning: Tuned | None = None

    @property
    def params(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.generator.params.items()}

    def check_split(self, path: Path, seed: int, holdout: float) -> None:
        """Refuse a split whose hold-out tuning has seen.

        Raises
        ------
        UsageError
            The parameters were tuned on another split.
        """
        if self.tuning is None:
            return
        tuned = self.tuning.split
        if (tuned.seed, tuned.holdout) != (seed, holdout):
            raise UsageError(
                f"{path}: tuned on the training part of split seed {tuned.seed} (hold-out "
                f"{tuned.holdout:g}), and the split here has seed {seed} (hold-out {holdout:g}): tuning has "
                f"seen patients of its hold-out. Take split seed {tuned.seed} and hold-out "
                f"{tuned.holdout:g}, or tune again with --split-seed {seed}."
            )


def read_params(path: Path) -> ParamsFile:
    """Read a file of parameters.

    Raises
    ------
    UsageError
        The file is missing, broken or wrong; the sentences name file, line, key and remedy.
    """
    return read_yaml_model(path, ParamsFile, what="file of parameters")
