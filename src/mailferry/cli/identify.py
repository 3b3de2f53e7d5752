"""`mailferry identify`: which device or program sent a message, or shows given signs, and can it do OAuth.

Leaves to others: reading (clients.message), recognising (clients.recognise), judging (clients.verdict).
Invariant: what is not decided is not named; a file that is no message is told and does not keep others from being read.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.clients import COLOURS, advice, family_document, grid, heading, summary
from mailferry.cli.clients_words import WORDS
from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.clients.recognise import Candidate, Recognition
    from mailferry.clients.signs import Signs

_READ = 1024 * 1024  # octets of a message; its header section is far shorter


def identify(
    messages: Annotated[list[str] | None, typer.Argument(help="Saved messages (.eml); - reads standard input.")] = None,
    ehlo: Annotated[str, typer.Option("--ehlo", help="The name in EHLO or HELO.")] = "",
    hostname: Annotated[str, typer.Option("--hostname", help="The host name.")] = "",
    auth: Annotated[str, typer.Option("--auth", help="The AUTH command or mechanism, as it was typed.")] = "",
    tls: Annotated[str, typer.Option("--tls", help="The TLS version: 1.0 to 1.3, or none.")] = "",
    x_mailer: Annotated[str, typer.Option("--x-mailer", help="The X-Mailer.")] = "",
    user_agent: Annotated[str, typer.Option("--user-agent", help="User-Agent of a message or sign-in record.")] = "",
    message_id: Annotated[str, typer.Option("--message-id", help="The Message-ID.")] = "",
    boundary: Annotated[str, typer.Option("--boundary", help="The MIME boundary.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="The Subject.")] = "",
    header: Annotated[list[str] | None, typer.Option("--header", help="Any other 'Name: value'; repeat.")] = None,
    lang: Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Say which device or program sent a message, by what evidence, and whether it can do OAuth.

    Exits 1 when one is not recognised. Examples: mailferry identify scan.eml
    · mailferry identify --ehlo RNP002673A1B2C3 · mailferry identify --x-mailer "Canon MFP" --tls 1.0
    """
    from mailferry.clients.signs import Signs

    language = chosen(lang)
    words = WORDS[language]
    mechanism, spelling = _auth(auth)
    headers = tuple(_header(text, language) for text in header or ())
    given = Signs(
        ehlo, hostname, mechanism, spelling, tls.lower().removeprefix("tls").strip("v "), x_mailer, user_agent,
        message_id, boundary, subject, headers,
    )  # fmt: skip
    if messages and given:
        fail(words["both"], words["both_hint"], Exit.USAGE)
    if not messages and not given:
        fail(words["nothing"], words["nothing_hint"], Exit.USAGE)
    asked = [("", given, "")] if not messages else [one for file in messages if (one := _letter(file, language))]
    _answer(asked, language, as_json=as_json, failed=bool(messages) and len(asked) < len(messages or ()))


def _auth(text: str) -> tuple[str, str]:
    """Mechanism and spelling of "LOGIN", "auth login" or a whole AUTH line, without what may be a secret."""
    words = text.split()
    if words[:1] and words[0].upper() == "AUTH":
        return (words[1].upper() if words[1:] else ""), " ".join(words[:2])
    return (words[0].upper() if words else ""), ""


def _header(text: str, language: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or " " in name.strip():
        fail(WORDS[language]["bad_header"].format(text=text), WORDS[language]["bad_header_hint"], Exit.USAGE)
    return name.strip(), value.strip()


def _letter(file: str, language: str) -> tuple[str, Signs, str] | None:
    """Name, signs and client's address of a saved message; None, and told, where it is none."""
    from rich.markup import escape

    from mailferry.clients.message import read

    words = WORDS[language]
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_READ)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(_READ)
    except OSError as error:
        told, hint = words["unreadable"].format(file=file, reason=error.strerror or error), ""
    else:
        letter = read(data)
        if letter.fields:
            return file, letter.signs, letter.address
        told, hint = words["no_message"].format(file=file), words["no_message_hint"]
    console = talk()
    console.print(f"[bold red]error:[/] {escape(told)}", soft_wrap=True)
    if hint:
        console.print(f"[cyan]hint:[/] {escape(hint)}", soft_wrap=True)
    return None


def _answer(asked: list[tuple[str, Signs, str]], language: str, *, as_json: bool, failed: bool) -> None:
    from mailferry.clients.base import knowledge
    from mailferry.clients.recognise import Recogniser

    recogniser = Recogniser(knowledge())
    results = [(name, address, recogniser.recognise(signs)) for name, signs, address in asked]
    if as_json:
        print_json({"results": [_document(*result, language) for result in results]})
    else:
        for name, address, found in results:
            _show(out(), name, address, found, language)
    if failed or not results or any(found.best is None for _, _, found in results):
        raise typer.Exit(int(Exit.NO))


def _show(console: Console, name: str, address: str, found: Recognition, language: str) -> None:
    from rich.padding import Padding

    from mailferry.clients.recognise import Decision
    from mailferry.clients.verdict import verdict

    words, said = WORDS[language], verdict(found)
    if name:
        console.print(Padding(Prose(name, "dim"), (1, 0, 0, 2)), soft_wrap=False)
    title = {Decision.NONE: words["not_recognised"], Decision.CONFLICT: words["conflict"]}.get(found.decision, "")
    if found.best is not None and found.family is not None:
        named = found.product.name if found.product else found.family.name
        title = f"{named.of(language)}  {found.confidence:.0%}"
    heading(console, title, "bold" if found.best else "bold yellow")
    settle = words["conflict_settle"] if found.decision is Decision.CONFLICT else said.settle.of(language)
    rows = [("address", address, "")]
    if found.best is not None:
        rows += _because(found.candidates[:1], language)
        rows.append(("oauth", said.text(language), COLOURS[said.smtp]))
    rows.append(("settle", settle, "bold"))
    if found.product is not None:
        rows += advice(found.product, language)
    rows += [("remark", remark.text.of(language), "yellow") for remark in found.remarks]
    grid(console, rows, language)
    if found.decision is Decision.FAMILY:
        _list(console, words["one_of"], found.candidates, language)
    if found.decision is Decision.CONFLICT:
        for candidate in found.candidates:
            _list(console, "", (candidate,), language)
            grid(console, _because((candidate,), language), language)
    _list(console, words["hints_built" if found.candidates else "hints"], found.hints[:5], language)
    console.print()


def _because(candidates: tuple[Candidate, ...], language: str) -> list[tuple[str, str, str]]:
    evidence = [sign.text(language) for candidate in candidates for sign in candidate.evidence]
    return [("because" if not place else "", text, "") for place, text in enumerate(evidence)]


def _list(console: Console, title: str, candidates: tuple[Candidate, ...], language: str) -> None:
    from rich.padding import Padding
    from rich.table import Table

    if not candidates:
        return
    console.print()
    if title:
        console.print(Padding(Prose(title), (0, 0, 0, 2)), soft_wrap=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column()
    table.add_column(no_wrap=True)
    for one in candidates:
        answer = one.product.oauth.smtp
        said = f"[{COLOURS[answer]}]OAuth: {answer.label(language)}[/]"
        table.add_row(f"{one.confidence:.0%}", Prose(one.product.name.of(language)), said)
    console.print(table, soft_wrap=False)


def _document(name: str, address: str, found: Recognition, language: str) -> dict[str, Any]:
    from mailferry.clients.verdict import verdict

    said = verdict(found)
    return {
        "message": name,
        "address": address,
        "decision": found.decision.value,
        "product": found.product.id if found.product else "",
        "family": family_document(found.family, language) if found.family else None,
        "confidence": found.confidence,
        "candidates": [_candidate(one, language) for one in found.candidates],
        "hints": [_candidate(one, language) for one in found.hints],
        "remarks": [{"id": remark.id, "text": remark.text.of(language)} for remark in found.remarks],
        "oauth": {
            "smtp": said.smtp.value,
            "graph": said.graph.value,
            "since": said.since.of(language),
            "flows": [flow.value for flow in said.flows],
            "confidence": said.confidence.value,
            "settle": said.settle.of(language),
        },
    }


def _candidate(one: Candidate, language: str) -> dict[str, Any]:
    return {
        **summary(one.product, language),
        "confidence": one.confidence,
        "evidence": [
            {"kind": sign.kind.value, "header": sign.header, "value": sign.value, "weight": sign.weight.value}
            for sign in one.evidence
        ],
    }
