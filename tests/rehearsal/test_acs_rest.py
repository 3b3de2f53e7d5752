"""Mail that leaves by Azure Communication Services over REST: reports reach a person, a restart sends once."""

from __future__ import annotations

import asyncio
import os
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path

from mailferry.app import Gateway
from mailferry.clock import SystemClock
from mailferry.config.load import load_config
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.rehearsal.cast import cast
from mailferry.rehearsal.dialects import python_smtplib
from mailferry.rehearsal.mails import mail
from mailferry.rehearsal.stage import WAYS_ACCOUNT, WAYS_PASSWORD, Stage
from mailferry.sandbox.mailbox import Folder

#: A configuration wants somebody who is known by network.
UPS = [part for part in cast(1) if part.client == "UPS card"]
ERP, OFFICE = "erp@contoso.example", "office@wingtip.example"


async def submit(stage: Stage, tag: str) -> None:
    letter = mail(tag, ERP, (OFFICE,), b"One order.\r\n", subject="Order 4711")
    await asyncio.to_thread(python_smtplib, stage.front, letter, WAYS_ACCOUNT, WAYS_PASSWORD)


async def restart(stage: Stage) -> None:
    await stage.gateway.stop(0.5)
    log = MailLog(lambda *_: None, Metrics())
    stage.gateway = Gateway(load_config(stage.config), SystemClock(), log, os.environ)
    await stage.gateway.start()


async def test_a_suppressed_recipient_is_reported_to_whoever_sent(tmp_path: Path) -> None:
    async with Stage(date(2027, 1, 5), UPS, tmp_path) as stage:
        entry = {OFFICE: {"until": "2099-01-01T00:00:00Z"}}
        stage.box.world.patch({"tenant": {"communication": {"suppressed": entry}}})
        stage.box.world.tune(acs={"retry_after": 0, "running_looks": 0})
        await submit(stage, "suppressed")
        await stage.drained()
        (report,) = stage.box.mail.find(box=ERP, folder=Folder.INBOX)
        text = message_from_bytes(report.raw, policy=policy.default).as_string()
        assert "multipart/report" in text
        assert OFFICE in text
        assert "EmailDroppedAllRecipientsSuppressed" in text
        assert list(stage.box.mail.find(box=OFFICE)) == []


async def test_a_stop_while_the_final_state_is_awaited_sends_nothing_twice(tmp_path: Path) -> None:
    async with Stage(date(2027, 1, 5), UPS, tmp_path) as stage:
        stage.box.world.tune(acs={"retry_after": 100})
        await submit(stage, "interrupted")
        async with asyncio.timeout(20):
            while not stage.box.mail.find(box=OFFICE):  # noqa: ASYNC110 - another program's state
                await asyncio.sleep(0.02)
        await restart(stage)
        stage.box.world.tune(acs={"retry_after": 0, "running_looks": 0})
        await stage.drained()
        assert len(stage.box.mail.find(box=OFFICE)) == 1
        asked = [one.method for one in stage.box.recorder.requests if one.surface == "acs-rest"]
        assert asked[0] == "POST"
        assert set(asked[1:]) == {"GET"}
