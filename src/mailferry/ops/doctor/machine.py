"""Disk, permissions and ports of the machine the doctor runs on.

Leaves to others: files that the configuration names (config.checks.machine). Invariant: what is written is removed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

from mailferry.app.build import spool_directory
from mailferry.listener.settings import parse_address
from mailferry.m365.errors import Who
from mailferry.m365.facts import Text
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.units import format_size

#: Seconds of one synced write above which every accepted message is felt by its client.
_SLOW = 0.05
_ROUNDS = 5
GATEWAY = Text(Who.GATEWAY.label("en"), Who.GATEWAY.label("ja"))


async def check(patient: Patient) -> AsyncIterator[Finding]:
    directory = spool_directory(patient.config)
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    yield _space(patient, directory)
    yield await asyncio.to_thread(_sync, directory)
    for listener in patient.config.listeners:
        yield await asyncio.to_thread(_port, listener.name, listener.address)


def _space(patient: Patient, directory: Path) -> Finding:
    free, wanted = shutil.disk_usage(directory).free, patient.config.spool.min_free
    what = Text(
        f"{format_size(free >> 20 << 20)} are free; below {format_size(wanted)} no mail is taken",
        f"空き容量は {format_size(free >> 20 << 20)} です（{format_size(wanted)} を下回ると受け付けを停止します）",
    )
    if free >= 2 * wanted:
        return Finding("disk", str(directory), Level.GOOD, what)
    cure = Text("Make room, or move the spool to a larger disk.", "空きを増やすか、大きなディスクへ移してください。")
    return Finding(
        "disk", str(directory), Level.FAILED if free < wanted else Level.WARNING, what, cure=cure, who=GATEWAY
    )


def _sync(directory: Path) -> Finding:
    """How long stable storage takes: a 250 waits for it."""
    file = directory / f".mailferry-doctor-{secrets.token_hex(6)}"
    times = []
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                os.write(descriptor, b"\0" * 4096)
                os.fsync(descriptor)
                times.append(time.perf_counter() - began)
        finally:
            os.close(descriptor)
            file.unlink(missing_ok=True)
    except OSError as error:
        what = Text(f"cannot be written: {error.strerror}", f"書き込めません: {error.strerror}")
        cure = Text(
            "Let the user that runs mailferry own it; run the doctor as that user: sudo -u mailferry mailferry doctor",
            "mailferry の実行ユーザーを所有者にし、そのユーザーで診断してください: sudo -u mailferry mailferry doctor",
        )
        return Finding("disk", str(directory), Level.FAILED, what, cure=cure, who=GATEWAY)
    middle = sorted(times)[len(times) // 2]
    what = Text(f"a synced write takes {middle * 1000:.1f} ms", f"同期書き込みは {middle * 1000:.1f} ミリ秒です")
    if middle <= _SLOW:
        return Finding("disk", str(directory), Level.GOOD, what)
    cure = Text(
        "Each accepted message waits for one; use a local disk with a protected cache rather than a network share.",
        "受け付けのたびに生じる待ち時間です。ネットワーク共有ではなくローカル ディスクを使用してください。",
    )
    return Finding("disk", str(directory), Level.WARNING, what, cure=cure, who=GATEWAY)


def _port(name: str, address: str) -> Finding:
    host, port = parse_address(address)
    try:
        with socket.create_connection((host or "127.0.0.1", port), 2):
            pass
    except OSError:
        return _free(name, address, host, port)
    what = Text(f"{address} answers: a gateway, or another program, is there", f"{address} は応答しています（稼働中）")
    return Finding("listener", name, Level.GOOD, what)


def _free(name: str, address: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        what = Text(f"{address} cannot be had: {error.strerror}", f"{address} を使用できません: {error.strerror}")
        cure = Text(
            "Below 1024 a service needs CAP_NET_BIND_SERVICE; else name an address that this machine has.",
            "1024 未満のポートには CAP_NET_BIND_SERVICE が必要です。アドレスはこのマシンのものを指定します。",
        )
        return Finding("listener", name, Level.FAILED, what, cure=cure, who=GATEWAY)
    what = Text(f"{address} is free; no gateway runs there now", f"{address} は空いています（ゲートウェイは停止中）")
    return Finding("listener", name, Level.NOTE, what)
