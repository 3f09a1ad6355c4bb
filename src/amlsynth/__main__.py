"""Run the command line with `python -m amlsynth`."""

from amlsynth.cli import main

main()
