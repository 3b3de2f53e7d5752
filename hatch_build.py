"""Compiles the hot path into the wheel with mypyc when MAILFERRY_COMPILE=1 and a C compiler is there.

The source is the same, and so is what it does: a compiled wheel needs a third less CPU a message. An ordinary build and
an editable install stay pure Python, so that no compiled file can be older than its source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup
modules = mypycify(sys.argv.pop().split(), opt_level="2", multi_file=True)
setup(name="compiled", packages=[], package_dir={"": "src"}, ext_modules=modules)
"""


class CompileHook(BuildHookInterface[Any]):
    """Puts the compiled modules named by `modules` beside their sources in the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get("MAILFERRY_COMPILE") != "1":
            return
        root = Path(self.root)
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            shutil.copytree(root / "src", work / "src", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
            shutil.copy(root / "pyproject.toml", work)  # mypy's settings
            (work / "compile.py").write_text(_SETUP, encoding="utf-8")
            files = [str(file.relative_to(work)) for part in self.config["modules"] for file in _files(work, part)]
            command = [sys.executable, "compile.py", "build_ext", "--inplace", " ".join(files)]
            subprocess.run(command, cwd=work, check=True)  # noqa: S603 - our own command
            out = root / "build" / "compiled"
            shutil.rmtree(out, ignore_errors=True)
            for built in sorted((work / "src").rglob("*.so")):
                target = out / built.relative_to(work / "src")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(built, target)
                build_data["force_include"][str(target)] = str(built.relative_to(work / "src"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _files(work: Path, part: str) -> list[Path]:
    """A module, or the modules of a package without its __init__."""
    path = work / "src" / "mailferry" / part
    if path.is_dir():
        return [file for file in sorted(path.glob("*.py")) if file.name != "__init__.py"]
    return [path.with_suffix(".py")]
