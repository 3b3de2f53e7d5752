"""How fast the store is beside a busy event loop.

    python bench/spool_bench.py [--directory DIR] [--messages N] [--tasks N] [--burn MICROSECONDS] [--switch SECONDS]

`--burn` is the Python work per message on the loop, about what reading one message by SMTP costs: the writer thread has
to win the interpreter lock against it. Phases: accept alone; claim and record of what was accepted; both at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mailferry.clock import SystemClock
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource
from mailferry.spool.api import Accepted, Lease, Move, State, Use
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite.store import SqliteSpool

LANE = "exo/scan@example.com"


class Bench:
    def __init__(self, spool: SqliteSpool, options: argparse.Namespace) -> None:
        self.spool = spool
        self.tasks = options.tasks
        self.burn = options.burn * 1e-6
        self.body = b"Received: from printer.example.com\r\n" + os.urandom(options.size)
        self.clock = SystemClock()
        self.left = 0
        self.recorded = 0
        self.running = 0
        self.room = asyncio.Event()

    def work(self) -> None:
        end = time.perf_counter() + self.burn
        while time.perf_counter() < end:
            pass

    async def accept_one(self) -> None:
        self.work()
        draft = self.spool.draft(len(self.body))
        draft.write(self.body)
        await draft.commit(
            Accepted(
                Envelope("sender@example.com", (Recipient("user@example.org"),)),
                Origin("printer-1", "192.0.2.7", "printer.example.com", "printer-1", "TLSv1.3", "submission"),
                "scan@example.com",
                (LANE,),
                "<abc.def@example.com>",
                "Scanned document",
            )
        )

    async def acceptor(self) -> None:
        while self.left > 0:
            self.left -= 1
            await self.accept_one()

    async def accept(self, messages: int) -> float:
        self.left = messages
        start = time.perf_counter()
        await asyncio.gather(*(self.acceptor() for _ in range(self.tasks)))
        return messages / (time.perf_counter() - start)

    def attempt(self, lease: Lease, *, burn: bool) -> None:
        if burn:
            self.work()
        now = self.clock.time()
        moves = [Move(claim.id, State.DELIVERED, now, "250 2.0.0 OK queued as 4F2A") for claim in lease.claims]
        self.spool.record(lease, moves, Use(1, len(moves))).add_done_callback(self.attempted)

    def attempted(self, done: asyncio.Future[bool]) -> None:
        assert done.result()
        self.recorded += 1
        self.running -= 1
        if self.running <= 150:
            self.room.set()

    async def deliverer(self, messages: int, *, burn: bool) -> None:
        """Claims ahead, so that claiming and recording overlap as they do in the scheduler."""
        self.running = 0
        while self.recorded < messages:
            leases = await self.spool.claim(LANE, self.clock.time(), 100, 3600)
            self.running += len(leases)
            self.room.clear()
            for number, lease in enumerate(leases):
                self.attempt(lease, burn=burn)
                if number % 20 == 19:
                    await asyncio.sleep(0)
            if self.running > 150:
                await self.room.wait()
            elif not leases:
                await asyncio.sleep(0.001)

    async def drain(self, messages: int) -> float:
        self.recorded = 0
        start = time.perf_counter()
        await self.deliverer(messages, burn=True)
        return messages / (time.perf_counter() - start)

    async def both(self, messages: int) -> float:
        self.left, self.recorded = messages, 0
        start = time.perf_counter()
        await asyncio.gather(*(self.acceptor() for _ in range(self.tasks)), self.deliverer(messages, burn=False))
        return messages / (time.perf_counter() - start)


async def main(options: argparse.Namespace) -> None:
    directory = Path(options.directory or tempfile.mkdtemp(prefix="spool-bench-"))
    clock = SystemClock()
    spool = SqliteSpool(directory, clock, IdSource(clock), SpoolSettings(min_free=0, journal=options.journal << 20))
    await spool.open()
    try:
        bench = Bench(spool, options)
        for name, phase in (("accept", bench.accept), ("claim+record", bench.drain), ("all at once", bench.both)):
            loop_cpu = time.thread_time()
            used, batches = resource.getrusage(resource.RUSAGE_SELF), spool.batches
            rate = await phase(options.messages)
            loop_cpu = time.thread_time() - loop_cpu
            now = resource.getrusage(resource.RUSAGE_SELF)
            cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
            syncs = spool.batches - batches
            each = 1e6 / options.messages
            print(
                f"{name:13} {rate:8.0f} messages/s  {syncs:6} syncs ({options.messages / syncs:5.1f} messages each)  "
                f"CPU {loop_cpu * each:5.1f} us each on the loop, {(cpu - loop_cpu) * each:5.1f} us elsewhere  "
                f"log {(directory / 'spool.db-wal').stat().st_size >> 20} MB, "
                f"database {(directory / 'spool.db').stat().st_size >> 20} MB",
                flush=True,
            )
    finally:
        await spool.close()
        if options.directory is None:
            shutil.rmtree(directory)


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory")
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--burn", type=float, default=60.0)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--journal", type=int, default=64)
    parser.add_argument("--switch", type=float, default=0.0005)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    sys.setswitchinterval(options.switch)
    if options.loop == "uvloop":
        import uvloop

        uvloop.run(main(options))
    else:
        asyncio.run(main(options))


if __name__ == "__main__":
    run()
