"""load_release.R: the data of a release in base R, with labelled factors, and its survival curves.

Everything that a release says of itself is put into strings, and every string is ASCII with escapes: nothing
in a title or a label is ever run, in whatever locale R starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import Template

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.assets import asset
from amlsynth.release.file_names import R_SCRIPT, data_paths
from amlsynth.release.package import DataPackage

_TRI_STATE = {"0": "absent", "1": "present"}
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def r_script(package: DataPackage, d: Dictionary) -> str:
    """Return the text of load_release.R.

    Parameters
    ----------
    package, d : the release and the dictionary of its table.
    """
    endpoints = [e for e in d.endpoints if package.endpoints is None or e.name in package.endpoints]
    template = (asset("release/templates") / R_SCRIPT).read_text(encoding="utf-8")
    return Template(template).substitute(
        statement=_text(package.statement),
        citation=_text(package.citation),
        doi=_text(package.doi or ""),
        csv=_text(data_paths(package.name)[0]),
        missing=_vector(_text(code) for code in d.missing_values),
        labels=_lines(f'  "{v.name}" = {_text(v.label)}' for v in d.variables),
        units=_lines(f'  "{v.name}" = {_text(v.unit)}' for v in d.variables if v.unit),
        factors=_lines(f'  "{v.name}" = {_factor(v)}' for v in d.variables if _has_labels(v)),
        texts=_vector(f'"{v.name}"' for v in d.variables if v.type == "category"),
        endpoints=_lines(
            f'  "{e.name}" = c(time = "{e.time}", status = "{e.status}", label = {_text(e.label)})'
            for e in endpoints
        ),
    )


def _has_labels(variable: Variable) -> bool:
    return variable.type in ("category", "tri-state")


def _factor(variable: Variable) -> str:
    names = variable.category_labels or _TRI_STATE
    return f"list(levels = {_vector(map(_text, names))}, labels = {_vector(map(_text, names.values()))})"


def _vector(parts: Iterable[str]) -> str:
    return f"c({', '.join(parts)})"


def _lines(parts: Iterable[str]) -> str:
    return ",\n".join(parts)


def _text(text: str) -> str:
    return '"' + "".join(map(_sign, text)) + '"'


def _sign(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if " " <= sign <= "~":
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
