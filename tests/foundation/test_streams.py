"""Streams of random numbers do not collide, and published figures keep theirs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from amlsynth.foundation.streams import Stream


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_no_two_streams_draw_the_same_numbers(seed: int) -> None:
    drawn = sorted(tuple(stream.rng(seed).integers(2**62, size=2)) for stream in Stream)
    assert all(one != other for one, other in pairwise(drawn))


def test_a_stream_is_that_of_its_numbers() -> None:
    assert Stream.LINKED_MEMBERS_GENETIC.rng(7).random() == np.random.default_rng((7, 200, 11)).random()


def test_no_value_ends_with_the_zeros_that_entropy_is_padded_with() -> None:
    assert np.random.default_rng((3, 200)).random() == np.random.default_rng((3, 200, 0)).random()
    assert all(stream.value[-1] != 0 for stream in Stream)


def test_no_module_numbers_a_stream_by_itself(repository: Path) -> None:
    literal = re.compile(r"default_rng\(\(.*\d+\)\)")
    for path in (repository / "src").rglob("*.py"):
        if path.name != "streams.py":
            assert not literal.search(path.read_text(encoding="utf-8")), path
