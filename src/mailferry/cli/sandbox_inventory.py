"""The tenant in a box from the inventory, for `mailferry sandbox --from-inventory`: real devices pointed at it.

Leaves to others: the tenant (rehearsal.tenant), what the plan adds (rehearsal.grants). Invariant: every mailbox has one
rehearsal password, made for this run and shown; no real one is asked for or known.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.cli import plan_input
from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.sandbox.world import State


def state(place: Path) -> State:
    """The tenant of the inventory in `place`; after the steps of the plan where one was made of it."""
    from mailferry.planner.store import NoPlanError, StoreError, load
    from mailferry.rehearsal import grants
    from mailferry.rehearsal.planned import routes
    from mailferry.rehearsal.run import TENANT_ID
    from mailferry.rehearsal.tenant import estate
    from mailferry.sandbox.settings import Behaviour
    from mailferry.sandbox.world import State

    clients, domains = plan_input.clients(place, None)
    if not clients:
        fail("the inventory is empty", "import the exports first: mailferry inventory import FILE…", Exit.UNAVAILABLE)
    found = estate(clients, sorted(domains), TENANT_ID, f"rehearsal-{secrets.token_hex(4)}")
    tenant, told = grants.today(found.tenant), "as it is today; no plan was made of it yet"
    try:
        plan = load(place)
        tenant, told = grants.planned(found.tenant, plan, *routes(plan)), "after the steps of the plan"
    except NoPlanError:
        pass
    except StoreError as error:
        fail(str(error), code=Exit.CONFIGURATION)
    talk().print(f"The tenant is the inventory's in {place}, {told}.", markup=False, soft_wrap=True)
    for text in found.assumed:
        talk().print(f"assumed: {text.en}", style="dim", markup=False, soft_wrap=True)
    return State(tenant=tenant, behaviour=Behaviour(tenant_external_limit=False))
