"""One section of a configuration, for a command that needs no gateway.

Leaves to others: the whole and its cross checks (load). Invariant: an error within the section is never passed over;
what is wrong or missing elsewhere does not matter here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from mailferry.config.document import read_document
from mailferry.config.problem import ConfigurationError, Problem, in_order
from mailferry.config.validate import View, sections

Settings = TypeVar("Settings", bound=BaseModel)


def load_section(path: Path, model: type[Settings], environ: Mapping[str, str] = os.environ) -> Settings:
    """The [table] of `path` that has this model. Raises ConfigurationError with every error in it, or in reading."""
    view, problems = _view(path, model, environ)
    found = view.one(model)
    if problems or found is None:
        raise ConfigurationError(in_order(problems))
    return found.value


def load_entries(path: Path, model: type[Settings], environ: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """The entries of the [[array]] of `path` that has this model. Raises ConfigurationError likewise."""
    view, problems = _view(path, model, environ)
    if problems:
        raise ConfigurationError(in_order(problems))
    return tuple(item.value for item in view.all(model))


def _view(path: Path, model: type[BaseModel], environ: Mapping[str, str]) -> tuple[View, list[Problem]]:
    name = next(section.name for section in sections() if section.model is model)
    document = read_document(path, environ)
    view = View(document)
    own = [p for p in document.problems if not document.whole or p.key == "" or re.split(r"[.\[]", p.key)[0] == name]
    return view, own
