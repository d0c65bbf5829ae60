"""Draws docs/demo.svg: what `dhis2-bridge demo` prints on a terminal, as text.

Run `python docs/picture.py` after a change of what the demo prints.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from dhis2_bridge import cli

FILE: Final = Path(__file__).resolve().parent / "demo.svg"

COLUMN: Final = 7.5  # pixels of a character, at a font size of 12.5
LINE: Final = 17
MARGIN: Final = 16

_STYLE: Final = """
  text { font: 12.5px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; fill: #24292f }
  .command, .bold { font-weight: 600 }
  .red { fill: #b3261e }
  .yellow { fill: #8a5a00 }
"""
_COLOURS: Final = {"31": "red", "33": "yellow", "1": "bold"}
_ESCAPE: Final = re.compile("\x1b\\[([0-9;]*)m")


class _Terminal(io.TextIOWrapper):
    """A text stream that says it is a terminal, so that the program writes its colours."""

    def isatty(self) -> bool:
        return True


def made() -> dict[Path, str]:
    """The text of the picture, by its file."""
    lines = ["$ dhis2-bridge demo", *_printed()]
    longest = max(len(_ESCAPE.sub("", line)) for line in lines)
    width, height = round(2 * MARGIN + COLUMN * longest), 2 * MARGIN + LINE * len(lines)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' role="img" aria-label="What dhis2-bridge demo prints">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#f6f8fa" stroke="#d0d7de"/>',
        *_drawn(lines),
        "</svg>",
    ]
    return {FILE: "\n".join([*drawn, ""])}


def _printed() -> list[str]:
    """The lines that the demo prints on a terminal, with its colours."""
    screen = _Terminal(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(screen), redirect_stderr(screen):
        try:
            cli.main(["demo", "--lang", "en"])
        except SystemExit as ended:
            if ended.code:
                sys.exit(f"the demo ended with {ended.code}")
    screen.seek(0)
    # What is drawn over within a line (progress) is not seen in the end.
    return [line.rpartition("\x1b[2K")[2] for line in screen.read().rstrip("\n").split("\n")]


def _drawn(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        kinds = {_COLOURS[code] for found in _ESCAPE.findall(line) for code in found.split(";") if code in _COLOURS}
        text = _ESCAPE.sub("", line)
        if not text:
            continue
        kinds |= {"command"} if number == 1 else set()
        styled = f' class="{" ".join(sorted(kinds))}"' if kinds else ""
        shown = text.lstrip(" ")
        # Placed and measured, so that columns stand under each other in any font; a shown blank is never dropped.
        x, long = MARGIN + COLUMN * (len(text) - len(shown)), COLUMN * len(shown)
        place = f'x="{x:g}" y="{MARGIN + LINE * number - 5}" textLength="{long:g}" xml:space="preserve"'
        yield f"<text{styled} {place}>{escape(shown)}</text>"


if __name__ == "__main__":
    for file, text in made().items():
        file.write_text(text, encoding="utf-8")
