"""What a karyotype string says: single alterations, a normal and a complex karyotype.

Reads the parts of ISCN (An International System for Human Cytogenomic Nomenclature, 2020) that the
dictionary needs: gains and losses of chromosomes and structural changes with their arms and bands. Strings
come from many hands, so upper and lower case, older forms (``5q-``, ``del(5q)``, ``iso(17)(q10)``) and
missing brackets are understood too. An alteration counts when any clone of the string has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from amlsynth.foundation.errors import UsageError, did_you_mean

# A count of chromosomes and a sex complement or a reference to an earlier clone, as in "46,XY".
_CLONE = re.compile(
    r"(?<![\d;(])\d{2,3}(?:\s*[-~<>]\s*\d{2,3})?(?:<\dn>)?"
    r"(?:(?:\s*,\s*|\s+(?=[xy]+,))?[-?]*(?:x|y|idem|sl|sdl)|\s*,\s*[+-]\d)"
)
_KINDS = "add|del|der|dic|dup|hsr|ider|idic|ins|inv|iso|i|qdp|rob|r|tas|trc|trp|t"
# kind(chromosomes)(bands), the second part and either bracket in the middle being optional.
_CHANGE = re.compile(rf"(?<![a-z])(?P<kind>{_KINDS})\((?P<first>[^()]*)(?:\)?\s*;?\s*\((?P<second>[^()]*))?")
# Dashes for a minus, underlines for blanks.
_WRITTEN_OTHERWISE = str.maketrans({"−": "-", "–": "-", "_": " "})
_ARM_LOSS = {"del"}
# An inversion around the centromere of chromosome 9 that one to three in a hundred healthy people have.
_VARIANT = re.compile(r"inv\(9\)\(p1[12];?q1[23]\)")
_TWO_EQUAL_ARMS = {"i", "iso", "ider"}  # an isochromosome of one arm has lost the other


def iscn(column: pd.Series[Any], alteration: str) -> pd.Series[Any]:
    """Read what karyotype strings say about one variable of the dictionary.

    Parameters
    ----------
    column : karyotype strings; NA, and text that is no karyotype ("no metaphases"), give NA.
    alteration : the variable, one of `ALTERATIONS`, such as "t8.21", "minus.7", "CGNK" or "CGCX".

    Returns
    -------
    Series of Int8: 1, 0, or NA where the string leaves it open ("46,XX,?del(5)(q13q33)").

    Raises
    ------
    UsageError
        There is no such alteration.

    Examples
    --------
    >>> texts = pd.Series(["46,XX,t(8;21)(q22;q22)[20]", "45,xy,-7[12]/46,xy[8]", "no metaphases"])
    >>> iscn(texts, "t8.21").tolist()
    [1, 0, <NA>]
    """
    if alteration not in ALTERATIONS:
        raise UsageError(
            f"A karyotype does not tell {alteration!r}.{did_you_mean(alteration, ALTERATIONS)} "
            f"It tells: {', '.join(ALTERATIONS)}."
        )
    question = ALTERATIONS[alteration]

    def answer(text: str) -> Any:
        karyotype = read_karyotype(text)
        told = question(karyotype) if karyotype is not None else None
        return pd.NA if told is None else int(told)

    texts = column.astype("string")
    codes, distinct = pd.factorize(texts)
    answers = pd.array([*map(answer, distinct), pd.NA], dtype="Int8")
    return pd.Series(answers.take(codes), index=column.index)


def unread(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return how many rows have each text that is no karyotype, the most frequent first; blank cells apart.

    Examples
    --------
    >>> unread(pd.Series(["46,XX", "complex", "complex", None])).to_dict()
    {'complex': 2}
    """
    texts = column.astype("string").str.strip()
    counts = texts[texts != ""].value_counts()
    return counts[[read_karyotype(str(text)) is None for text in counts.index]]


def read_karyotype(text: str) -> Karyotype | None:
    """Read a karyotype string; None where it holds no karyotype ("no metaphases", "complex")."""
    text = text.lower().translate(_WRITTEN_OTHERWISE)
    if not _CLONE.search(text):
        return None
    tokens = (re.sub(r"\[[^\]]*\]?|\s", "", token) for token in re.split(r"[,/\n]|;\s*(?=\d\d\s*,)", text))
    return Karyotype(tuple(token for token in tokens if token))


@dataclass(frozen=True)
class Karyotype:
    """The parts of a karyotype between its commas, over all clones.

    Questions are answered True, False, or None where the string leaves it open.
    """

    tokens: tuple[str, ...]

    def monosomy(self, chromosome: str) -> bool | None:
        """Tell whether a whole chromosome is lost, as in ``-5``."""
        return _any(self._loss(token, chromosome) for token in self.tokens)

    def deletion(self, chromosome: str, arm: str) -> bool | None:
        """Tell whether a part of an arm ("p" or "q") is deleted, as in ``del(5)(q13q33)``."""
        return _any(self._changes(chromosome, arm, _ARM_LOSS))

    def abnormality(self, chromosome: str, arm: str) -> bool | None:
        """Tell whether an arm is changed in structure: deletion, addition, translocation, isochromosome."""
        return _any(self._changes(chromosome, arm, None))

    def normal(self) -> bool | None:
        """Tell whether no clone has an acquired aberration; changes marked constitutional (c) are none."""
        if any(_is_incomplete(token) for token in self.tokens):
            return None if not self.aberrations else False
        counts = [token for token in self.tokens if re.fullmatch(r"\d{2,3}.*", token)]
        constitutional = any(part.endswith("c") and len(part) > 1 for part in self.tokens)
        if self.aberrations:
            return None if all(token.startswith("?") for token in self.aberrations) else False
        return constitutional or all(re.fullmatch(r"46(?:<2n>)?", token) for token in counts)

    def complex(self) -> bool | None:
        """Tell whether there are three or more unrelated aberrations without a class-defining one.

        As in ELN 2022 (Döhner et al., Blood 2022, doi 10.1182/blood.2022016867), three or more trisomies
        without a structural change are none. Aberrations count once over all clones.
        """
        if any(question(self) for question in _CLASS_DEFINING):
            return False
        sure = [token for token in self.aberrations if "?" not in token[:2]]
        structural = [token for token in self.aberrations if not re.fullmatch(r"\??\+\??\d+(?:x\d)?", token)]
        if len(sure) >= _COMPLEX:
            return bool(structural)
        if len(self.aberrations) >= _COMPLEX or any(_is_incomplete(token) for token in self.tokens):
            return None
        return False

    def fusion(self, first: tuple[str, str], second: tuple[str, str]) -> bool | None:
        """Tell whether two chromosomes are translocated, also with a third, at these bands.

        Parameters
        ----------
        first, second : chromosome and the beginning of its band, such as ("8", "q22") or ("9", "p2").
            Bands that the string does not give are taken for the right ones: t(8;21) is a name by itself.
        """
        return _any(
            _sure(token, chromosome_bands)
            for token in self.tokens
            for kind, chromosome_bands in _breaks(token)
            if kind in _JOINING and _has(chromosome_bands, first) and _has(chromosome_bands, second)
        )

    def inversion(self, chromosome: str, bands: tuple[str, str]) -> bool | None:
        """Tell whether a chromosome is inverted, or joined with its like, at these two bands."""
        return _any(
            _sure(token, found)
            for token in self.tokens
            for kind, found in _breaks(token)
            if (kind == "inv" or (kind in _JOINING and len(found) > 1))
            and {name for name, _ in found} == {chromosome}
            and all(any(not band or part in band for _, band in found) for part in bands)
        )

    def rearranged(self, chromosome: str, band: str, without: tuple[str, str]) -> bool | None:
        """Tell whether a band is joined with another chromosome, other than `without`."""
        return _any(
            None if token.startswith("?") or not own else True
            for token in self.tokens
            for kind, found in _breaks(token)
            if kind in _JOINING and len(found) > 1 and not _has(found, without)
            for name, own in found
            if name == chromosome and (not own or own.startswith(band))
        )

    @cached_property
    def aberrations(self) -> tuple[str, ...]:
        """The distinct acquired aberrations over all clones."""
        found = dict.fromkeys(re.sub(r"x\d$", "", token) for token in self.tokens if _is_aberration(token))
        return tuple(found)

    def _loss(self, token: str, chromosome: str) -> bool | None:
        match = re.fullmatch(rf"(\??)-(\??){chromosome}(\??)(?:x\d)?", token)
        if not match:
            return False
        return None if any(match.groups()) else True

    def _changes(self, chromosome: str, arm: str, kinds: set[str] | None) -> Iterator[bool | None]:
        for token in self.tokens:
            found = [arms for kind, arms in _arms(token, chromosome) if kinds is None or kind in kinds]
            # Before the time of ISCN's brackets: 5q-.
            if re.search(rf"(?<![\d.]){chromosome}{arm}-", token):
                found.append(arm)
            if any(arm in arms for arms in found):
                yield None if token.startswith("?") else True
            elif found and not any(found):  # the chromosome is named, its arm is not
                yield None


def _arms(token: str, chromosome: str) -> Iterator[tuple[str, str]]:
    """Yield each change of a chromosome in a token as its kind and the arms it breaks ("" unknown)."""
    derived = ""
    for match in _CHANGE.finditer(token):
        kind, first, second = match["kind"], match["first"], match["second"]
        if second is None and _is_band(first) and derived:
            first, second = derived, first  # der(17)add(p13): the band is that of the derivative
        chromosomes = [part.strip("?") for part in first.split(";")]
        if kind == "der" and len(chromosomes) == 1:
            derived = chromosomes[0]
        short = re.fullmatch(rf"{chromosome}([pq][\d.?]*)", chromosomes[0])
        if short:  # del(5q)
            yield kind, short.group(1)[0]
            continue
        if chromosome not in chromosomes:
            continue
        bands = [part.replace("pter", "").replace("qter", "") for part in (second or "").split(";")]
        position = chromosomes.index(chromosome)
        band = bands[position] if position < len(bands) else ""
        arms = "".join(arm for arm in "pq" if arm in band)
        if kind in _TWO_EQUAL_ARMS and arms in ("p", "q"):
            arms = {"p": "q", "q": "p"}[arms]
        if kind == "der" and not arms and len(_CHANGE.findall(token)) > 1:
            continue  # what follows says how the derivative came about
        yield kind, arms


def _breaks(token: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each change in a token as its kind and its chromosomes with their bands ("" unknown)."""
    for match in _CHANGE.finditer(token):
        chromosomes = [part.strip("?") for part in match["first"].split(";")]
        bands = [part.replace("?", "") for part in (match["second"] or "").split(";")]
        bands += [""] * (len(chromosomes) - len(bands))
        yield match["kind"], list(zip(chromosomes, bands, strict=False))


def _has(found: list[tuple[str, str]], wanted: tuple[str, str]) -> bool:
    return any(name == wanted[0] and (not band or band.startswith(wanted[1])) for name, band in found)


def _sure(token: str, found: object) -> bool | None:
    return None if token.startswith("?") else True


def _is_incomplete(token: str) -> bool:
    return token in ("inc", "incl", "?") or token.endswith("inc")


def _is_aberration(token: str) -> bool:
    """Tell a gain, a loss or a structural change from counts, sex chromosomes and references to clones."""
    if re.fullmatch(r"[~<>]?\d{2,3}.*|[xy?]+c?|(?:idem|sl|sdl)\d*(?:x\d)?|inc|cp\d*|nuc.*|ish.*", token):
        return False
    if (token.endswith("c") and not token.endswith("inc")) or _VARIANT.fullmatch(token):
        return False  # constitutional
    gained_or_lost = (
        r"\??[+-]\??(?:\d{1,2}|x|y)(?:\?|x\d)?|\??[+-]?\d*~?\d*(?:mar[a-z]?|r|dmin|dm)\d*(?:x\d)?"
    )
    return bool(
        _CHANGE.search(token)
        or re.fullmatch(gained_or_lost, token)
        or re.search(r"(?<![\d.])(?:\d{1,2}|x|y)[pq]-", token)
    )


def _is_band(text: str) -> bool:
    return bool(re.match(r"\??[pq]", text))


def _any(answers: Iterator[bool | None]) -> bool | None:
    result: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


_COMPLEX = 3
_JOINING = frozenset(("t", "ins", "dic", "der"))
_KMT2A = ("11", "q23")
# What makes a class of its own in ELN 2022, beside which a karyotype is not called complex.
_CLASS_DEFINING: tuple[Callable[[Karyotype], bool | None], ...] = (
    lambda k: k.fusion(("8", "q22"), ("21", "q22")),
    lambda k: k.inversion("16", ("p13", "q22")),
    lambda k: k.fusion(("9", "p2"), _KMT2A),
    lambda k: k.rearranged("11", "q23", ("9", "p2")),
    lambda k: k.fusion(("6", "p2"), ("9", "q34")),
    lambda k: k.inversion("3", ("q21", "q26")),
    lambda k: k.fusion(("9", "q34"), ("22", "q11")),
    lambda k: k.fusion(("8", "p11"), ("16", "p13")),
)
ALTERATIONS: dict[str, Callable[[Karyotype], bool | None]] = {
    "CGNK": Karyotype.normal,
    "CGCX": Karyotype.complex,
    "t8.21": _CLASS_DEFINING[0],
    "inv16_t16.16": _CLASS_DEFINING[1],
    "t.9.11": _CLASS_DEFINING[2],
    "t.v.11": _CLASS_DEFINING[3],
    "t.6.9": _CLASS_DEFINING[4],
    "inv.3": _CLASS_DEFINING[5],
    "minus.5": lambda k: k.monosomy("5"),
    "del.5q.": lambda k: k.deletion("5", "q"),
    "minus.7": lambda k: k.monosomy("7"),
    "del.7q.": lambda k: k.deletion("7", "q"),
    "minus.17": lambda k: k.monosomy("17"),
    "abn.17p.": lambda k: k.abnormality("17", "p"),
}
