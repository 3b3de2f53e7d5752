"""Bytes of a page as text, also where the page names a wrong charset or ends in the middle of a letter.

Leaves to others: what the text holds (unwrap). Invariant: `decode` always answers, and the same bytes always get the
same text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.IGNORECASE)
#: Names that pages use for a charset with more letters in it than the name says.
_WIDER = {
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
    "euc-jp": "euc_jis_2004", "x-euc-jp": "euc_jis_2004",
}  # fmt: skip
#: Tried where the declared charset does not fit.
_GUESSES = ("utf-8", "cp932", "euc_jis_2004", "cp1252")
_HEAD = 4096
#: Enough to tell charsets apart; a longer page is scored by its first part.
_SAMPLE = 64 << 10
_ISO_2022 = re.compile(rb"\x1b\$[@B]|\x1b\(J")


def decode(data: bytes, declared: str = "") -> str:
    """`data` as text. `declared` is the charset that HTTP named."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data.decode(name, "replace")
    if _ISO_2022.search(data[:_SAMPLE]):
        return data.decode("iso2022_jp_ext", "replace")
    if _utf16(data):
        return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be", "replace")
    sample = data[:_SAMPLE]
    best = max(_candidates(data, declared), key=lambda name: _score(sample, name))
    return data.decode(best, "replace")


def _utf16(data: bytes) -> bool:
    """UTF-16 without a mark: every other byte of its markup is zero."""
    head = data[:64]
    return len(head) >= 8 and (head[::2].count(0) > len(head) // 3 or head[1::2].count(0) > len(head) // 3)


def _candidates(data: bytes, declared: str) -> Iterator[str]:
    """Charsets to try, the declared ones first: `max` keeps the first of equals."""
    named = [declared, *(match[1].decode("ascii") for match in _DECLARED.finditer(data[:_HEAD]))]
    seen: set[str] = set()
    for name in (*named, *_GUESSES):
        codec = _codec(name)
        if codec and codec not in seen:
            seen.add(codec)
            yield codec


def _codec(name: str) -> str:
    wider = _WIDER.get(name.strip().lower(), name.strip())
    try:
        info = codecs.lookup(wider)
    except (LookupError, ValueError, UnicodeError):
        return ""
    return info.name if getattr(info, "_is_text_encoding", True) and info.name not in ("utf-7", "idna") else ""


_GOOD = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u3001\u3002\u4e00-\u9fff\u300c\u300d\uff01-\uff5e]")
_ODD = re.compile("[\ufffd\ue000-\uf8ff\uff61-\uff9f\x80-\x9f\x00-\x08\u2500-\u259f\u0e00-\u0e7f]")
_MARKS = re.compile(
    "[\u00a1-\u00bf\u00d7\u00f7\u0192\u02c6\u02dc\u2020\u2021\u2030\u0152\u0153\u017d\u017e]|[\u00c0-\u00ff]{2}"
)


def _score(sample: bytes, name: str) -> float:
    """How much like a page the sample reads: Japanese for, letters of no page against. UTF-8 that decodes without a
    fault is UTF-8: other charsets do not look like it by chance."""
    try:
        text = sample.decode(name, "replace")
    except (UnicodeError, ValueError):
        return -1e9
    faults = text.count("\ufffd")
    if name == "utf-8" and faults <= 1 and not sample.isascii():
        return 1e9
    wide = len(_GOOD.findall(text))
    kana = sum(1 for letter in text if "\u3041" <= letter <= "\u3096")
    return wide + 2.0 * kana - 8.0 * len(_ODD.findall(text)) - 2.0 * len(_MARKS.findall(text))
