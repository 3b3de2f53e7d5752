"""What the commands of `mailferry bulletin` are given: the page and the settings.

Leaves to others: figures (bulletin_figures) and what is done with it all (bulletin). Invariant: every way in ends in a
value or in an error that says what to do.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from mailferry.bulletin.settings import BulletinSettings
from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.bulletin.facts import Announcement
    from mailferry.bulletin.figures import Figures
    from mailferry.bulletin.notice import Notice, Reader
    from mailferry.bulletin.settings import ModelSettings
    from mailferry.tokens.settings import SecretSource

T = TypeVar("T")

DEFAULT_CONFIG = Path("mailferry.toml")


def settings(config: Path | None, *, needed: str = "") -> BulletinSettings:
    """The [bulletin] section of `config`, or of mailferry.toml where there is one; `needed` is what must be in it."""
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.section import load_section

    path = config or DEFAULT_CONFIG
    if not path.exists():
        if config is None and not needed:
            return BulletinSettings()
        hint = f"name a file that has [{needed}] with --config" if needed else "name another one with --config"
        fail(f"there is no {path}", hint, Exit.CONFIGURATION)
    try:
        return load_section(path, BulletinSettings)
    except ConfigurationError as error:
        for problem in error.problems:
            talk().print(str(problem), markup=False, soft_wrap=True)
        fail(f"{path} has errors; `mailferry check {path}` shows what to do", code=Exit.CONFIGURATION)


def secret(source: SecretSource | None, owner: str, what: str) -> str:
    """The text of a secret, "" where none is configured."""
    from mailferry.tokens.api import TokenError
    from mailferry.tokens.secret import read_secret

    if source is None:
        return ""
    try:
        return read_secret(source, os.environ, owner, what)
    except TokenError as error:
        fail(error.cause, code=Exit.CONFIGURATION)


def announcement(page: str) -> Announcement:
    """The facts of `page`: a file, - for standard input, or an http(s) address."""
    _needs_extra()
    from mailferry.bulletin.read import PageError, read

    data, address, charset = _page(page)
    try:
        return read(data, address, charset)
    except PageError as error:
        fail(str(error), code=Exit.USAGE)


def _page(page: str) -> tuple[bytes, str, str]:
    """The octets, where they came from, and the character set that HTTP named."""
    if page.startswith(("http://", "https://")):
        return asyncio.run(_fetched(page))
    if page == "-":
        return sys.stdin.buffer.read(), "", ""
    try:
        return Path(page).read_bytes(), Path(page).name, ""
    except OSError as error:
        fail(f"{page} cannot be read: {error.strerror}", "PAGE is a file, - or an http(s) address", Exit.USAGE)


async def _fetched(page: str) -> tuple[bytes, str, str]:
    import aiohttp

    from mailferry.bulletin.fetch import Fetcher, FetchError

    async with aiohttp.ClientSession(trust_env=True) as session:
        try:
            got = await Fetcher(session).get(page)
        except FetchError as error:
            fail(str(error), "save the page in a browser and name the file", Exit.UNAVAILABLE)
    return got.body or b"", page, got.charset


def notice(found: Announcement, reader: Reader, language: str, known: BulletinSettings, figures: Figures) -> Notice:
    """The notice in the words of the templates, or of the model where one is configured and says nothing new."""
    from mailferry.bulletin.compose import NothingToSay, Signature, compose

    signature = Signature(known.organisation, known.contact)
    try:
        composed = compose(found, reader, language, figures, signature)
    except NothingToSay as error:
        fail(f"{found.address or 'standard input'}: {error}", "is it the announcement itself, and all of it?")
    if found.unread:
        count = len(found.unread)
        what = "1 sentence with a date or a code was" if count == 1 else f"{count} sentences with dates or codes were"
        talk().print(f"[yellow]note:[/] {what} not understood; `mailferry bulletin facts` lists them.", soft_wrap=True)
    return composed if known.model.url is None else _reworded(composed, known.model)


def _reworded(composed: Notice, model: ModelSettings) -> Notice:
    from rich.markup import escape

    from mailferry.bulletin.rewrite import Rejected, rewrite

    key = secret(model.key, "bulletin.model", "key")
    try:
        return asyncio.run(rewrite(composed, model, key))
    except Rejected as error:
        told = f"[yellow]note:[/] the language model's text is not used: {escape(str(error))}"
        talk().print(told, soft_wrap=True)
        return composed


def _needs_extra() -> None:
    try:
        import jinja2  # noqa: F401
        import trafilatura  # noqa: F401
    except ImportError as error:
        _missing(error.name or "a package")


def _missing(name: str) -> NoReturn:
    fail(f"{name} is not installed", 'install the extra: pip install "mailferry[bulletin]"', Exit.UNAVAILABLE)
