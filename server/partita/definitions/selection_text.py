"""Selections as text: a lexer, a recursive-descent parser whose errors point at the column, and the way back.

```
choice  := both ("or" both)*
both    := single ("and" single)*
single  := "not" single | walk
walk    := [NUMBER] "+" primary [end] | primary [end]
end     := "+" [NUMBER]
primary := "*" | "(" choice ")" | "roots(" choice ")" | "sinks(" choice ")" | ATTRIBUTE ":" value | name
```

`*` alone takes no `+`: it is everything already.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn, assert_never, get_args

from partita.definitions.selection_terms import And, Attribute, Edge, Everything, Has, KeyLike, Named, Not, Or, Term, Walk
from partita.errors import SelectionError, did_you_mean

_WORD = r"[A-Za-z0-9_./*<>-]+"
_TOKEN = re.compile(rf'\s*(?:(?P<word>{_WORD})|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<sign>[()+:=]))')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_./-]+")
_PLAIN_PATTERN = re.compile(r"[A-Za-z0-9_./*-]+")
_WORDS = ("and", "or", "not")
_FUNCTIONS = ("roots", "sinks")
_ATTRIBUTES: tuple[str, ...] = ("key", *get_args(Attribute))
_ABSENT = "<null>"
_CAN_BE_ABSENT = ("kind", "owner", "tag")
_CHOICES = {
    "is": ("external", "materializable"),
    "partitions": ("none", "time", "hourly", "daily", "weekly", "monthly", "cron", "static", "dynamic", "multi"),
    "status": ("fresh", "stale", "missing"),
}
MAX_DEPTH = 100
"""Brackets and `not`s inside each other; a person never needs as many, and the parser is recursive."""


class Token(NamedTuple):
    """A piece of the text; `column` counts from one."""

    kind: str
    """`word`, `quoted`, `sign` or `end`."""
    text: str
    column: int


def parse_selection(text: str) -> Term:
    """The term that a selection string means.

    Raises:
        SelectionError: it cannot be read; points at the column.
    """
    return _Parser(text).parse()


def render_selection(term: Term) -> str:
    """The text that `parse_selection` reads as this term."""
    match term:
        case Everything():
            return "*"
        case Named(key=key):
            return _quoted(key) if key.lower() in _WORDS or key in _FUNCTIONS else _value(key)
        case KeyLike(pattern=pattern):
            return f"key:{_value(pattern, plain=_PLAIN_PATTERN)}"
        case Has():
            return _render_attribute(term)
        case Not(term=inner):
            return f"not {_inside(inner)}"
        case And(terms=terms):
            return " and ".join(map(_inside, terms))
        case Or(terms=terms):
            return " or ".join(f"({render_selection(each)})" if isinstance(each, Or) else render_selection(each) for each in terms)
        case Walk(term=inner, direction=direction, depth=depth):
            far = "" if depth is None else str(depth)
            start = _inside(inner, walks=False)
            return f"{far}+{start}" if direction == "upstream" else f"{start}+{far}"
        case Edge(term=inner, side=side):
            return f"{side}({render_selection(inner)})"
        case _:
            assert_never(term)


def _render_attribute(term: Has) -> str:
    if term.value is None:
        return f"{term.attribute}:{_ABSENT}"
    return f"{term.attribute}:{_value(term.value)}" + (f"={_value(term.tag_value)}" if term.tag_value is not None else "")


def _value(text: str, *, plain: re.Pattern[str] = _PLAIN_NAME) -> str:
    return text if plain.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _inside(term: Term, *, walks: bool = True) -> str:
    """A term as part of a tighter one."""
    needs_brackets = isinstance(term, (And, Or)) if walks else isinstance(term, (And, Or, Not, Walk, Everything))
    return f"({render_selection(term)})" if needs_brackets else render_selection(term)


def _problem(sign: str) -> str:
    if sign == '"':
        return "A quote is not closed"
    wanted = "write `or` between selections" if sign == "," else "a value with it needs double quotes"
    return f"{sign!r} means nothing here; {wanted}"


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            column = position + len(text[position:]) - len(text[position:].lstrip()) + 1
            sign = text[column - 1]
            raise SelectionError(text, column, _problem(sign))
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += token.kind != "end"
        return token

    def refuse(self, problem: str, token: Token | None = None) -> NoReturn:
        raise SelectionError(self.text, (token or self.next).column, problem)

    def at(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def at_word(self, word: str) -> bool:
        return self.next.kind == "word" and self.next.text.lower() == word

    def parse(self) -> Term:
        if self.next.kind == "end":
            self.refuse("The selection is empty; '*' selects everything")
        term = self.choice()
        if self.next.kind != "end":
            self.refuse(f"Expected 'and', 'or' or the end, found {self.next.text!r}")
        return term

    def choice(self) -> Term:
        terms = [self.both()]
        while self.at_word("or"):
            self.take()
            terms.append(self.both())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def both(self) -> Term:
        terms = [self.single()]
        while self.at_word("and"):
            self.take()
            terms.append(self.single())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def single(self) -> Term:
        if not self.at_word("not"):
            return self.walk()
        self.nest(self.take())
        term = Not(self.single())
        self.depth -= 1
        return term

    def nest(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse(f"More than {MAX_DEPTH} levels inside each other", token)

    def walk(self) -> Term:
        begin = self.next
        is_upward, up = self.upward()
        is_star = self.at_word("*")
        start = self.primary()
        is_downward, down = self.downward()
        if not is_upward and not is_downward:
            return start
        if is_star:
            self.refuse("'*' is everything already and takes no '+'", begin)
        walks: list[Term] = [Walk(start, "upstream", up)] if is_upward else []
        if is_downward:
            walks.append(Walk(start, "downstream", down))
        return walks[0] if len(walks) == 1 else Or(tuple(walks))

    def upward(self) -> tuple[bool, int | None]:
        """`+` or `2+` before a primary. A number followed by nothing to walk from is a name instead."""
        following = self.tokens[self.position + 1 : self.position + 3]
        if self.is_number(self.next) and len(following) == 2 and following[0].text == "+" and self.begins(following[1]):
            depth = self.number()
            self.take()
            return True, depth
        if self.at("+"):
            self.take()
            return True, None
        return False, None

    def downward(self) -> tuple[bool, int | None]:
        if not self.at("+"):
            return False, None
        self.take()
        return True, self.number() if self.is_number(self.next) else None

    def number(self) -> int:
        token = self.take()
        return min(int(token.text[:9]), 10**6)

    def is_number(self, token: Token) -> bool:
        return token.kind == "word" and token.text.isdecimal()

    def begins(self, token: Token) -> bool:
        is_name = token.kind == "quoted" or (token.kind == "word" and token.text.lower() not in ("and", "or"))
        return is_name or (token.kind == "sign" and token.text == "(")

    def primary(self) -> Term:
        token = self.take()
        if token.kind == "sign" and token.text == "(":
            return self.bracket(token)
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.lower() in _WORDS):
            self.refuse(f"Expected a name, an attribute or '(', found {token.text!r}" if token.text else "The selection ends too early", token)
        if token.kind == "word" and self.at("("):
            return self.function(token)
        if token.kind == "word" and self.at(":"):
            return self.attribute(token)
        return self.name(token)

    def bracket(self, token: Token) -> Term:
        self.nest(token)
        term = self.choice()
        if not self.at(")"):
            self.refuse(f"Expected ')' for the '(' at column {token.column}" + (f", found {self.next.text!r}" if self.next.text else ""))
        self.take()
        self.depth -= 1
        return term

    def function(self, token: Token) -> Term:
        if token.text not in _FUNCTIONS:
            self.refuse(f"There is no function {token.text!r}, only roots(...) and sinks(...)", token)
        return Edge(self.bracket(self.take()), "roots" if token.text == "roots" else "sinks")

    def name(self, token: Token) -> Term:
        if token.kind == "quoted":
            return Named(_unquoted(token.text))
        if token.text == "*":
            return Everything()
        if token.text in _FUNCTIONS:
            self.refuse(f"{token.text} needs its argument: {token.text}(...)", token)
        if not _PLAIN_NAME.fullmatch(token.text):
            self.refuse(f'{token.text!r} is not a name. A pattern needs its attribute: key:"{token.text}"', token)
        return Named(token.text)

    def attribute(self, token: Token) -> Term:
        if token.text not in _ATTRIBUTES:
            self.refuse(f"There is no attribute {token.text!r}; there are {', '.join(_ATTRIBUTES)}.{did_you_mean(token.text, _ATTRIBUTES)}", token)
        self.take()
        begin = self.next
        value = self.value(token.text)
        if token.text == "key":
            return KeyLike(value)
        return self.having(token.text, value, begin)

    def having(self, attribute: str, value: str, begin: Token) -> Term:
        known: dict[str, Attribute] = {name: name for name in get_args(Attribute)}
        if begin.kind == "word" and value == _ABSENT:
            if attribute not in _CAN_BE_ABSENT:
                self.refuse(f"{attribute}:{_ABSENT} is not possible, only {', '.join(f'{name}:{_ABSENT}' for name in _CAN_BE_ABSENT)}", begin)
            return Has(known[attribute], None)
        choices = _CHOICES.get(attribute)
        if choices is not None and value not in choices:
            self.refuse(f"{attribute}: is one of {', '.join(choices)}, not {value!r}.{did_you_mean(value, choices)}", begin)
        if begin.kind == "word" and not _PLAIN_NAME.fullmatch(value):
            self.refuse(f"{value!r} needs double quotes; patterns are for key: only", begin)
        return Has(known[attribute], value, self.tag_value() if attribute == "tag" else None)

    def tag_value(self) -> str | None:
        if not self.at("="):
            return None
        self.take()
        return self.value("tag")

    def value(self, attribute: str) -> str:
        token = self.take()
        if token.kind == "quoted":
            return _unquoted(token.text)
        if token.kind != "word":
            self.refuse(f"{attribute}: needs a value" + (f", found {token.text!r}" if token.text else ""), token)
        return token.text


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
