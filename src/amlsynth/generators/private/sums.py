"""The noisy sum as a small file: all that leaves a house, and all that a release is built from.

The file says what it is: dictionary and feature map with their hashes, noise, budget, neighbours. Files of
several trial groups add up when all of that agrees, since each patient is in one of them only.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.features import BOUND, GRID_BITS, FeatureMap
from amlsynth.generators.private.mechanism import Budget, mechanism, opendp_version, replace_one

_FAR = 8.0  # standard deviations of the noise, beyond which a sum cannot be one


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DictionaryPart(_Part):
    name: str
    version: str
    sha256: str


class MapPart(_Part):
    """The feature map: its hash, its length, and the public input that it is made from."""

    sha256: str
    size: Annotated[int, Field(ge=1)]
    prior: dict[str, str]
    not_assessed: tuple[str, ...]


class NoisePart(_Part):
    """The noise on every component, in whole steps of 2^-grid_bits of the bound of a patient's norm."""

    mechanism: Literal["discrete Gaussian"]
    library: str
    grid_bits: Literal[16]
    sensitivity: Annotated[int, Field(ge=1)]
    scale: Annotated[float, Field(gt=0)]


class ReplaceOne(_Part):
    rho: float
    epsilon: float


class PrivacyPart(_Part):
    """The guarantee for one patient added or removed; `replace_one` says what it is when one is replaced."""

    neighbours: Literal["one patient added or removed"]
    epsilon: Annotated[float, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    rho: Annotated[float, Field(gt=0)]
    replace_one: ReplaceOne


class SumsFile(_Part):
    """The content of a file of a noisy sum; JSON."""

    what: Literal["amlsynth: differentially private sum of patients' features"] = (
        "amlsynth: differentially private sum of patients' features"
    )
    format: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    dictionary: DictionaryPart
    feature_map: MapPart
    noise: NoisePart
    privacy: PrivacyPart
    patients: Annotated[str, Field(min_length=1, description="which patients of the cohort, in words")]
    patients_at_most: Annotated[int, Field(ge=1)]
    sum: tuple[int, ...]
    sha256: str = ""

    def sealed(self) -> SumsFile:
        """Return the file with the hash of its content, by which damage is noticed."""
        return self.model_copy(update={"sha256": self._digest()})

    def _digest(self) -> str:
        content = self.model_dump(mode="json", exclude={"sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def intact(self) -> bool:
        """Whether the content has the hash that the file says."""
        return self.sha256 == self._digest()


@dataclass(frozen=True)
class Sums:
    """One noisy sum, or several added up, in units of a patient's bound.

    Attributes
    ----------
    total : shape (size,), the noisy sum.
    sigma : standard deviation of the noise of every component.
    patients_at_most : public upper bound of the number of patients.
    files : what was added up.
    """

    total: FloatArray
    sigma: float
    patients_at_most: int
    files: tuple[SumsFile, ...]


def dictionary_hash(d: Dictionary) -> str:
    """Return the hash of a dictionary's content."""
    content = d.model_dump(mode="json", exclude={"title", "description", "words"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def map_part(features: FeatureMap, prior: dict[str, str]) -> MapPart:
    """Describe a feature map as a file of sums does."""
    names = {v.name for v in features.columns.dictionary.variables}
    names -= {name for unit in features.columns.units for name in unit}
    return MapPart(
        sha256=features.sha256,
        size=features.size,
        prior=prior,
        not_assessed=tuple(v.name for v in features.columns.dictionary.variables if v.name in names),
    )


def draw_sums(
    total: npt.NDArray[np.int64],
    features: FeatureMap,
    prior: dict[str, str],
    budget: Budget,
    patients_at_most: int,
    patients: str = "all",
) -> SumsFile:
    """Add the noise to a sum: this spends the budget.

    Parameters
    ----------
    total : sum of `features.integers` over the patients, shape (features.size,).
    """
    made = mechanism(budget, features.size)
    rho, epsilon = replace_one(made.rho, budget.delta)
    noisy = made.release(total)
    return SumsFile(
        id=secrets.token_hex(16),
        dictionary=DictionaryPart(
            name=features.columns.dictionary.name,
            version=features.columns.dictionary.version,
            sha256=dictionary_hash(features.columns.dictionary),
        ),
        feature_map=map_part(features, prior),
        noise=NoisePart(
            mechanism="discrete Gaussian",
            library=f"OpenDP {opendp_version()}",
            grid_bits=GRID_BITS,
            sensitivity=BOUND,
            scale=made.scale,
        ),
        privacy=PrivacyPart(
            neighbours="one patient added or removed",
            epsilon=budget.epsilon,
            delta=budget.delta,
            rho=made.rho,
            replace_one=ReplaceOne(rho=rho, epsilon=epsilon),
        ),
        patients=patients,
        patients_at_most=patients_at_most,
        sum=tuple(int(value) for value in noisy),
    ).sealed()


def write_sums(sums: SumsFile, path: Path) -> None:
    """Write a noisy sum as JSON, one line for the numbers."""
    content = sums.model_dump(mode="json")
    numbers = content.pop("sum")
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_text(path, f'{text[:-2]},\n "sum": {json.dumps(numbers)}\n}}\n')


def read_sums(path: Path) -> SumsFile:
    """Read a noisy sum.

    Raises
    ------
    UsageError
        The file cannot be read.
    DataError
        It is no noisy sum, or was changed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read; name a file that `amlsynth measure` wrote.") from error
    try:
        sums = SumsFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path}: this is no noisy sum of amlsynth: {place}: {first['msg']}. Make it again with "
            "`amlsynth measure`."
        ) from error
    if not sums.intact:
        raise DataError(
            f"{path}: the content was changed after it was written (its hash differs). Get it anew."
        )
    return sums


def add_up(files: Sequence[tuple[str, SumsFile]], features: FeatureMap, prior: dict[str, str]) -> Sums:
    """Check noisy sums against a feature map and add them up.

    Parameters
    ----------
    files : the sums with what they are called in messages.

    Raises
    ------
    DataError
        One is of another dictionary or map, stands twice, or cannot be a sum of bounded vectors.
    """
    expected = map_part(features, prior)
    seen: dict[str, str] = {}
    for name, sums in files:
        _check(name, sums, expected, dictionary_hash(features.columns.dictionary))
        if sums.id in seen:
            raise DataError(f"{name}: the same sum as {seen[sums.id]}. Give each once.")
        seen[sums.id] = name
    total = np.sum([np.array(sums.sum, dtype=np.float64) / BOUND for _, sums in files], axis=0)
    variance = sum((sums.noise.scale / sums.noise.sensitivity) ** 2 for _, sums in files)
    return Sums(
        total=total,
        sigma=float(np.sqrt(variance)),
        patients_at_most=sum(sums.patients_at_most for _, sums in files),
        files=tuple(sums for _, sums in files),
    )


def _check(name: str, sums: SumsFile, expected: MapPart, dictionary_sha256: str) -> None:
    if sums.dictionary.sha256 != dictionary_sha256:
        raise DataError(
            f"{name}: it was measured with another dictionary ({sums.dictionary.name} "
            f"{sums.dictionary.version}). Measure again with this one, or generate with that (--dictionary)."
        )
    ours, theirs = expected.model_dump(), sums.feature_map.model_dump()
    for key, what in (("prior", "prior"), ("not_assessed", "list of columns that are not assessed")):
        if ours[key] != theirs[key]:
            raise DataError(
                f"{name}: it was measured with another {what} ({_shown(theirs[key])}; here "
                f"{_shown(ours[key])}). Take the same for all, or measure again."
            )
    if sums.feature_map.sha256 != expected.sha256:
        raise DataError(
            f"{name}: it was measured with another feature map, by another version of amlsynth perhaps. "
            "Measure again with this one."
        )
    if len(sums.sum) != expected.size or sums.feature_map.size != expected.size:
        raise DataError(
            f"{name}: it has {len(sums.sum)} numbers, and the feature map has {expected.size}. Get the file "
            "anew."
        )
    _check_norm(name, sums)


def _check_norm(name: str, sums: SumsFile) -> None:
    """Refuse what no sum of at most `patients_at_most` vectors within the bound can be, noise included."""
    if sums.noise.sensitivity != BOUND:
        raise DataError(f"{name}: its bound of a patient's norm is not {BOUND}. Get the file anew.")
    vector = np.array([float(value) for value in sums.sum]) / BOUND
    sigma = sums.noise.scale / BOUND
    noise = sigma * (np.sqrt(len(vector)) + _FAR)
    if float(np.sqrt(vector @ vector)) > sums.patients_at_most + noise:
        raise DataError(
            f"{name}: no {sums.patients_at_most:,} patients can have this sum: its norm is larger than the "
            "feature map allows. Get the file anew."
        )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {str(text)[:12]}" for key, text in value.items())
    return ", ".join(value) or "none"
