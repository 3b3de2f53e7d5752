"""One section of a configuration, for a command that needs no gateway.

Leaves to others: the whole and its cross checks (load). Invariant: an error within the section is never passed over;
what is wrong or missing elsewhere does not matter here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from mailferry.config.document import read_document
from mailferry.config.problem import ConfigurationError, in_order
from mailferry.config.validate import View, sections

Settings = TypeVar("Settings", bound=BaseModel)


def load_section(path: Path, model: type[Settings], environ: Mapping[str, str] = os.environ) -> Settings:
    """The [table] of `path` that has this model. Raises ConfigurationError with every error in it, or in reading."""
    name = next(section.name for section in sections() if section.model is model)
    document = read_document(path, environ)
    view = View(document)
    problems = [p for p in document.problems if not document.whole or p.key == "" or p.key.split(".")[0] == name]
    found = view.one(model)
    if problems or found is None:
        raise ConfigurationError(in_order(problems))
    return found.value
