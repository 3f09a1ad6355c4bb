"""What a karyotype string says about single alterations.

Reads the parts of ISCN (An International System for Human Cytogenomic Nomenclature, 2020) that the
dictionary needs: losses of a whole chromosome and structural changes with their arms. Strings come
from many hands, so older forms (``5q-``, ``del(5q)``, ``iso(17)(q10)``) and missing brackets are
understood too. An alteration counts when any clone of the string has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A count of chromosomes and a sex complement or a reference to an earlier clone, as in "46,XY".
_CLONE = re.compile(r"(?<![\d;(])\d{2,3}(?:\s*[-~<>]\s*\d{2,3})?(?:<\dn>)?\s*,\s*[-?]*(?:X|Y|idem|sl|sdl)")
_KINDS = "add|del|der|dic|dup|hsr|ider|idic|ins|inv|iso|i|qdp|rob|r|tas|trc|trp|t"
# kind(chromosomes)(bands), the second part and either bracket in the middle being optional.
_CHANGE = re.compile(rf"(?<![a-z])(?P<kind>{_KINDS})\((?P<first>[^()]*)(?:\)?\s*;?\s*\((?P<second>[^()]*))?")
_ARM_LOSS = {"del"}
_TWO_EQUAL_ARMS = {"i", "iso", "ider"}  # an isochromosome of one arm has lost the other


def read_karyotype(text: str) -> Karyotype | None:
    """Read a karyotype string; None where it holds no karyotype ("no metaphases", "complex")."""
    if not _CLONE.search(text):
        return None
    tokens = (re.sub(r"\[[^\]]*\]?|\s", "", token) for token in re.split(r"[,/\n]", text))
    return Karyotype(tuple(token for token in tokens if token))


@dataclass(frozen=True)
class Karyotype:
    """The parts of a karyotype between its commas, over all clones.

    The three questions are answered True, False, or None where the string leaves it open.
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
