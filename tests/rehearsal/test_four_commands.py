"""What the README promises: four commands, one after the other, in an empty directory with nothing but the exports."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailferry.clock import SystemClock
from mailferry.config.load import examine
from mailferry.rehearsal.store import load
from mailferry.sample.run import Request, write

pytestmark = pytest.mark.timeout(600)

MAILFERRY = str(Path(sys.executable).parent / "mailferry")


def run(place: Path, *words: str, code: int = 0) -> str:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "en_GB.UTF-8", "COLUMNS": "80", "HOME": str(place)}
    done = subprocess.run(
        [MAILFERRY, *words], cwd=place, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_from_exports_to_a_rehearsed_plan(tmp_path: Path) -> None:
    write(tmp_path / "organisation", Request(50, 1, variants=False))
    (tmp_path / "organisation" / "exports").rename(tmp_path / "exports")

    run(tmp_path, "inventory", "import", "exports/")
    assert "50 clients" in run(tmp_path, "plan", "make")
    said = " ".join(run(tmp_path, "rehearse", "--at", "2027-01-01").split())
    assert "On 2027-01-01: 42 of 50 break as they are; with the plan 41 of 50 deliver, identical" in said
    assert "0 duplicates, 0 strangers: holds" in said
    run(tmp_path, "plan", "write", "papers/")

    report = (tmp_path / "papers" / "report.en.md").read_text()
    assert "| 2027-01-01 | 50 | 42 | 41 | 0 | yes |" in report
    assert "テナントを想定した予行演習の結果" in (tmp_path / "papers" / "report.ja.html").read_text()
    (tmp_path / "papers" / "secrets").mkdir(mode=0o700)
    secret = tmp_path / "papers" / "secrets" / "client-secret.txt"
    secret.touch(mode=0o600)
    secret.write_text("put here by the administrator")
    checked = examine(tmp_path / "papers" / "gateway.toml", SystemClock(), {})
    assert checked.config is not None, checked.errors

    _kept_and_shown_again(tmp_path)
    _of_an_earlier_plan(tmp_path)


def _kept_and_shown_again(place: Path) -> None:
    document: dict[str, Any] = json.loads(run(place, "rehearse", "--last", "--json"))
    (day,) = document["days"]
    assert (document["holds"], day["breaks_as_is"], day["delivers_as_planned"]) == (True, 42, 41)
    assert len(day["clients"]) == len({row["client"] for row in day["clients"]}) == 50
    assert load(place / "mailferry-state").days[0].broken == 42
    run(place, "rehearse", "--last", "--csv", "rehearsal.csv")
    rows = list(csv.DictReader((place / "rehearsal.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == 50
    assert "erp-order" in run(place, "rehearse", "--last", "--client", "erp-order-*")
    run(place, "rehearse", "--last", "--client", "nobody", code=1)


def _of_an_earlier_plan(place: Path) -> None:
    """The report takes no rehearsal of another plan."""
    run(place, "plan", "make", "--owner", "it@example.com")
    run(place, "plan", "write", "papers/")
    assert "Rehearsed against" not in (place / "papers" / "report.en.md").read_text()


def test_a_step_left_out_is_told(tmp_path: Path) -> None:
    run(tmp_path, "rehearse", code=4)
    run(tmp_path, "rehearse", "--last", code=4)
