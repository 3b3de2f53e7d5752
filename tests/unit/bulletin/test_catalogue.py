"""Every message has its Japanese text, with the same placeholders and in the house's terms."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir

import mailferry.bulletin
from mailferry.bulletin.catalogue import Untranslated, catalogue, read_po

PACKAGE = Path(mailferry.bulletin.__file__).parent
KEYWORDS = {"_": None, "N_": None, "count": (1, 2)}


def messages() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(str(PACKAGE), [("**.py", "python")], keywords=KEYWORDS)
    return {tuple(message) if isinstance(message, list | tuple) else message for _, _, message, _, _ in found}


def translations() -> dict[str | tuple[str, ...], str]:
    return {
        tuple(entry.id) if not isinstance(entry.id, str) else entry.id: entry.string
        if isinstance(entry.string, str)
        else entry.string[0]
        for entry in read_po("ja")
        if entry.id
    }


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_message_has_a_japanese_text_and_no_text_is_left_over() -> None:
    known = translations()
    assert len(known) > 80
    assert set(known) == messages()
    assert all(known.values())


def test_placeholders_are_the_same() -> None:
    for message, text in translations().items():
        for form in (message,) if isinstance(message, str) else message:
            assert fields(form) == fields(text), form


def test_japanese_is_japanese() -> None:
    for message, text in translations().items():
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff、（：]", text), message
        assert not re.search(r"[\u3040-\u9fff][,.;:!?()](?:\s|$)", text), f"half-width punctuation in {text}"
        assert not re.search(r"(?<=[\u3040-\u9fff]) (?=[\u3040-\u9fff])", text), f"a blank between words in {text}"
        for wrong in ("ベーシック認証", "モダン認証", "デフォルト", "ユーザ名"):
            assert wrong not in text


def test_sentences_are_polite() -> None:
    for text in translations().values():
        for sentence in text.split("。")[:-1]:
            assert re.search(r"(?:です|ます|ません|ました|でした|ください|あります|\{what\})$", sentence), sentence


def test_a_missing_text_is_an_error() -> None:
    with pytest.raises(Untranslated, match="no translation of 'Good morning'"):
        catalogue("ja")("Good morning")


def test_plural_forms() -> None:
    one, many = "They send from {n} mailbox.", "They send from {n} mailboxes."
    assert catalogue("en").count(one, many, 1) == "They send from 1 mailbox."
    assert catalogue("en").count(one, many, 2) == "They send from 2 mailboxes."
    assert catalogue("ja").count(one, many, 1) == "送信に使われているメールボックスは1個です。"


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="'fr' is no language of notices"):
        catalogue("fr")
