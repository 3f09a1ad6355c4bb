"""The schemas that are derived from the dictionary, and from nothing else."""

from amlsynth.schema.codebook import codebook
from amlsynth.schema.generated import GENERATED, render_all
from amlsynth.schema.json_schema import json_schema
from amlsynth.schema.pandera_schema import pandera_schema
from amlsynth.schema.table_schema import table_schema

__all__ = ["GENERATED", "codebook", "json_schema", "pandera_schema", "render_all", "table_schema"]
