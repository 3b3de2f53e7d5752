"""The three ways in which every parser of the server is tested."""

from __future__ import annotations

import pytest

from support.smtp_drive import CUTS, Cut


@pytest.fixture(params=list(CUTS))
def cut(request: pytest.FixtureRequest) -> Cut:
    return CUTS[request.param]
