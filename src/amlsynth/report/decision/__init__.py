"""What one can decide by: the verdict, the alarms and at most ten figures."""

from amlsynth.report.decision.decide import decide
from amlsynth.report.decision.records import Decision, decision_text, write_decision

__all__ = ["Decision", "decide", "decision_text", "write_decision"]
