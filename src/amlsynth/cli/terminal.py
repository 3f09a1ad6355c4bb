"""What a terminal is shown: text, in which nothing from outside does harm, and the progress of long work."""

from __future__ import annotations

import sys
import time
from typing import Self

import click

from amlsynth.foundation.text import printable


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a text of which no character does anything but be read; all that commands say comes here."""
    click.echo(printable(str(text)), err=err, nl=nl)


class TerminalProgress:
    """Shows one line that is written over; call it with the stage and the share that is done."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._stage = ""
        self._since = time.monotonic()
        self._last = 0.0

    def __call__(self, stage: str, share: float) -> None:
        if not self._shown:
            return
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._since = stage, now
        elif share < 1 and now - self._last < 0.1:
            return
        self._last = now
        spent = now - self._since
        left = f"{spent / share - spent:4.0f} s left" if 0.05 < share < 1 else ""
        self._write(f"{stage:<40.40} {100 * share:3.0f} % {left}")

    def done(self) -> None:
        """Clear the line."""
        if self._shown and self._stage:
            self._write("")

    def _write(self, text: str) -> None:
        click.echo(f"\r\x1b[2K{printable(text)}", nl=False, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()
