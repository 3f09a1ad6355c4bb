"""The variable dictionary, and the schemas and columns that are derived from it."""

from amlsynth.foundation.room import callable_room

callable_room(__name__, "amlsynth.dictionary.model")
