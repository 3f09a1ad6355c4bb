"""The named streams of random numbers: with one seed, each purpose draws from a stream of its own."""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@unique
class Stream(Enum):
    """Who draws random numbers with the seed of an evaluation, or of replicates.

    The value is what follows the seed in the entropy of a `numpy.random.SeedSequence`; a change of it changes
    figures that are published. Entropy is padded with zeros, so (200, 0) would be the stream of (200,): no
    value ends with 0.
    """

    TRAINING_PARTS = (1,)
    HAMMING_SAMPLE = (2,)
    INDEPENDENT_ANCHOR = (101,)
    BOOTSTRAP_ANCHOR = (102,)
    ATTACK_DATA = (200,)
    REFERENCE_HALVES = (200, 1)
    CLOSEST_RECORD_DRAWS = (200, 2)
    SINGLE_PREDICATES = (200, 3)
    JOINT_PREDICATES = (200, 4)
    ATTRIBUTE_GUESSES = (200, 5)
    MEMBER_SUBSAMPLES = (200, 6)
    LINKED_MEMBERS_CLINICAL = (200, 10)
    LINKED_MEMBERS_GENETIC = (200, 11)
    LINKED_NON_MEMBERS_CLINICAL = (200, 12)
    LINKED_NON_MEMBERS_GENETIC = (200, 13)
    DISCRIMINATOR = (201,)
    K_MEANS = (202,)
    CLASSIFIER_TEST = (203,)
    NEIGHBOURHOODS = (210,)
    CLOSEST_RECORDS = (211,)
    NEAR_COPIES = (212,)
    COLUMN_INTERVALS = (221,)
    CO_OCCURRENCE_INTERVALS = (222,)
    CURVE_INTERVALS = (223,)
    EQUAL_SIZES = (224,)
    PREDICTION_FOLDS = (301,)
    TIME_ORDER = (302,)
    AUDIT_TARGETS = (401,)
    AUDIT_INTERVALS = (402,)
    AUDIT_CONTROL = (403,)
    AUDIT_LEFT_OUT = (404,)
    AUDIT_QUERIES = (405,)
    AUDIT_MEMBERSHIPS = (406,)
    AUDIT_OTHERS = (407,)
    AUDIT_FIT = (408,)
    REPLICATE_FIT = (501,)
    REPLICATE_PATIENTS = (502,)

    def rng(self, seed: int) -> np.random.Generator:
        """Return the stream's generator for a seed.

        Examples
        --------
        >>> Stream.K_MEANS.rng(1).random() == Stream.K_MEANS.rng(1).random()
        True
        """
        import numpy as np

        return np.random.default_rng((seed, *self.value))

    def rng_of(self, seed: int, number: int) -> np.random.Generator:
        """Return the generator of one of many that a purpose has, numbered from 0, such as the fits of an
        audit.

        Examples
        --------
        >>> Stream.AUDIT_FIT.rng_of(1, 0).random() == Stream.AUDIT_FIT.rng_of(1, 1).random()
        False
        """
        import numpy as np

        return np.random.default_rng((seed, *self.value, number + 1))
