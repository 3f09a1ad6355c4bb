"""Variables that follow from others and are never stored: ELN 2022 risk, the gap OS - EFS, follow-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from amlsynth.foundation.frames import Table, frame_of
from amlsynth.foundation.types import BoolArray

ELN2022_RISKS = ("favorable", "intermediate", "adverse")


class ElnRule(NamedTuple):
    """One line of the classification: `risk` if any of `present` is there and none of `absent`."""

    risk: str
    present: tuple[str, ...]
    absent: tuple[str, ...] = ()


# Table 6 of Döhner et al., Blood 2022 (doi 10.1182/blood.2022016867), as far as the dictionary has the
# markers: t(9;22), t(8;16), other rearranged MECOM and monosomal karyotype are not in it. The first rule
# that fires decides, so the order is the precedence that the table's footnotes give.
ELN2022_RULES = (
    ElnRule("favorable", ("t8.21", "inv16_t16.16", "CEBPA.bZIP.inframe")),
    # Footnote on NPM1: with adverse cytogenetic abnormalities it counts as adverse.
    ElnRule("adverse", ("t.6.9", "inv.3", "minus.5", "del.5q.", "minus.7", "minus.17", "abn.17p.")),
    # Some sources code t(9;11) as a t(v;11q23) too; it keeps its own, better risk.
    ElnRule("adverse", ("t.v.11",), absent=("t.9.11",)),
    # Footnote on t(9;11): it takes precedence over concurrent adverse-risk gene mutations. A karyotype
    # counts as complex only without such a class-defining rearrangement.
    ElnRule("intermediate", ("t.9.11",)),
    ElnRule("adverse", ("CGCX", "TP53")),
    ElnRule("favorable", ("NPM1",), absent=("FLT3I",)),
    # Footnote on the myelodysplasia-related genes: not adverse beside a favourable subtype.
    ElnRule("adverse", ("ASXL1", "BCOR", "EZH2", "RUNX1", "SF3B1", "SRSF2", "STAG2", "U2AF1", "ZRSR2")),
    ElnRule("intermediate", ("FLT3I",)),
)
# Where one of these is known, conventional cytogenetics was done. Single aberrations are no sign of it:
# some come from FISH or PCR alone, and sources write 0 for what nobody looked for.
_KARYOTYPE = ("CGNK", "CGCX")


def eln2022(frame: Table) -> pd.Series:
    """Classify every patient by the genetic risk of the European LeukemiaNet 2022.

    Parameters
    ----------
    frame : table, cohort or data set with the alterations, CGNK and CGCX of the dictionary as 1, 0 or NA;
        shape (n, ...).

    Returns
    -------
    Series of length n, name "ELN2022", index of `frame`; category favorable, intermediate or adverse
    (unordered), NA where the risk cannot be told.

    Raises
    ------
    KeyError
        A marker is not a column of `frame`.

    Notes
    -----
    A marker that is NA counts as absent, as in the usual practice of reading what a laboratory did
    report, with two limits. A patient in whom no rule fires is intermediate only if the karyotype and
    NPM1 are known; otherwise the risk is NA. And mutated NPM1 without a known FLT3-ITD status is NA,
    unless a rule of higher precedence decides.

    Limits: t(9;22), t(8;16), other rearranged MECOM and the monosomal karyotype are not in the dictionary;
    CEBPA counts where the bZIP mutation is in frame, whatever the second allele, which it has not either.
    t(9;11) stays intermediate beside adverse gene mutations, TP53 among them: the table's footnote gives it
    precedence over them. It stays so beside CGCX too, as the table calls a karyotype complex only where no
    class-defining rearrangement is in it. Of -5, -7, -17 and the like the footnotes say nothing; beside them
    it is adverse here.

    Source: Döhner et al., Blood 2022;140:1345-1377, table 6 and its footnotes.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> eln2022(reference_cohort(n=300).frame).cat.categories.tolist()
    ['favorable', 'intermediate', 'adverse']
    """
    frame = frame_of(frame)
    needed = dict.fromkeys(
        (*_KARYOTYPE, *(name for rule in ELN2022_RULES for name in (*rule.present, *rule.absent)))
    )
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise KeyError(f"ELN 2022 needs the columns {', '.join(missing)}, which the table lacks.")
    present = {name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) == 1 for name in needed}
    known = {name: frame[name].notna().to_numpy(dtype=bool) for name in (*_KARYOTYPE, "NPM1", "FLT3I")}
    n = len(frame)
    codes = np.full(n, -1, dtype=np.int8)
    open_ = np.ones(n, dtype=bool)
    for rule in ELN2022_RULES:
        fires = open_ & _any(present, rule.present, n) & ~_any(present, rule.absent, n)
        codes[fires] = ELN2022_RISKS.index(rule.risk)
        open_ &= ~fires
        if rule.present == ("NPM1",):
            codes[fires & ~known["FLT3I"]] = -1
    codes[open_ & _any(known, _KARYOTYPE, n) & known["NPM1"]] = ELN2022_RISKS.index("intermediate")
    values = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(ELN2022_RISKS)))
    return pd.Series(values, index=frame.index, name="ELN2022")


class RiskClassification(NamedTuple):
    """A classification by name: its function of a typed frame, and its levels, the reference first.

    `decisive` are columns without all of which a patient can be classed by what else is known, `lacking` the
    words for that; `note` says for the codebook how markers that disagree are ranked.
    """

    classify: Callable[[pd.DataFrame], pd.Series]
    levels: tuple[str, ...]
    decisive: tuple[str, ...] = ()
    lacking: str = ""
    note: str = ""


# A dictionary names one of these under `roles: {classification: {function: ...}}`.
CLASSIFICATIONS: Mapping[str, RiskClassification] = {
    "eln2022": RiskClassification(
        eln2022,
        ELN2022_RISKS,
        _KARYOTYPE,
        "a karyotype",
        "t(9;11) is intermediate also beside adverse gene mutations, TP53 among them, and beside a complex "
        "karyotype (Döhner et al., Blood 2022;140:1345, table 6, footnotes); beside -5, del(5q), -7, -17, "
        "abn(17p), t(6;9) or inv(3) it is adverse.",
    )
}


def gap(frame: pd.DataFrame) -> pd.Series:
    """Return OSTM - EFSTM in months, the time from the event to death or censoring; NA where unknown.

    The paper models this gap in place of EFS so that EFS cannot exceed OS (Methods, "Generative
    models"). Raises KeyError when OSTM or EFSTM is not a column.
    """
    return (frame["OSTM"] - frame["EFSTM"]).astype("Float64").rename("gap")


def follow_up(frame: pd.DataFrame) -> pd.DataFrame:
    """Return time and status for follow-up by the reverse Kaplan-Meier method.

    Returns
    -------
    DataFrame (n, 2): `time` = OSTM in months, `status` = 1 where follow-up ended alive (the event of
    this curve) and 0 where death cut it short; NA where unknown.

    Raises
    ------
    KeyError
        OSTM or OSSTAT is not a column.

    Notes
    -----
    The median of the Kaplan-Meier curve of these is the median follow-up (Shuster, J Clin Oncol
    1991;9:191-192, which the paper uses).
    """
    return pd.DataFrame(
        {"time": frame["OSTM"].astype("Float64"), "status": (1 - frame["OSSTAT"]).astype("Int8")}
    )


def _any(flags: dict[str, BoolArray], names: tuple[str, ...], n: int) -> BoolArray:
    present = np.zeros(n, dtype=bool)
    for name in names:
        present |= flags[name]
    return present
