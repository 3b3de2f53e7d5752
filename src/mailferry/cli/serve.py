"""`mailferry serve`: run the gateway in the foreground until it is told to stop.

Leaves to others: the gateway itself (app). Invariant: SIGTERM and SIGINT drain, SIGHUP reloads, and a configuration
that does not check never starts and never replaces the one at work.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mailferry.cli import collector
from mailferry.cli.output import Exit, fail

if TYPE_CHECKING:
    from mailferry.app import Gateway
    from mailferry.config.schema import Config
    from mailferry.obs.maillog import MailLog

#: Bytecodes' worth of seconds a thread may keep the interpreter: the spool's thread must get it back soon after a
#: sync, while the loop is busy with sessions. Measured: 0.5 ms takes half off the time from the dot to 250.
SWITCH_INTERVAL = 0.0005


def serve(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")
    ] = Path("mailferry.toml"),
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; then finish what is under way and stop.

    SIGHUP reads clients and certificates again. Under systemd (Type=notify) it says when it is ready.
    """
    from mailferry.config.load import ConfigurationError, load_config

    try:
        settings = load_config(config)
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)
    sys.setswitchinterval(SWITCH_INTERVAL)
    collector.calm()
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        code = runner.run(_run(settings, config))
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter apart: all is durable and closed, and classes that mypyc compiled may crash
    there (a weak reference to what is gone already), which a service manager would call a failure."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where the platform has it, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _run(settings: Config, path: Path) -> int:
    from mailferry.app import Gateway
    from mailferry.clock import SystemClock
    from mailferry.listener.tls import TlsError
    from mailferry.obs.logging import Log
    from mailferry.obs.maillog import MailLog
    from mailferry.obs.metrics import Metrics
    from mailferry.spool.api import SpoolError

    clock = SystemClock()
    log = Log(
        sys.stderr.buffer,
        clock,
        form=settings.log.format.value,
        colours=sys.stderr.isatty(),
        journal=settings.log.journal,
    )
    log.capture()
    mail_log = MailLog(log.sink, Metrics())
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # until it runs there is nothing to read again
    try:
        gateway = Gateway(settings, clock, mail_log, os.environ)
        await gateway.start()
    except (SpoolError, TlsError, OSError, ValueError) as error:
        mail_log.trouble("cannot start", cause=str(error))
        log.close()
        return int(Exit.UNAVAILABLE)
    loop.add_signal_handler(signal.SIGHUP, _reload, gateway, path, mail_log)
    notify("READY=1")
    watchdog = loop.create_task(_watchdog(gateway))
    await ended.wait()
    notify("STOPPING=1")
    watchdog.cancel()
    await gateway.stop()
    log.close()
    return int(Exit.OK)


def _reload(gateway: Gateway, path: Path, log: MailLog) -> None:
    from mailferry.config.load import ConfigurationError, load_config
    from mailferry.listener.tls import TlsError

    notify("RELOADING=1")
    try:
        gateway.reload(load_config(path))
    except (ConfigurationError, TlsError, OSError) as error:
        log.trouble("not reloaded", cause=str(error))
    notify("READY=1")


async def _watchdog(gateway: Gateway) -> None:
    """Tell systemd that the loop turns (WatchdogSec=), twice as often as it asks."""
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0") or 0)
    if not microseconds:
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(microseconds / 2_000_000)


def notify(state: str) -> None:
    """sd_notify(3): one datagram to $NOTIFY_SOCKET; nothing without it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.setblocking(False)
        try:
            link.connect(name)
            link.sendall(state.encode())
        except OSError:
            return  # a supervisor that went away, or does not read, is no reason to stop carrying mail
