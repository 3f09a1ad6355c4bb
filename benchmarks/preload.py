"""What every run of the benchmark imports, once for all: each run is forked from the process that has it."""

import importlib.util

import amlsynth.evaluation
import amlsynth.generators.generation  # noqa: F401

if importlib.util.find_spec("synthcity"):  # whose imports take ten seconds
    from amlsynth.generators.synthcity.plugins import plugins

    plugins()
