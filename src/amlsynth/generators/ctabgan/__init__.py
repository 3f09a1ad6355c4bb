"""CTAB-GAN+ (Zhao et al., Frontiers in Big Data 2024; doi 10.3389/fdata.2023.1296508), in current torch.

Read in this order: `transforms` (columns of numbers), `missing` (columns that are missing together), `rows`
(a patient as one vector), `condition` (conditional vector, training by sampling), `networks`, `losses`,
`training`, `validation` (the score that stops it), `calibration`, `generator`. Parameters are in `params`.
"""

from amlsynth.generators.ctabgan.generator import CtabganPlus
from amlsynth.generators.ctabgan.params import Params

__all__ = ["CtabganPlus", "Params"]
