"""The command line. Commands import what they need when they run, so that --help is quick."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator

import click

from amlsynth.cli.auditing import audit
from amlsynth.cli.data import cohort, datasets, load, schema, validate
from amlsynth.cli.generators import generators
from amlsynth.cli.making import demo, generate, report
from amlsynth.cli.measuring import compare, evaluate, gates
from amlsynth.cli.privacy import budget, measure
from amlsynth.cli.releasing import release
from amlsynth.cli.site import site
from amlsynth.cli.terminal import say
from amlsynth.cli.tuning import tune
from amlsynth.foundation.errors import AmlsynthError, MissingExtraError
from amlsynth.foundation.packages import package_problem
from amlsynth.foundation.version import __version__

_EXAMPLES = """
\b
Examples:
  amlsynth demo --out demo
  amlsynth cohort import DATA.csv --mapping MAP.yaml --out cohort.parquet
  amlsynth validate cohort.parquet --role original
  amlsynth generate --cohort cohort.parquet --generator event-history --seed 1
                    --save-split split --out synthetic.csv
  amlsynth tune --cohort cohort.parquet --trials 50 --seed 1 --out tuned.yaml
  amlsynth evaluate --original split/train.csv --holdout split/holdout.csv
                    --synthetic synthetic.csv --out evaluation
  amlsynth audit --cohort cohort.parquet --targets 26 --shadows 160 --out audit
  amlsynth report evaluation --out report.html
  amlsynth release build release/aml-reference.yaml --out releases
  amlsynth site releases/*.zip --out site

Exit codes: 0 fine, 1 the data or a gate failed, 2 wrong use. With --debug an error shows its traceback.
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=_EXAMPLES
)
@click.version_option(__version__, "--version", message="amlsynth %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error (works after any command).")
def cli(debug: bool) -> None:
    """Make, check, report and release synthetic cohorts of patients.

    Every command takes --dictionary, for another disease than acute myeloid leukemia.
    """


for _command in (
    demo,
    schema,
    cohort,
    validate,
    generators,
    tune,
    generate,
    measure,
    budget,
    evaluate,
    compare,
    gates,
    audit,
    report,
    release,
    load,
    datasets,
    site,
):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; every failure is a sentence on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with _sigterm_interrupts():
        code = _run([argument for argument in words if argument != "--debug"], debug)
    sys.exit(code)


class _Terminated(KeyboardInterrupt):
    """The process was asked to end, by a scheduler or a shutdown: what Ctrl-C does is right then, too."""


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    def end(*_: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        code = cli.main(arguments, prog_name="amlsynth", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:  # the reader of our output has had enough
        sys.stderr.close()
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        problem, code = _sentence(error)
        say("\n".join(f"Error: {line}" for line in problem.splitlines()), err=True)
        return code


def _sentence(error: BaseException) -> tuple[str, int]:
    """Return what to tell the user of an error, and the exit code."""
    if isinstance(error, AmlsynthError):
        return str(error), error.exit_code
    if isinstance(error, _Terminated) or isinstance(error.__cause__, _Terminated):  # click wraps it
        return "Asked to end; nothing was left half-written.", 143
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "Interrupted; nothing was left half-written.", 130
    if isinstance(error, MemoryError):
        return "There is not enough memory for this. Ask for fewer patients, or use a larger machine.", 1
    # Before OSError, which a package raises that misses a library of the system.
    if problem := package_problem(error):
        return problem.sentence(), MissingExtraError.exit_code
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}.", 1
    # The text of an unexpected exception can hold values of the data, so only its kind is shown.
    return (
        f"amlsynth failed with an unexpected {type(error).__name__}. Run it again with --debug and report "
        "what it prints; check first that it shows no patient's data.",
        1,
    )
