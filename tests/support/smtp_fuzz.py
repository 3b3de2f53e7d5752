"""One octet string -> one case of the properties. The fuzzers make such strings; the corpus keeps them.

The first octet chooses the mode and the property, the second the stride of the cuts, the rest is what the peer sends.
"""

from __future__ import annotations

from mailferry.smtp.dotstuff import repair
from mailferry.smtp.limits import BareNewlines, ServerLimits
from support.smtp_properties import (
    SMALL,
    any_cut_gives_the_same_events,
    chunks_arrive_as_sent,
    client_raises_only_remote_protocol_error,
    data_arrives_as_sent,
    only_crlf_dot_crlf_ends_data,
    server_takes_anything,
)

_CODES = ((), (0, 0, 550), (0, 0, 0, 421), (0, 550, 0, 0, 450, 334))


def server_case(case: bytes) -> None:
    mode, stride, data = case[:1], case[1:2], case[2:]
    choice = mode[0] if mode else 0
    bare = BareNewlines.REPAIR if choice & 1 else BareNewlines.REFUSE
    limits = SMALL if choice & 2 else ServerLimits()
    cuts = range(0, len(data), 1 + (stride[0] if stride else 0) % 32)
    step = stride[0] if stride else 0
    which = choice >> 4 & 7  # 0: all of them; a fuzzer is faster with one at a time
    if which in (0, 1, 2, 3):
        any_cut_gives_the_same_events(data, cuts, bare, limits, _CODES[choice >> 2 & 3])
    if which in (0, 4):
        only_crlf_dot_crlf_ends_data(data, cuts, bare)
    if which in (0, 5):
        server_takes_anything(data, cuts, bare)
    if which in (0, 6):
        data_arrives_as_sent(repair(data), 1 + choice % 7, step % 5)
    if which in (0, 7):
        chunks_arrive_as_sent(data, 1 + choice % 7, step % 5, binary=True)


def client_case(case: bytes) -> None:
    sends = [bit for bit in range(8) if case[:1] and case[0] >> bit & 1]
    stride = 1 + (case[1] if len(case) > 1 else 0) % 64
    data = case[2:]
    client_raises_only_remote_protocol_error(data, range(0, len(data), stride), sends)
