"""The syntax of expressions: Python's tree, of which only a whitelist of nodes passes.

Every refusal names the expression, the place in it and what is allowed there.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import NoReturn

from amlsynth.foundation.errors import UsageError, did_you_mean

MAX_DEPTH = 100  # nested parts; keeps the walk below Python's own limit
_LARGEST = 2**53  # beyond this a float no longer holds every whole number

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]+`|`|\#""")
COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
# Arguments each function takes: the fewest and the most, where there is a most.
_FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "abs": (1, 1),
    "any_of": (1, None),
    "exp": (1, 1),
    "first_known": (1, None),
    "if_else": (3, 3),
    "is_na": (1, 1),
    "log": (1, 1),
    "lower": (1, 1),
    "max": (1, None),
    "min": (1, None),
    "round": (1, 2),
    "strip": (1, 1),
    "upper": (1, 1),
}
_ALLOWED = (
    "Allowed are names, numbers, 'text', True, False, NA, == != < <= > >=, in (...), not in (...), "
    "and, or, not, + - * / and the functions " + ", ".join(_FUNCTIONS)
)


class Syntax:
    """The text, its syntax tree checked against the whitelist, and the places of the parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Every quoted name becomes underscores of the same length, so that places stay; real names are
        # then read from the text itself, which also spares them Python's Unicode normalisation.
        self.plain = re.sub(r"\s", " ", _QUOTED.sub(self._mask, text))
        self._bytes = self.plain.encode("utf-8", errors="surrogatepass")
        self.names: dict[str, None] = {}

    def tree(self) -> ast.expr:
        """Parse and check; `names` then holds the columns in the order of their first mention."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # such as an unknown escape in a string
                root = ast.parse(self.plain, mode="eval").body
        except SyntaxError as error:
            place = min((error.offset or len(self.text)) - 1, len(self.text) - 1)
            word = re.match(r"\w+|.", self.text[place:], re.DOTALL)
            self.fail_at(place, word.group() if word else "", f"{error.msg}. {_ALLOWED}")
        except (RecursionError, MemoryError):
            self.fail_at(0, self.text[:20], f"parts are nested more than {MAX_DEPTH} deep. Split it")
        except (ValueError, Warning) as error:
            self.fail_at(0, self.text[:20], f"{error}. {_ALLOWED}")
        self._check(root, 1)
        return root

    def part(self, node: ast.expr) -> str:
        start, end = self._place(node)
        return self.text[start:end]

    def name(self, node: ast.Name) -> str:
        return self.part(node).strip("`")

    def fail(self, node: ast.expr, problem: str) -> NoReturn:
        self.fail_at(self._place(node)[0], self.part(node), problem)

    def fail_at(self, place: int, word: str, problem: str) -> NoReturn:
        raise UsageError(
            f"The expression {self.text!r} is wrong at character {place + 1} ({word!r}): {problem}."
        )

    def _mask(self, match: re.Match[str]) -> str:
        word = match.group()
        if word == "#":
            self.fail_at(match.start(), "#", "comments are not read; put names with '#' in backticks")
        if word == "`":
            self.fail_at(match.start(), "`", "the backtick has no partner, or nothing stands between")
        return "_" * len(word) if word[0] == "`" else word

    def _place(self, node: ast.expr) -> tuple[int, int]:
        def characters(offset: int) -> int:
            return len(self._bytes[:offset].decode("utf-8", errors="surrogatepass"))

        return characters(node.col_offset), characters(node.end_col_offset or node.col_offset)

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.fail(node, f"parts are nested more than {MAX_DEPTH} deep. Split it")
        for child in self._children(node):
            self._check(child, depth + 1)

    def _children(self, node: ast.expr) -> list[ast.expr]:
        """Return the operands of a node that is allowed; fail for any other."""
        match node:
            case ast.Name():
                self._check_name(node)
                return []
            case ast.Constant():
                self._check_constant(node)
                return []
            case ast.BoolOp():
                return node.values
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                return [node.operand]
            case ast.BinOp() if type(node.op) in ARITHMETIC:
                return [node.left, node.right]
            case ast.Compare():
                return self._compared(node)
            case ast.Call():
                self._check_call(node)
                return node.args
            case _:
                self.fail(node, f"{_described(node)} cannot be used here. {_ALLOWED}")

    def _check_name(self, node: ast.Name) -> None:
        written = self.part(node)
        name = written.strip("`")
        quoted = written != name
        if quoted and (written != f"`{name}`" or "`" in name):
            self.fail(node, "a name in backticks stands alone, with an operator before the next")
        if quoted or name != "NA":
            self.names[name] = None

    def _check_constant(self, node: ast.Constant) -> None:
        value = node.value
        if value is None:
            self.fail(node, "write NA for a missing value")
        if not isinstance(value, bool | int | float | str):
            self.fail(node, f"constants of this kind cannot be used. {_ALLOWED}")
        if isinstance(value, int | float) and not abs(value) <= _LARGEST:
            self.fail(node, "the number is too large")

    def _compared(self, node: ast.Compare) -> list[ast.expr]:
        operands = [node.left]
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                if not isinstance(right, ast.Tuple | ast.List | ast.Set):
                    self.fail(right, "after 'in' stands a list, such as in (1, 2) or in ('a',)")
                operands += right.elts
            elif type(operator) in COMPARISONS:
                operands.append(right)
            else:
                self.fail(right, "'is' cannot be used; write == or is_na(...)")
        for operand in operands:
            if self.is_na_literal(operand):
                self.fail(operand, "nothing compares with NA; write is_na(...) instead")
        return operands

    def is_na_literal(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self.part(node) == "NA"

    def _check_call(self, node: ast.Call) -> None:
        name = self.part(node.func)
        if not isinstance(node.func, ast.Name) or name not in _FUNCTIONS:
            hint = did_you_mean(name, _FUNCTIONS)
            self.fail(node.func, f"there is no such function.{hint} Functions: {', '.join(_FUNCTIONS)}")
        if node.keywords:
            self.fail(node, f"{name} takes no named arguments; note that equality is ==")
        fewest, most = _FUNCTIONS[name]
        if len(node.args) < fewest or (most is not None and len(node.args) > most):
            wanted = f"{fewest}" if most == fewest else f"{fewest} or more" if most is None else "1 or 2"
            self.fail(node, f"{name} takes {wanted} arguments, not {len(node.args)}")
        if name == "round" and len(node.args) == 2:
            digits = node.args[1]
            if not (isinstance(digits, ast.Constant) and type(digits.value) is int and digits.value <= 15):
                self.fail(digits, "the digits of round are a whole number from 0 to 15")


def _described(node: ast.expr) -> str:
    operator = getattr(node, "op", None)
    kind = type(operator if operator is not None else node).__name__
    words = {"Attribute": "a dot", "Pow": "**", "Mod": "%", "FloorDiv": "//", "IfExp": "'... if ... else'"}
    more = {"Tuple": "a list", "List": "a list", "Set": "a list", "BitOr": "| (write or)"}
    even_more = {"BitAnd": "& (write and)", "Invert": "~ (write not)", "UAdd": "a leading +"}
    return (words | more | even_more).get(kind, kind)
