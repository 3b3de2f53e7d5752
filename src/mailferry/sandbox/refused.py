"""A request over HTTP that a service of the sandbox refuses.

Leaves to others: the refusals of each service and the form of its answer (graph_errors, acs_refusals). Marks: V =
Microsoft's text, O = observed by third parties, UNV = best known. Invariant: `cause` is for the recorder only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """Status, code and sentence, with their source."""

    status: int
    code: str
    sentence: str
    mark: str


class Refused(Exception):
    """`retry_after` in seconds becomes a header; `values` fill the sentence."""

    def __init__(self, kind: Kind, cause: str = "", *, retry_after: float | None = None, **values: str) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.cause = cause
        self.retry_after = retry_after
        self.sentence = kind.sentence.format(**values)
