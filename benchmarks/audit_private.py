"""The generator with a guarantee under the strongest attack: on its noisy sum, by one who knows all else.

    python benchmarks/audit_private.py --shadows 4000

Whatever `private` releases is computed from one noisy sum and public input, so who has the sum itself can
only do better than who has patients. Each shadow draws a sum of a cohort's training part with OpenDP's own
noise, each target in or out by a coin; the attacker knows everybody else, the other coins too, and takes the
likelihood ratio, which for this noise is the projection on the target's own vector. Targets are the patients
with the longest vectors, whom the mechanism protects least. From the counted rates follows a lower bound of
epsilon (Clopper-Pearson, over all targets and thresholds), which has to lie below the epsilon that is
claimed. Writes audit_private.md. AMLSG is read from AMLSYNTH_AMLSG, or ../shared/cohorts/amlsg.
"""

from __future__ import annotations

import argparse
import datetime
import time

import numpy as np
from private import DELTA, HERE, parameters_of, split_of

from amlsynth.audit.rates import auc_figure, epsilon_of_target, true_positives
from amlsynth.generators.private.features import BOUND
from amlsynth.generators.private.generator import private
from amlsynth.generators.private.mechanism import Budget, epsilon_of, mechanism

TARGETS = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=("amlsg", "reference"), default="amlsg")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--shadows", type=int, default=4_000)
    arguments = parser.parse_args()
    rows = [_row(arguments.cohort, epsilon, arguments.shadows) for epsilon in arguments.epsilon]
    day = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        "# The noisy sum of `private` under attack",
        "",
        "Written by [audit_private.py](audit_private.py), whose docstring says what is attacked and how. "
        f"{arguments.cohort}, the training part of split 1; {arguments.shadows:,} shadow sums for each "
        f"epsilon, the {TARGETS} patients with the longest vectors; neighbours by one patient added or "
        f"removed, delta {DELTA:g}; {day}.",
        "",
        "| epsilon claimed | longest vector, of the bound | its exact epsilon | AUC of the worst target | "
        "true positives at 1 % | **epsilon at least, 95 %** | CPU seconds |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "A counted bound lies below the exact epsilon, since rates of few false positives are counted from "
        "few shadows, and the confidence is shared among targets and thresholds.",
    ]
    text = "\n".join(lines) + "\n"
    (HERE / "audit_private.md").write_text(text, encoding="utf-8", newline="\n")
    print(text)


def _row(cohort: str, epsilon: float, shadows: int) -> str:
    model = private(**parameters_of(cohort, epsilon)).public
    vectors = model.integers(split_of(cohort, 1).train)
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1))
    targets = np.argsort(-lengths, kind="stable")[:TARGETS]
    rest = vectors.sum(axis=0) - vectors[targets].sum(axis=0)
    made = mechanism(Budget(epsilon, DELTA), vectors.shape[1])
    start, rng = time.process_time(), np.random.default_rng(1)
    member = rng.random((shadows, TARGETS)) < 0.5
    directions = (vectors[targets] / lengths[targets][:, None]).T
    scores = np.empty((shadows, TARGETS))
    for shadow in range(shadows):
        inside = vectors[targets] * member[shadow][:, None]
        known = rest + inside.sum(axis=0)
        noise = np.array(made.release(known), dtype=np.float64) - known
        scores[shadow] = noise @ directions + lengths[targets] * member[shadow]
    spent = time.process_time() - start
    bounds = [epsilon_of_target(scores[:, k], member[:, k], TARGETS, DELTA) for k in range(TARGETS)]
    worst = int(np.argmax(bounds))
    area = auc_figure(scores[:, worst], member[:, worst], TARGETS)
    hits = true_positives(scores[:, worst], member[:, worst], 0.01)
    longest = float(lengths[targets[0]]) / BOUND
    exact = epsilon_of(made.rho * longest**2, DELTA)
    found = f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f}) | {hits.value:.1%} | **{max(bounds):.2f}**"
    return f"| {epsilon:g} | {longest:.2f} | {exact:.2f} | {found} | {spent:.0f} |"


if __name__ == "__main__":
    main()
