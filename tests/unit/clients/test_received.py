"""Received fields as the servers of the field write them."""

from __future__ import annotations

import pytest

from mailferry.clients.received import Hop, first_hop

STAMP = "; Tue, 24 Nov 2026 14:33:12 +0900"


@pytest.mark.parametrize(
    ("value", "hop"),
    [
        (
            "from NPI4C3A2F (unknown [10.0.0.1]) (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))"
            " by mx.contoso.example (Postfix) with ESMTPS id 4XyZ",
            Hop("NPI4C3A2F", "", "10.0.0.1", "1.2"),
        ),
        (
            "from app01 (app01.contoso.example [10.0.0.2]) by mx.contoso.example (Postfix) with ESMTP id 4XyZ",
            Hop("app01", "app01.contoso.example", "10.0.0.2", "none"),
        ),
        (
            "from BRN001BA9C4D5E6 (10.0.0.5) by EXCH01.contoso.example (10.0.0.9) with Microsoft SMTP Server "
            "(version=TLS1_0, cipher=TLS_RSA_WITH_AES_256_CBC_SHA) id 15.2.1118.40",
            Hop("BRN001BA9C4D5E6", "", "10.0.0.5", "1.0"),
        ),
        (
            "from scanner ([10.0.0.5]) by EXCH01.contoso.example with Microsoft SMTP Server id 15.2.1118.40",
            Hop("scanner", "", "10.0.0.5", "none"),
        ),
        (
            "from [10.0.0.6] (helo=RNP002673A1B2C3) by relay.contoso.example with esmtps (TLS1.3) tls "
            "TLS_AES_256_GCM_SHA384 (Exim 4.96)",
            Hop("RNP002673A1B2C3", "", "10.0.0.6", "1.3"),
        ),
        (
            "from mail (pc7.contoso.example [IPv6:2001:db8::7]) by relay.contoso.example (8.17.1/8.17.1) with ESMTPS id"
            " 4AO5; (version=TLSv1 cipher=AES256-SHA)",
            Hop("mail", "pc7.contoso.example", "2001:db8::7", ""),
        ),
        ("from nowhere", Hop("nowhere")),
        ("from a (999.1.1.1) by b with LMTP", Hop("a")),
    ],
)
def test_each_server_writes_it_its_own_way(value: str, hop: Hop) -> None:
    assert first_hop([value + STAMP]) == hop


def test_the_oldest_hop_that_came_by_network_is_the_client() -> None:
    values = [
        "from edge (edge [192.0.2.1]) by cloud with ESMTPS" + STAMP,
        "from XRX9C934E5F1A2B (unknown [10.0.0.3]) by edge with ESMTP" + STAMP,
        "from localhost (localhost [127.0.0.1]) by filter with ESMTP" + STAMP,
        "by host (Postfix, from userid 0) id 1" + STAMP,
    ]
    assert first_hop(values).ehlo == "XRX9C934E5F1A2B"


def test_a_mail_that_never_left_its_host_says_so() -> None:
    assert first_hop(["from localhost (localhost [127.0.0.1]) by a with ESMTP" + STAMP]).address == "127.0.0.1"
    assert first_hop(["by host (Postfix, from userid 0) id 1" + STAMP]) == Hop()
    assert first_hop([]) == Hop()
