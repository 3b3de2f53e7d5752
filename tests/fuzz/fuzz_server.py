"""Fuzzes the server core with atheris: python tests/fuzz/fuzz_server.py -max_total_time=30 [corpus directory]

The properties are those of tests/property; what breaks one goes into corpus/smtp_server, where pytest replays it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

with atheris.instrument_imports(include=["mailferry.smtp"]):
    from support.smtp_fuzz import server_case

if __name__ == "__main__":
    corpus = [] if any(not word.startswith("-") for word in sys.argv[1:]) else [str(HERE / "corpus" / "smtp_server")]
    atheris.Setup([*sys.argv, *corpus], server_case)
    atheris.Fuzz()
