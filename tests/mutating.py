"""Makes broken inputs out of right ones, and others out of nothing: the same ones for the same random numbers."""

import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

SPECIAL = (
    *b"\x00 \xff \xef\xbb\xbf \xff\xfe \xd0 \xed\xa0\x80 \xe2\x80\xa8 \x1a \r \n \r\n \t".split(b" "),
    *b'" "" \' , ; | [ ] { } : \\ \\ud800'.split(b" "),
    *b"< > & /> &#0; &#x41; ]]> -1 0 007 1e999 NaN Infinity 1,234.5 null true =1+1 #REF! .. / %s".split(b" "),
    *b"2026-13-45 31.12.9999 0000-00-00".split(b" "),
    *(b"9" * 400, b"A" * 5000, b" " * 300),
    *(text.encode() for text in ("oʻ", "١٢", "²", "\u202e")),
    "Жами".encode("cp1251"),
)

Mutation = Callable[[random.Random, bytearray], None]


def _place(rng: random.Random, data: bytes | bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _piece(rng: random.Random, data: bytes | bytearray, longest: int = 200) -> slice:
    start = _place(rng, data)
    return slice(start, start + rng.randint(1, longest))


def flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def replace(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def truncate(rng: random.Random, data: bytearray) -> None:
    del data[_place(rng, data) :]


def behead(rng: random.Random, data: bytearray) -> None:
    del data[: _place(rng, data) // 4]


def cut_out(rng: random.Random, data: bytearray) -> None:
    del data[_piece(rng, data)]


def double(rng: random.Random, data: bytearray) -> None:
    piece = bytes(data[_piece(rng, data)])
    place = _place(rng, data)
    data[place:place] = piece * rng.choice((1, 1, 2, 20))


def move(rng: random.Random, data: bytearray) -> None:
    piece = _piece(rng, data)
    moved = bytes(data[piece])
    del data[piece]
    place = _place(rng, data)
    data[place:place] = moved


def insert(rng: random.Random, data: bytearray) -> None:
    place = _place(rng, data)
    data[place : place + rng.choice((0, 0, 1, 5))] = rng.choice(SPECIAL)


def double_lines(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    start = rng.randrange(len(lines))
    piece = lines[start : start + rng.randint(1, 5)]
    place = rng.randrange(len(lines) + 1)
    data[:] = b"\n".join([*lines[:place], *piece, *lines[place:]])


def drop_lines(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    start = rng.randrange(len(lines))
    data[:] = b"\n".join(lines[:start] + lines[start + rng.randint(1, 5) :])


MUTATIONS: tuple[Mutation, ...] = (
    flip, replace, truncate, behead, cut_out, double, move, insert, insert, insert, double_lines, drop_lines,
)  # fmt: skip


def mutated(rng: random.Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The content after a few changes; sometimes its end is that of another."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if others and rng.random() < 0.06:
            other = rng.choice(others)
            del data[_place(rng, data) :]
            data += other[_place(rng, other) :]
        else:
            rng.choice(MUTATIONS)(rng, data)
    return bytes(data)


def mutated_archive(rng: random.Random, content: bytes) -> bytes:
    """A zip archive with changes inside of its parts, zipped again; sometimes a part is gone, double or renamed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(rng.choice((1, 1, 2, 4))):
        index = rng.randrange(len(parts))
        name, body = parts[index]
        way = rng.random()
        if way < 0.85:
            parts[index] = (name, mutated(rng, body, [other for _, other in parts]))
        elif way < 0.90 and len(parts) > 1:
            del parts[index]
        elif way < 0.95:
            parts.append((name, mutated(rng, body)))
        else:
            parts[index] = (name.upper() if rng.random() < 0.5 else f"../{name}", body)
    made = io.BytesIO()
    method = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, body in parts:
            with warnings.catch_warnings(action="ignore"):  # a part that stands twice is meant
                archive.writestr(zipfile.ZipInfo(name), body, method)
    return made.getvalue()


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "x", "2026-09", "a" * 3000, "\x00", "\u202e", [], {}, [[]], [None],
    {"id": None}, {"id": []}, [{"id": "x"}], ["x"], "abcdefghijk", "9999-12-31T00:00:00",
)  # fmt: skip


def mutated_document(rng: random.Random, document: Any) -> Any:
    """A copy of a JSON document in which a few values are of another kind, gone, repeated, or where others were."""
    made = json.loads(json.dumps(document))
    for _ in range(rng.choice((1, 1, 2, 5))):
        holder, key = _somewhere(rng, made)
        if holder is None:
            continue
        way = rng.random()
        if way < 0.5:
            holder[key] = json.loads(json.dumps(rng.choice(ODD_VALUES)))
        elif way < 0.7:
            del holder[key]
        elif way < 0.85 and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[key])))
        else:
            other, other_key = _somewhere(rng, made)
            if other is not None:
                holder[key] = json.loads(json.dumps(other[other_key]))
    return made


def _somewhere(rng: random.Random, document: Any) -> tuple[Any, Any]:
    """A place in a document, as its holder and the key or index within it; (None, None) where it holds nothing."""
    holder, key, value = None, None, document
    while isinstance(value, dict | list) and value and (holder is None or rng.random() < 0.85):
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = holder[key]
    return holder, key


def sentence(rng: random.Random, words: Sequence[str], longest: int = 30) -> str:
    """Words in any order, sometimes without a blank between them."""
    return "".join(f"{rng.choice(words)}{rng.choice((' ', ' ', ''))}" for _ in range(rng.randint(0, longest)))


def any_text(rng: random.Random, longest: int = 12) -> str:
    """A text of characters that files hold, and some that they should not."""
    alphabet = "abcABC019 .,;:-_\"'\\\t\n\r|/()[]{}<>&%#=+*?ЖжЎўʻʼ’é\u0301\u00a0\u200b\u202e\ufeff\x00\x1b²١𝟙😀"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


def any_table(rng: random.Random, header: Sequence[str]) -> bytes:
    """A delimited text with some of these headers, or others, and cells of any kind."""
    delimiter = rng.choice(",;\t|")
    names = rng.sample(header, rng.randint(1, len(header))) if rng.random() < 0.7 else list(header)
    names += [any_text(rng) for _ in range(rng.choice((0, 0, 1, 3)))]
    right = {
        "form": "UZ_PHC_M", "period": "2026-09", "facility": "HRM_900101", "line": "01", "sex": "M", "age": "P0Y--P1Y",
        "value": "5", "comment": "",
    }  # fmt: skip
    lines = [names]
    for _ in range(rng.choice((0, 1, 3, 20))):
        row = [right.get(name, "") if rng.random() < 0.8 else any_text(rng) for name in names]
        lines.append(row[: rng.randint(0, len(row))] if rng.random() < 0.1 else row)
    text = rng.choice(("\n", "\r\n", "\r")).join(delimiter.join(line) for line in lines)
    encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le", "koi8-r"))
    return text.encode(encoding, "replace")


def any_json(rng: random.Random, depth: int = 4) -> Any:
    """A JSON value of any shape, with names that mappings look for."""
    names = ("form", "period", "facility", "argos", "items", "values", "line", "sex", "age", "value", "")
    if depth == 0 or rng.random() < 0.3:
        return rng.choice((*ODD_VALUES[:14], any_text(rng), "UZ_PHC_M", "2026-09", "01", 5))
    if rng.random() < 0.5:
        return [any_json(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(names): any_json(rng, depth - 1) for _ in range(rng.randint(0, 5))}


_NAMES = {"text": ("a", '"c d"'), "number": ("b",), "date": ("d",)}
_LITERALS = {
    "text": ("'x'", "'1'", "'%'", "'ʻ'"),
    "number": ("0", "1", "-1.5", "1000"),
    "date": ("'2026-01-01'", "'9999-12-31'"),
}


def condition(rng: random.Random, depth: int = 3) -> str:
    """A condition of the language of mappings: `a` and `"c d"` are texts, `b` a number, `d` a date."""
    if depth and rng.random() < 0.5:
        joined = f" {rng.choice(('and', 'or'))} ".join(condition(rng, depth - 1) for _ in range(rng.randint(1, 3)))
        return rng.choice((joined, f"({joined})", f"not ({joined})"))
    kind = rng.choice(tuple(_NAMES))
    name, literals = rng.choice(_NAMES[kind]), _LITERALS[kind]
    other, number = expression(rng, kind, depth), expression(rng, "number", depth)
    return rng.choice(
        (
            f"{other} {rng.choice(('=', '<>') if kind == 'text' else ('=', '<>', '<', '>='))} {name}",
            f"{name} {rng.choice(('', 'not '))}in ({rng.choice(literals)}, {rng.choice((*literals, 'null'))})",
            f"b between {number} and {rng.choice(_LITERALS['number'])}",
            f"{name} is {rng.choice(('', 'not '))}null",
            f"a like '{rng.choice(('%', 'x%', '_', '', '%[%', '.*', 'a_c'))}'",
        )
    )


def expression(rng: random.Random, kind: str, depth: int = 2) -> str:
    """A name or literal of this kind, or what is made of them."""
    if depth == 0 or rng.random() < 0.5:
        return rng.choice((*_NAMES[kind], *_LITERALS[kind]))
    one, other = expression(rng, kind, depth - 1), expression(rng, kind, depth - 1)
    if rng.random() < 0.3 or kind == "date":
        return f"case when {condition(rng, depth - 1)} then {one} else {other} end"
    return f"({one} {rng.choice(('+', '-', '*', '/')) if kind == 'number' else '||'} {other})"
