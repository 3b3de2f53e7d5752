"""One page by its address, once.

Leaves to others: looking again and again (watch) and what the page says (read). Invariant: no more than a page is read,
and nothing but http and https is followed.
"""

from __future__ import annotations

from dataclasses import dataclass

_LIMIT = 20 << 20
_TIMEOUT = 30.0
_REDIRECTS = 5


class NotThere(Exception):
    """The page cannot be had."""


@dataclass(frozen=True, slots=True)
class Page:
    """The octets, the character set the server named ("" for none), and the address in the end."""

    data: bytes
    charset: str
    address: str


async def download(address: str) -> Page:
    """Raises NotThere."""
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT), headers={"User-Agent": "mailferry"}
            ) as session,
            session.get(address, max_redirects=_REDIRECTS) as answer,
        ):
            if answer.status != 200:
                raise NotThere(f"the server answered {answer.status} {answer.reason or ''}".strip())
            data = b""
            async for chunk in answer.content.iter_chunked(65536):
                data += chunk
                if len(data) > _LIMIT:
                    raise NotThere(f"it is larger than {_LIMIT >> 20} MB")
            return Page(data, answer.charset or "", str(answer.url))
    except TimeoutError:
        raise NotThere(f"no answer within {_TIMEOUT:.0f} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotThere(str(error) or type(error).__name__) from None
