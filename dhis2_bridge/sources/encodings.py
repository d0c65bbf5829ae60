"""The encoding of a text file, decided over its whole content, and its text in blocks."""

import codecs
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from dhis2_bridge.findings import Finding, Unreadable, UsageError

BLOCK: Final = 1 << 20
_NEAR: Final = 1 << 14  # bytes at the end of a block in which the end of a line is looked for

CANDIDATES: Final = ("cp1251", "cp866", "koi8-r")
"""The single-byte encodings that files of the region come in, and so the only ones that are ever guessed."""

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Text encodings to Python, but no character sets that a file is saved in.
_NO_CHARACTER_SETS: Final = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}

_CYRILLIC: Final = "А-яЁёЎўҚқҒғҲҳ"
# An encoding without a letter writes "?" in its place: "То?кент", "?ишлоқ". A question ends a word, never begins one.
_DAMAGED: Final = re.compile(rf"(?<=[{_CYRILLIC}])\?(?=[{_CYRILLIC}])|(?<![\w?!.])\?(?=[а-яёўқғҳ]{{2}})")

# Which letters follow a letter in Russian and Uzbek words: the pairs that make up nine tenths of both.
_FOLLOWERS: Final = {
    "а": "бвгдезйклмнпрстуфхцчшя", "б": "аелиоруы", "в": "аеиклнорсуыя", "г": "агеилору", "д": "аеижлноруыя",
    "е": "бвгдезйклмнпрстхчшщ", "ж": "адеину", "з": "абвдинору", "и": "абвгдезийклмнопрстфхцчшюя", "й": "бдилнорст",
    "к": "аеиклорсту", "л": "аеиклностуыьюя", "м": "абеимлнпоруыя", "н": "агдеиклностцчуыья",
    "о": "бвгдежзийклмнпрстфхчш", "п": "аелиорсуь", "р": "авгдеикмнопстушыья", "с": "авеиклмнопстуья",
    "т": "авеийклнорстуыья", "у": "бвгдежзйклмнпрстхчшю", "ф": "аеилору", "х": "авилмонрту", "ц": "аеиы",
    "ч": "аеикнлтуи", "ш": "аеиклнотуь", "щ": "аеи", "ъ": "ея", "ы": "ейвлкмнрстх", "ь": "кмнсшюя", "э": "кклмнрт",
    "ю": "бдлнртщ", "я": "вдзклмнртцю", "ё": "нмлрт", "ў": "зйлмнрқғ",
}  # fmt: skip
_WORD: Final = re.compile("[А-Яа-яЁёЎў]{2,}")
# Signs that stand beside words in honest text; anything else between two letters speaks against an encoding.
_BESIDE_WORDS: Final = re.compile("[«»“”„’‘…–—№§°\u00a0]+")

_CLEAR: Final = 0.6
_CLEARLY_BETTER: Final = 2.0
_PAIRS_NEEDED: Final = 8
_MOST_WORDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file become text: a codec, the length of the mark at its start, and what is worth telling."""

    codec: str
    mark: int = 0
    findings: tuple[Finding, ...] = ()


class TextFile:
    """A text file that is read several times, with its encoding decided once.

    `keep` is held as long as this is: a temporary file that goes with it. Raises what `decide` raises.
    """

    def __init__(self, path: Path, name: str, *, declared: str | None = None, keep: object = None) -> None:
        self.path = path
        self.name = name
        self._keep = keep
        self._stamp = self._read_stamp()
        self.encoding = decide(path, name, declared)

    def blocks(self, size: int = BLOCK, skip: int = 0) -> Iterator[bytes]:
        """The text as UTF-8, without its mark and without the first `skip` bytes of that UTF-8.

        A block may end anywhere, also within a character; where it can, one of UTF-8 input ends with a line. Such
        input is handed on as it is, not decoded. Raises `Unreadable` when the file has gone or changed since it was
        first looked at: what was decided holds no more.
        """
        try:
            self._check_unchanged()
            yield from _utf8_blocks(self.path, self.encoding, size, skip)
            self._check_unchanged()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Unreadable(Finding("file.unreadable", self.name, arguments={"reason": reason})) from error

    def lines(self, longest: int) -> Iterator[bytes]:
        """The lines of the text as UTF-8, without their LF; after the last LF stands one more, which may be blank.

        Raises `Unreadable`, as `blocks` does, and for a line of more than `longest` bytes.
        """
        rest = b""
        for block in self.blocks():
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
            if len(rest) > longest:
                arguments = {"what": "line_bytes", "limit": longest}
                raise Unreadable(Finding("file.too_large", self.name, arguments=arguments))
        yield rest

    def _read_stamp(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def _check_unchanged(self) -> None:
        if self._read_stamp() != self._stamp:
            raise Unreadable(Finding("file.unreadable", self.name, arguments={"reason": "changed"}))


@dataclass(frozen=True, slots=True)
class _Fault:
    byte: int
    line: int


def decide(path: Path, name: str, declared: str | None = None) -> Encoding:
    """The encoding of a text file; reads the whole file, holds one block.

    A byte order mark decides; then the pattern of UTF-16 without a mark; then strict UTF-8; then the declared
    encoding; then, with a warning, the one of `CANDIDATES` in which clearly more letters make words. Raises
    `UsageError` for a declared encoding that Python does not know, and `Unreadable` when no encoding fits or the file
    is UTF-32.
    """
    wanted = _normalised(declared) if declared else None
    with path.open("rb") as file:
        start = file.read(1 << 16)
    for mark, codec in _MARKS:
        if start.startswith(mark):
            if codec == "utf-32":
                arguments = {"format": "UTF-32", "advice": "save_as_utf_8"}
                raise Unreadable(Finding("file.unsupported", name, arguments=arguments))
            return _checked(path, name, codec, len(mark), _disagreement(name, wanted, codec))
    codec = _utf_16_without_mark(start)
    if codec:
        guessed = Finding("encoding.guessed", name, arguments={"encoding": codec, "evidence": "zero_bytes"})
        told = () if wanted in {codec, "utf-16"} else _disagreement(name, wanted, codec) or (guessed,)
        return _checked(path, name, codec, 0, told)
    # Zero bytes are no text in UTF-8, and the half of it in a short text of UTF-16.
    if wanted and wanted.startswith("utf-16") and b"\0" in start:
        return _checked(path, name, wanted, 0, ())
    fault, damaged, ascii_only = _scan_utf8(path) or _scan(path, "utf-8", 0)
    if fault is None:
        told = () if ascii_only else _disagreement(name, wanted, "utf-8")
        return Encoding("utf-8", 0, told + _damage(name, damaged))
    if wanted and wanted != "utf-8":
        return _checked(path, name, wanted, 0, ())
    return _guessed(path, name, fault)


def _utf8_blocks(path: Path, encoding: Encoding, size: int, skip: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        if encoding.codec == "utf-8":
            file.seek(encoding.mark + skip)
            while block := file.read(_up_to_line_end(file, size)):
                yield block
            return
        file.seek(encoding.mark)
        decoder = codecs.getincrementaldecoder(encoding.codec)()
        while True:
            block = file.read(size)
            encoded = decoder.decode(block, final=not block).encode()
            if len(encoded) > skip:
                yield encoded[skip:]
            skip -= min(skip, len(encoded))
            if not block:
                return


def _up_to_line_end(file: BinaryIO, size: int) -> int:
    """So many bytes or a few less, that they end with a line where one ends near: so nothing has to be carried over."""
    start = file.tell()
    near = max(size - _NEAR, 0)
    file.seek(start + near)
    tail = file.read(size - near)
    file.seek(start)
    end = tail.rfind(b"\n") + 1
    return near + end if len(tail) == size - near and end else size


def _normalised(declared: str) -> str:
    """Python's own name of a declared encoding."""
    try:
        codec = codecs.lookup(declared)
    except LookupError:
        raise UsageError(f"no encoding is called {declared!r}") from None
    name = codec.name.replace("_", "-")
    if not getattr(codec, "_is_text_encoding", True) or name in _NO_CHARACTER_SETS:
        raise UsageError(f"{declared!r} is no encoding of text")
    return "utf-8" if name in {"utf-8-sig", "ascii"} else name


def _disagreement(name: str, declared: str | None, codec: str) -> tuple[Finding, ...]:
    if declared is None or declared == codec or (declared == "utf-16" and codec.startswith("utf-16")):
        return ()
    return (Finding("encoding.disagrees", name, arguments={"declared": declared, "encoding": codec}),)


def _damage(name: str, letters: int) -> tuple[Finding, ...]:
    return (Finding("encoding.damaged", name, arguments={"letters": letters}),) if letters else ()


def _checked(path: Path, name: str, codec: str, mark: int, told: tuple[Finding, ...]) -> Encoding:
    """This encoding, once the whole file has been decoded in it."""
    fault, damaged, _ = _scan(path, codec, mark)
    if fault:
        others = [other for other in CANDIDATES if other != codec and _scan(path, other, mark)[0] is None]
        raise _undecodable(name, codec, fault, [] if mark else others)
    return Encoding(codec, mark, told + _damage(name, damaged))


def _undecodable(name: str, codec: str, fault: _Fault, candidates: list[str]) -> Unreadable:
    arguments = {"encoding": codec, "byte": fault.byte, "line": fault.line, "candidates": candidates}
    return Unreadable(Finding("encoding.undecodable", name, arguments=arguments))


def _scan(path: Path, codec: str, mark: int) -> tuple[_Fault | None, int, bool]:
    """Where strict decoding of the whole file first fails, how many letters are damaged, and whether all is ASCII."""
    decoder = codecs.getincrementaldecoder(codec)()
    damaged, ascii_only = 0, True
    line, position = 1, mark
    with path.open("rb") as file:
        file.seek(mark)
        while True:
            block = file.read(BLOCK)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(codec, "replace")
                return _Fault(position - held + error.start + 1, line + before.count("\n")), damaged, False
            except UnicodeError:  # UTF-16 or UTF-32 by declaration, and the mark that they need is not there
                return _Fault(mark + 1, 1), damaged, False
            if not block:
                return None, damaged, ascii_only
            position += len(block)
            line += text.count("\n")
            ascii_only = ascii_only and text.isascii()
            if "?" in text and not text.isascii():
                damaged += sum(1 for _ in _DAMAGED.finditer(text))


def _scan_utf8(path: Path) -> tuple[None, int, bool] | None:
    """The same for a file that is UTF-8, ten times as fast; nothing for one that is not."""
    damaged, ascii_only, rest = 0, True, b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if not rest and block.isascii():
                continue
            ascii_only = False
            block = rest + block
            cut = _end_of_letters(block)
            rest = block[cut:]
            # Polars is asked because Python has nothing that checks a text without making it.
            try:
                pl.Series([block[:cut]], dtype=pl.Binary).cast(pl.String)
            except pl.exceptions.PolarsError:
                return None
            if b"?" in block:
                damaged += sum(1 for _ in _DAMAGED.finditer(block[:cut].decode()))
    return None if rest else (None, damaged, ascii_only)


def _end_of_letters(block: bytes) -> int:
    """Where the last letter of UTF-8 that is whole ends in a block of it."""
    for back in range(1, min(len(block), 3) + 1):
        byte = block[-back]
        if byte >= 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(block) - back if wanted > back else len(block)
        if byte < 0x80:
            break
    return len(block)


def _utf_16_without_mark(start: bytes) -> str:
    """UTF-16 told by the high bytes of its characters (0 in ASCII, 4 in Cyrillic, 32 in dashes), or nothing."""
    even, odd = Counter(start[0::2]), Counter(start[1::2])
    for codec, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        ordinary = high[0] + high[4] + high[32]
        if high[0] and not low[0] and ordinary >= 0.95 * high.total() and len(start) > 3:
            return codec
    return ""


def _guessed(path: Path, name: str, fault: _Fault) -> Encoding:
    """The single-byte encoding whose letters clearly make the most sense, with a warning that says so."""
    runs, nul = _high_runs(path)
    scores = {}
    for codec in CANDIDATES:
        decodes, damaged, _ = _scan(path, codec, 0)
        if decodes is None and not nul:
            hits, pairs = plausible_pairs(runs, codec)
            scores[codec] = (hits / pairs if pairs else 0.0, pairs, damaged)
    ranked = sorted(scores, key=lambda codec: -scores[codec][0])
    if ranked:
        best, pairs, damaged = scores[ranked[0]]
        second = scores[ranked[1]][0] if len(ranked) > 1 else 0.0
        if best >= _CLEAR and best >= _CLEARLY_BETTER * second and pairs >= _PAIRS_NEEDED:
            evidence = ", ".join(f"{codec} {scores[codec][0]:.0%}" for codec in ranked)
            guess = Finding("encoding.guessed", name, arguments={"encoding": ranked[0], "evidence": evidence})
            return Encoding(ranked[0], 0, (guess, *_damage(name, damaged)))
    raise _undecodable(name, "utf-8", fault, ranked)


def _high_runs(path: Path) -> tuple[set[bytes], bool]:
    """The distinct runs of bytes outside ASCII, and whether the file holds NUL bytes (then it is no text)."""
    runs: set[bytes] = set()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if b"\0" in block:
                return runs, True
            if len(runs) < _MOST_WORDS:
                runs.update(re.findall(rb"[\x80-\xff]{2,40}", block))
    return runs, False


def plausible_pairs(runs: set[bytes], codec: str) -> tuple[int, int]:
    """How many neighbouring letters are a pair that Russian or Uzbek words have, of how many pairs in all.

    A word of mixed case and a sign within a word count as pairs that no word has. Distinct runs are asked for because
    a column of one repeated word is no more evidence than the word.
    """
    hits = pairs = 0
    for run in runs:
        for part in _BESIDE_WORDS.split(run.decode(codec)):
            pairs += max(len(part) - 1, 0)
            if _WORD.fullmatch(part) and (part.isupper() or part[1:].islower()):
                hits += sum(second in _FOLLOWERS.get(first, "") for first, second in itertools.pairwise(part.lower()))
    return hits, pairs
