"""What tuning found: a record, its file of parameters, and the table for a terminal."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import write_text

if TYPE_CHECKING:
    import optuna

State = Literal["scored", "pruned", "failed", "interrupted", "running"]
_BEST = 5  # trials in the table
_FEWEST = 6  # scored trials before importance says anything
_STATES: dict[str, State] = {"COMPLETE": "scored", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its parameters, its score from 0 to 1, the score's components, or why it failed."""

    number: int
    state: State
    score: float | None
    params: dict[str, Any]
    scores: dict[str, float]
    seconds: float | None
    failure: str | None = None
    default: bool = False  # whether it tried the generator's defaults


@dataclass(frozen=True)
class TuningResult:
    """What a study has found so far.

    params : the best trial's, with what was fixed; give them to `generate`.
    score : of the best trial, from 0 (worst) to 1 (best); default_score : of the generator's defaults, None
    where they lie outside the space or were not scored.
    importance : the share of each parameter in the scores' variance, empty for few trials.
    made_from : what the study was made with: cohort, split, seeds; the same in all its workers.

    Examples
    --------
    >>> trials = (
    ...     TrialRecord(0, "scored", 0.6, {"copies": 1}, {"os": 0.6}, seconds=2.0, default=True),
    ...     TrialRecord(1, "scored", 0.8, {"copies": 3}, {"os": 0.8}, seconds=2.0),
    ... )
    >>> result = TuningResult("nflow", {"copies": 3}, 0.8, 0.6, "mine", trials, importance={})
    >>> result.best.number, result.count("scored")
    (1, 2)
    """

    generator: str
    params: dict[str, Any]
    score: float
    default_score: float | None
    study: str
    trials: tuple[TrialRecord, ...]
    importance: dict[str, float]
    made_from: dict[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> TrialRecord:
        """The trial that the parameters are of."""
        scored = [trial for trial in self.trials if trial.score is not None and trial.state == "scored"]
        return max(scored, key=lambda trial: (trial.score, -trial.number))

    def count(self, state: State) -> int:
        """Return how many trials ended, or are, in a state.

        Examples
        --------
        >>> trial = TrialRecord(0, "failed", None, {}, {}, seconds=1.0, failure="no events")
        >>> TuningResult("nflow", {}, 0.5, None, "mine", (trial,), importance={}).count("failed")
        1
        """
        return sum(trial.state == state for trial in self.trials)


def result_of(study: optuna.Study, generator: str, made_from: dict[str, Any]) -> TuningResult:
    """Collect what a study has found.

    Raises
    ------
    DataError
        No trial was scored; the sentence tells why they failed.
    """
    trials = tuple(_trial(trial) for trial in study.get_trials(deepcopy=False) if trial.state.name in _STATES)
    scored = [trial for trial in trials if trial.state == "scored"]
    if not scored:
        reasons = dict.fromkeys(trial.failure for trial in trials if trial.failure)
        listed = "\n".join(f"  {reason}" for reason in list(reasons)[:3])
        raise DataError(
            f"No trial of the study {study.study_name!r} was scored, so there are no parameters to write."
            + (f" {len(trials)} failed or were interrupted:\n{listed}" if reasons else " Give it more time.")
        )
    best = max(scored, key=lambda trial: (trial.score or 0.0, -trial.number))
    assert best.score is not None
    default = next((trial.score for trial in scored if trial.default), None)
    return TuningResult(
        generator, best.params, best.score, default, study.study_name, trials, _importance(study), made_from
    )


def write_params(result: TuningResult, path: Path) -> None:
    """Write the best parameters as YAML, which `generate --params` and a release spec read.

    Examples
    --------
    >>> trial = TrialRecord(0, "scored", 0.6, {"shrinkage": 3.0}, {"os": 0.6}, seconds=2.0)
    >>> result = TuningResult("event-history", trial.params, 0.6, None, "mine", (trial,), importance={})
    >>> write_params(result, folder / "tuned.yaml")
    >>> "shrinkage: 3.0" in (folder / "tuned.yaml").read_text()
    True
    """
    write_text(path, params_text(result, path.name))


def params_text(result: TuningResult, name: str) -> str:
    """Return the file of parameters: the generator, and how its parameters were found."""
    made = dict(result.made_from)
    content = {
        "generator": {"name": result.generator, "params": _plain(result.params)},
        "tuning": {
            "study": result.study,
            "score": round(result.score, 6),
            "score_of_defaults": None if result.default_score is None else round(result.default_score, 6),
            "scores": result.best.scores,
            "best_trial": result.best.number,
            "trials": {s: n for s in ("scored", "pruned", "failed") if (n := result.count(s))},
            "importance": {key: round(value, 3) for key, value in result.importance.items()},
            **made,
        },
    }
    head = (
        "# Parameters that amlsynth tune found. No patient's data is in this file.\n"
        f"#   amlsynth generate --params {name} ...\n"
        f"#   in a release spec:  generator: {{params_file: {name}, n: ..., seed: ...}}\n"
        "# Keep the split: tuning has seen the training part of it, and nothing of its hold-out.\n"
    )
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def table(result: TuningResult) -> str:
    """Return the best trials and what mattered, for a terminal."""
    ended = {state: result.count(state) for state in ("scored", "pruned", "failed", "interrupted")}
    parts = [f"{n} {state}" for state, n in ended.items() if n]
    lines = [f"Study {result.study}: {', '.join(parts)}. Scores go from 0 (worst) to 1 (best)."]
    scored = [trial for trial in result.trials if trial.state == "scored"]
    best = sorted(scored, key=lambda trial: (-(trial.score or 0.0), trial.number))
    listed = best[:_BEST] + [trial for trial in best[_BEST:] if trial.default]
    tuned = list(result.importance) or [key for key in result.params if any(
        trial.params.get(key) != result.params[key] for trial in scored)]  # fmt: skip
    width = {key: max(len(key), 8) for key in tuned}
    lines.append("  ".join(["trial", " score", "   sec", *(f"{key:>{width[key]}}" for key in tuned)]))
    for trial in listed:
        cells = [f"{_cell(trial.params.get(key)):>{width[key]}}" for key in tuned]
        mark = "  (defaults)" if trial.default else ""
        lines.append(
            "  ".join([f"{trial.number:>5}", f"{trial.score:.4f}", f"{trial.seconds or 0:>6.1f}", *cells])
            + mark
        )
    lines.append("Best by component: " + ", ".join(f"{k} {v:.3f}" for k, v in result.best.scores.items()))
    if result.importance:
        mattered = ", ".join(f"{key} {value:.0%}" for key, value in result.importance.items())
        lines.append(f"What mattered (share of the scores' variance): {mattered}")
    failures = dict.fromkeys(
        trial.failure for trial in result.trials if trial.state == "failed" and trial.failure
    )
    lines += [f"Failed: {reason}" for reason in list(failures)[:3]]
    return "\n".join(lines)


def _trial(trial: optuna.trial.FrozenTrial) -> TrialRecord:
    from amlsynth.tuning.trials import was_interrupted

    seen = trial.user_attrs
    state = "interrupted" if was_interrupted(trial) else _STATES[trial.state.name]
    score = trial.value if trial.state.name == "COMPLETE" else None
    return TrialRecord(
        number=trial.number,
        state=state,
        score=score,
        params=dict(seen.get("params", {})),
        scores=dict(seen.get("scores", {})),
        seconds=seen.get("seconds"),
        failure=seen.get("failure"),
        default=bool(seen.get("default", False)),
    )


def _importance(study: optuna.Study) -> dict[str, float]:
    """Return PED-ANOVA's importances (Watanabe et al., IJCAI 2023): quick, and enough for an overview."""
    import optuna

    scored = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(scored) < _FEWEST or len({trial.value for trial in scored}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shares = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
        except (ValueError, RuntimeError):  # too little variation to say anything
            return {}
    return {key: float(value) for key, value in shares.items()}


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}
