"""`mailferry clients`: the knowledge base as a list to search, and one entry in full.

Leaves to others: the facts (clients.base) and recognising somebody (identify). Invariant: each fact is shown with how
sure it is and where it comes from.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.clients_words import WORDS
from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.clients.product import Answer, Category

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from mailferry.clients.base import KnowledgeBase
    from mailferry.clients.product import Family, Product

_COMMA = {"en": ", ", "ja": "、"}
COLOURS = {Answer.YES: "green", Answer.PARTIAL: "yellow", Answer.NO: "red", Answer.UNKNOWN: "dim"}

clients = typer.Typer(help="What is known of devices and programs that send mail, and of their OAuth.")
Lang = Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]


@clients.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    word: Annotated[list[str] | None, typer.Option("--find", "-f", help="A word of name or id; repeat.")] = None,
    vendor: Annotated[str, typer.Option("--vendor", help="A part of the vendor's name.")] = "",
    category: Annotated[list[Category] | None, typer.Option("--category", help="Only this category; repeat.")] = None,
    oauth: Annotated[list[Answer] | None, typer.Option("--oauth", help="Only this verdict; repeat.")] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """List devices and programs and whether they can do OAuth. Exits 1 when none is found.

    Examples: mailferry clients --category printer · mailferry clients --find ricoh · mailferry clients show ricoh-mfp
    """
    if context.invoked_subcommand is not None:
        return
    from mailferry.clients.base import knowledge

    language = chosen(lang)
    found = [
        product
        for product in knowledge().products.values()
        if all(_has(product, one) for one in word or ())
        and vendor.lower() in product.vendor.lower()
        and (not category or product.category in category)
        and (not oauth or product.oauth.smtp in oauth)
    ]
    order = list(Category)
    found.sort(key=lambda product: (order.index(product.category), product.name.en.lower()))
    if as_json:
        print_json({"products": [summary(product, language) for product in found]})
    elif found:
        _table(out(), found, language)
    if not found:
        if not as_json:
            talk().print(Prose(WORDS[language]["none"]))
        raise typer.Exit(int(Exit.NO))


@clients.command()
def show(
    id: Annotated[str, typer.Argument(help="The id of a product or family, from the list.")],
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show one product or family: its signs, its OAuth, how to set it up, and the sources.

    Example: mailferry clients show lexmark-fw24
    """
    from mailferry.clients.base import knowledge

    language, base = chosen(lang), knowledge()
    product, family = base.products.get(id), base.families.get(id)
    if product is None and family is None:
        words = WORDS[language]
        close = get_close_matches(id, [*base.products, *base.families], 3, 0.5)
        fail(words["unknown"].format(id=id), words["close"].format(ids=", ".join(close)) if close else words["look"])
    if product is not None:
        if as_json:
            print_json(document(product, base, language))
        else:
            _product(out(), product, base, language)
    elif family is not None:
        members = base.members[family.id]
        if as_json:
            print_json(
                {"family": family_document(family, language), "products": [summary(one, language) for one in members]}
            )
        else:
            _family(out(), family, members, language)


def _has(product: Product, word: str) -> bool:
    text = f"{product.id} {product.name.en} {product.name.ja} {product.vendor} {product.family}"
    return word.lower() in text.lower()


def _table(console: Console, products: Iterable[Product], language: str) -> None:
    from rich.table import Table

    words = WORDS[language]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(words["id"], no_wrap=True, style="cyan")
    table.add_column(words["name"])
    table.add_column("OAuth", no_wrap=True)
    category = None
    for product in products:
        if product.category is not category:
            if category is not None:
                table.add_row()
            category = product.category
            table.add_row(f"[bold]{category.label(language)}[/]")
        answer = product.oauth.smtp
        said = answer.label(language) if answer is not Answer.NO or product.oauth.graph is not Answer.YES else "Graph"
        table.add_row(f"  {product.id}", Prose(product.name.of(language)), f"[{COLOURS[answer]}]{said}[/]")
    console.print(table, soft_wrap=False)


def heading(console: Console, text: str, style: str) -> None:
    """A line of its own between empty ones, where the labels of a grid begin."""
    from rich.padding import Padding

    console.print(Padding(Prose(text, style), (1, 0, 1, 2)), soft_wrap=False)


def grid(console: Console, rows: Iterable[tuple[str, str, str]], language: str) -> None:
    """Label, text and style of each line; a line without text is left out, one without label continues."""
    from rich.cells import cell_len
    from rich.table import Table

    words = WORDS[language]
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(style="cyan", no_wrap=True, min_width=max(cell_len(words[key]) for key in _LABELS))
    table.add_column(max_width=96)
    for label, text, style in rows:
        if text:
            table.add_row(words.get(label, ""), Prose(text, style))
    console.print(table, soft_wrap=False)


_LABELS = (
    "vendor",
    "category",
    "family",
    "uses",
    "built",
    "because",
    "oauth",
    "sure",
    "settle",
    "setup",
    "else",
    "note",
)


def advice(product: Product, language: str) -> list[tuple[str, str, str]]:
    """What its owner does, as rows of a grid."""
    return [
        ("setup", product.setup.of(language), ""),
        ("else", _COMMA[language].join(way.label(language) for way in product.fallbacks), ""),
        ("note", product.note.of(language), "dim"),
    ]


def _product(console: Console, product: Product, base: KnowledgeBase, language: str) -> None:
    from rich.padding import Padding

    from mailferry.clients.verdict import verdict_of

    words, found = WORDS[language], verdict_of(product)
    family = base.families[product.family]
    built = base.built_on(product.id)
    heading(console, product.name.of(language), "bold")
    about = [
        ("vendor", product.vendor, ""),
        ("category", product.category.label(language), ""),
        ("family", f"{family.name.of(language)} ({family.id})" if family.id != product.id else "", ""),
        ("uses", base.products[product.uses].name.of(language) if product.uses else "", ""),
        ("built", _COMMA[language].join(one.name.of(language) for one in built), ""),
        ("oauth", found.text(language), COLOURS[found.smtp]),
        ("sure", found.confidence.label(language), ""),
        ("settle", found.settle.of(language) or family.settle.of(language), ""),
        *advice(product, language),
    ]
    grid(console, about, language)
    if product.fingerprints:
        console.print()
        console.print(f"  [bold]{words['signs']}[/]  [dim]({product.founded.label(language)})[/]")
        for mark in product.fingerprints:
            label = mark.header if mark.header else mark.kind.label(language)
            weight = words[mark.weight.value]
            console.print(f"  {weight}  [cyan]{label}[/]  ", end="")
            console.print(mark.example, markup=False, soft_wrap=True)
    console.print()
    console.print(f"  [bold]{words['sources']}[/]")
    for source in product.sources:
        console.print(Padding(Prose(source.of(language), "dim"), (0, 0, 0, 2)), soft_wrap=False)
        if source.url:
            console.print(f"  {source.url}", style="dim", soft_wrap=True, markup=False)
    console.print()


def _family(console: Console, family: Family, members: Iterable[Product], language: str) -> None:
    heading(console, family.name.of(language), "bold")
    grid(console, [("settle", family.settle.of(language), "bold")], language)
    console.print()
    _table(console, members, language)
    console.print()


def family_document(family: Family, language: str) -> dict[str, Any]:
    """A family for programs."""
    return {"id": family.id, "name": family.name.of(language), "settle": family.settle.of(language)}


def summary(product: Product, language: str) -> dict[str, Any]:
    """A product in a list, for programs."""
    oauth = product.oauth
    return {
        "id": product.id,
        "name": product.name.of(language),
        "vendor": product.vendor,
        "category": product.category.value,
        "family": product.family,
        "oauth": {
            "smtp": oauth.smtp.value,
            "graph": oauth.graph.value,
            "since": oauth.since.of(language),
            "flows": [flow.value for flow in oauth.flows],
            "confidence": oauth.confidence.value,
        },
    }


def document(product: Product, base: KnowledgeBase, language: str) -> dict[str, Any]:
    """A product in full, for programs."""
    from mailferry.clients.verdict import verdict_of

    return {
        **summary(product, language),
        "uses": product.uses,
        "built_on_it": [one.id for one in base.built_on(product.id)],
        "settle": verdict_of(product).settle.of(language) or base.families[product.family].settle.of(language),
        "setup": product.setup.of(language),
        "note": product.note.of(language),
        "fallback": [way.value for way in product.fallbacks],
        "signs": [
            {"kind": mark.kind.value, "header": mark.header, "weight": mark.weight.value, "example": mark.example}
            for mark in product.fingerprints
        ],
        "sources": [{"title": source.of(language), "url": source.url} for source in product.sources],
    }
