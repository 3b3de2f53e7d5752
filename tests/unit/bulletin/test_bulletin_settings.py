"""The [bulletin] section: off by default, whole or not at all, no secret in it and none in clear on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.bulletin.settings import BulletinSettings
from mailferry.config.problem import ConfigurationError
from mailferry.config.section import load_section


def load(tmp_path: Path, text: str) -> BulletinSettings:
    file = tmp_path / "m.toml"
    file.write_text(text)
    return load_section(file, BulletinSettings, {})


def test_nothing_is_asked_of_anybody_by_default(tmp_path: Path) -> None:
    known = load(tmp_path, "")
    assert known == BulletinSettings()
    assert (known.addresses, known.wordpress.url, known.mail.sender, known.model.url) == ((), None, None, None)


def test_the_section_is_enough_without_a_gateway(tmp_path: Path) -> None:
    known = load(
        tmp_path,
        """
        [bulletin]
        contact = "helpdesk@example.com"
        [bulletin.wordpress]
        url = "https://www.example.com/blog/"
        user = "bulletin"
        password = { file = "secrets/wordpress.txt" }
        """,
    )
    assert known.wordpress.url == "https://www.example.com/blog"
    assert known.wordpress.password is not None
    assert known.wordpress.password.file == tmp_path / "secrets/wordpress.txt"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[bulletin]\nadresses = []", "bulletin.adresses: is no setting"),
        ('[bulletin]\naddresses = ["ftp://example.com"]', "is no web address"),
        ('[bulletin]\naddresses = ["https://a:b@example.com"]', "must not hold a password"),
        ('[bulletin]\ninterval = "1s"', "bulletin.interval"),
        ('[bulletin.wordpress]\nurl = "https://example.com"', "url needs user and password"),
        ('[bulletin.wordpress]\nurl = "http://example.com"\nuser = "a"\npassword = { env = "B" }', "in clear"),
        ('[bulletin.wordpress]\nuser = "a"\npassword = "geheim"', "holds the secret itself"),
        ('[bulletin.mail]\nsender = "nobody"', "is no mail address"),
        ('[bulletin.mail]\naccount = "a"', "account needs a password"),
        ('[bulletin.mail]\nhost = "gw.example.com"\naccount = "a"\npassword = { env = "B" }\ntls = "none"', "in clear"),
        ('[bulletin.model]\nurl = "https://example.com/v1"', "url needs the name of a model"),
        ('[bulletin.model]\nurl = "http://example.com/v1"\nmodel = "x"', "in clear"),
        ("[bulletin\n", "m.toml"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)
    assert what in str(error.value)
    assert "geheim" not in str(error.value)


def test_errors_elsewhere_do_not_matter(tmp_path: Path) -> None:
    assert load(tmp_path, '[gateway]\nhostname = "-"\n[bulletin]\ncontact = "IT"').contact == "IT"
