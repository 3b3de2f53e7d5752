"""The table of work: what is measured, against whom, and what is asked (reasons: docs/concepts/sizing-and-limits.md).

A cell's `measure` gives one figure for one peer in one round; a cell's result is the median over the rounds of
mailferry's figure against the peer's (turned round where less is better).
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.load import CountingSink, Load, idle, latency, rate, smtp_source, tls_sessions
from bench.peers import Aiosmtpd, Haraka, Mailferry, Peer, Postfix

Measure = Callable[[type[Peer], float], float]


@dataclass(frozen=True)
class Cell:
    """`ask` and `aim` are ratios against `peers`; `better` tells which way a figure is good."""

    name: str
    measure: Measure
    peers: Sequence[type[Peer]]
    ask: dict[str, float]
    aim: dict[str, float]
    unit: str
    better: str = "more"  # or "less"
    figures: dict[str, list[float]] = field(default_factory=dict)

    def ratio(self, peer: str) -> float:
        """The median over the rounds of this product's advantage over `peer`."""
        pairs = zip(self.figures["mailferry"], self.figures[peer], strict=True)
        ratios = [ours / theirs if self.better == "more" else theirs / ours for ours, theirs in pairs]
        return statistics.median(ratios)


def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="mailferry-bench-", dir="/var/tmp"))
    place.chmod(0o755)  # Postfix's processes run as a user of their own
    return place / "peer"


def accept(load: Load, kind: type[Peer], seconds: float) -> float:
    peer = kind(_place())
    peer.start()
    try:
        return rate(peer.port, load, seconds)
    finally:
        peer.stop()


def megabytes(load: Load, kind: type[Peer], seconds: float) -> float:
    return accept(load, kind, seconds) * load.size / 1e6


def relay(load: Load, kind: type[Peer], seconds: float) -> float:
    """Messages per second from the first MAIL to the last arrival at the sink."""
    sink = CountingSink()
    peer = kind(_place(), relay_to=sink.port)
    peer.start()
    try:
        count = 1000
        while True:
            before, started = sink.count(), time.perf_counter()
            smtp_source(peer.port, load, count)
            while sink.count() - before < count:
                if time.perf_counter() - started > 300:
                    raise TimeoutError(f"{kind.name}: {sink.count() - before} of {count} arrived in 300 s")
                time.sleep(0.02)
            took = time.perf_counter() - started
            if took >= seconds * 0.8:
                return count / took
            count = int(count * min(20.0, max(1.3, seconds * 1.05 / took)))
    finally:
        peer.stop()
        sink.stop()


def accept_beside_slow_upstream(kind: type[Peer], seconds: float) -> float:
    """Accept rate while the upstream takes 100 ms per answer, against the same with no upstream to speak to."""
    load = Load(100, keep=True)
    plain = accept(load, kind, seconds)
    sink = CountingSink(delay=0.1)
    peer = kind(_place(), relay_to=sink.port)
    peer.start()
    try:
        return rate(peer.port, load, seconds) / plain
    finally:
        peer.stop()
        sink.stop()


def certificate(directory: Path) -> tuple[Path, Path]:
    """A P-256 certificate for every peer alike."""
    directory.mkdir(parents=True, exist_ok=True)
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bench.example.com "
        f"-keyout {key} -out {cert}".split(),
        check=True,
        capture_output=True,
    )
    return cert, key


def session_cpu(kind: type[Peer], seconds: float) -> float:
    """Server CPU milliseconds per STARTTLS + AUTH + message + QUIT session."""
    place = _place()
    peer = kind(place, tls=certificate(place.parent / "tls"), auth=True)
    peer.start()
    try:
        tls_sessions(peer.port, 4, 10)
        before = peer.cpu()
        done, each, started = 0, 60, time.perf_counter()
        while time.perf_counter() - started < seconds:
            done += tls_sessions(peer.port, 4, each)[0]
        return (peer.cpu() - before) * 1000 / done
    finally:
        peer.stop()


def answer_time(quantile: float, kind: type[Peer], seconds: float) -> float:
    """Milliseconds from the final dot to 250 at `quantile`, one client."""
    peer = kind(_place())
    peer.start()
    try:
        latency(peer.port, 200)
        waits: list[float] = []
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            waits += latency(peer.port, 500)
        return sorted(waits)[int(len(waits) * quantile)] * 1000
    finally:
        peer.stop()


def idle_connection(kind: type[Peer], seconds: float) -> float:
    """Kilobytes of proportional set size per idle plain connection."""
    peer = kind(_place())
    peer.start()
    try:
        for link in idle(peer.port, 200):
            link.close()
        time.sleep(1)
        before = peer.pss()
        count = 2000 if kind is Mailferry else 90
        links = idle(peer.port, count)
        grown = peer.pss() - before
        for link in links:
            link.close()
        return grown / count / 1024
    finally:
        peer.stop()


def memory_growth(kind: type[Peer], seconds: float) -> float:
    """Peak resident megabytes that 25 MB messages add to what 4 KB messages need, four at a time."""
    peer = kind(_place())
    peer.start()
    try:
        smtp_source(peer.port, Load(4, keep=True), 400)
        before = peer.peak_rss()
        smtp_source(peer.port, Load(4, keep=True, size=25_000_000), 12)
        return (peer.peak_rss() - before) / 1e6
    finally:
        peer.stop()


def cells() -> list[Cell]:
    """Every row of the asks, in their order."""
    from bench.bulletin import bulletin_cells  # which take Cell from here
    from bench.inventory import inventory_cells
    from bench.planning import planning_cells

    four = partial(partial, accept)
    postfix: list[type[Peer]] = [Mailferry, Postfix]

    def versus(ask: float, aim: float) -> dict[str, dict[str, float]]:
        return {"ask": {"postfix": ask}, "aim": {"postfix": aim}}

    return [
        Cell(
            "accept 4 KB, 100 kept",
            four(Load(100, True)),
            [*postfix, Aiosmtpd],
            {"postfix": 6, "aiosmtpd": 5},
            {"postfix": 10, "aiosmtpd": 8},
            "msg/s",
        ),
        Cell("accept 4 KB, 100 new", four(Load(100, False)), postfix, **versus(2.5, 4), unit="msg/s"),
        Cell("accept 4 KB, 20 new", four(Load(20, False)), postfix, **versus(2.5, 4), unit="msg/s"),
        Cell("accept 4 KB, 1 kept", four(Load(1, True)), postfix, **versus(1.3, 2), unit="msg/s"),
        Cell(
            "relay 4 KB, 100 kept",
            partial(relay, Load(100, True)),
            [*postfix, Haraka],
            {"postfix": 5, "haraka": 4},
            {"postfix": 10, "haraka": 8},
            "msg/s",
        ),
        Cell(
            "accept 100 KB, 20 kept", partial(megabytes, Load(20, True, 100_000)), postfix, **versus(2, 4), unit="MB/s"
        ),
        Cell(
            "accept 5 MB, 4 kept", partial(megabytes, Load(4, True, 5_000_000)), postfix, **versus(1.2, 2), unit="MB/s"
        ),
        Cell("STARTTLS+AUTH session", session_cpu, postfix, **versus(1.5, 2), unit="CPU ms", better="less"),
        Cell("dot to 250, p50", partial(answer_time, 0.5), postfix, **versus(1, 1.5), unit="ms", better="less"),
        Cell("dot to 250, p99", partial(answer_time, 0.99), postfix, **versus(1, 1.5), unit="ms", better="less"),
        Cell(
            "accept, upstream 100 ms",
            accept_beside_slow_upstream,
            [Mailferry],
            {"itself": 0.9},
            {"itself": 1.0},
            "of plain",
        ),
        Cell(
            "idle connection", idle_connection, [Mailferry], {"KB at most": 12}, {"KB at most": 4}, "KB", better="less"
        ),
        Cell(
            "25 MB messages add",
            memory_growth,
            [Mailferry],
            {"MB at most": 60},
            {"MB at most": 30},
            "MB",
            better="less",
        ),
        *inventory_cells(),
        *planning_cells(),
        *bulletin_cells(),
    ]
