"""From a file name to a Config, or to every reason why not.

Leaves to others: reading (document), validating (validate), checking (check, checks/).
Invariant: load_config returns only what validates and passes every cross check, so no caller can start an open relay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailferry.clock import Clock
from mailferry.config.check import cross_checks, placed
from mailferry.config.checks import machine
from mailferry.config.document import read_document
from mailferry.config.problem import ConfigurationError, Problem, Severity, in_order
from mailferry.config.schema import Config
from mailferry.config.validate import View

__all__ = ["ConfigurationError", "Report", "examine", "load_config"]


@dataclass(frozen=True, slots=True)
class Report:
    """`config` is None exactly when `problems` holds an error of the configuration itself."""

    config: Config | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in `path`. Raises ConfigurationError with every error; warnings do not matter here, and what
    only this machine can tell (certificates, secrets, directories) is left to `examine`."""
    config, problems, _ = _read(path, environ)
    if config is None:
        raise ConfigurationError(in_order(p for p in problems if p.severity is Severity.ERROR))
    return config


def examine(path: Path, clock: Clock, environ: Mapping[str, str] = os.environ) -> Report:
    """All that can be said about `path` without starting anything."""
    config, problems, view = _read(path, environ)
    problems += placed(view.document, machine.check(view, clock, environ))
    return Report(config, in_order(problems))


def _read(path: Path, environ: Mapping[str, str]) -> tuple[Config | None, list[Problem], View]:
    document = read_document(path, environ)
    view = View(document)
    problems = list(document.problems)
    if document.whole:
        problems += cross_checks(view)
    failed = any(problem.severity is Severity.ERROR for problem in problems)
    return (None if failed else view.config()), problems, view
