"""Runs the command line in this process as a person would meet it: two streams, an exit code, a console's encoding."""

import gzip
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dhis2_bridge import settings
from dhis2_bridge.cli import main

EXAMPLES = settings.shipped("examples")
EXPORT = EXAMPLES / "metadata" / "uz_phc_m.json"
FORM = EXAMPLES / "phc" / "phc_uz.xlsx"
MISTAKES = EXAMPLES / "phc" / "phc_uz_with_mistakes.xlsx"
MAPPING = "uzbekistan/phc_monthly"
WITH = ("--mapping", MAPPING, "--snapshot", str(EXPORT))


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what stood on its two streams."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def both(self) -> str:
        return self.out + self.err

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.raw.splitlines()]

    @property
    def complaint(self) -> str:
        """What was said on standard error, which has to be one line, while nothing stands on standard output."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        return line


class Shell:
    """Runs commands; `environ` is that of the runs, and nothing of this machine's own logins is in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self._monkeypatch = monkeypatch
        for name in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "DHIS2_BRIDGE_CONFIG"):
            monkeypatch.setenv(name, str(home))
        for name in ("URL", "USERNAME", "PASSWORD", "PAT", "PROFILE", "SNAPSHOT", "MAPPING", "BRIDGE_DEBUG"):
            monkeypatch.delenv(f"DHIS2_{name}", raising=False)
        monkeypatch.setenv("DHIS2_BRIDGE_LANG", "en")

    def login(self, url: str, password: str = "district") -> None:
        for name, value in (("URL", url), ("USERNAME", "admin"), ("PASSWORD", password)):
            self._monkeypatch.setenv(f"DHIS2_{name}", value)

    def __call__(self, *arguments: object, stdin: bytes = b"", encoding: str = "utf-8") -> Ran:
        out, err = io.BytesIO(), io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=encoding, errors="strict"))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding=encoding, errors="strict"))
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
            sys.stdout.flush()
            sys.stderr.flush()
            code = ended.value.code
            assert isinstance(code, int)
            return Ran(
                code, out.getvalue().decode(encoding, "replace"), err.getvalue().decode(encoding), out.getvalue()
            )


def sent(folder: Path) -> list[dict[str, Any]]:
    """The values of all chunks of a run folder."""
    chunks = sorted((folder / "chunks").iterdir())
    return [value for chunk in chunks for value in json.loads(gzip.decompress(chunk.read_bytes()))["dataValues"]]
