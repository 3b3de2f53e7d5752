"""`mailferry sample`: a made-up organisation to try everything on.

Leaves to others: making it (mailferry.sample). Invariant: it writes into a new or empty directory only.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from mailferry.sample.run import Request, Written

Directory = Annotated[Path, typer.Argument(help="Where to write it; made if missing.", show_default=False)]
Size = Annotated[int, typer.Option(help="How many clients; 50, 2000 and 50000 are usual.", min=50, max=60_000)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same organisation, byte for byte.")]
Until = Annotated[
    datetime | None,
    typer.Option(
        help="Last day of the exports; by default 2026-11-20.",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        show_default=False,
    ),
]
Variants = Annotated[
    bool | None,
    typer.Option(
        "--variants/--no-variants",
        help="The same sign-ins once more in every other format; by default up to 200 clients.",
        show_default=False,
    ),
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language of its names; default from LANG.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]

_MOST_WITH_VARIANTS = 200
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "writing": "Writing {size} clients",
        "done": "{clients} clients at {sites} sites: {signins} sign-ins, {messages} messages, {files} files, {size}",
        "exports": "what an administrator would have downloaded",
        "variants": "the same sign-ins and settings in other formats",
        "messages": "one message of each product, for mailferry identify",
        "truth": "what is true of each client",
        "next": "Try it",
        "full": "{directory} is not empty",
        "file": "{directory} is a file",
        "fresh": "name a new directory, or empty this one; nothing was changed",
        "library": "the package 'holidays' is missing",
        "install": "install mailferry[analysis]",
        "unwritable": "cannot write {directory}: {reason}",
        "room": "choose another directory, or make room",
    },
    "ja": {
        "writing": "{size} クライアントを書き出しています",
        "done": "{sites} 拠点、{clients} クライアント: サインイン {signins} 件、メッセージ {messages} 件、"
        "ファイル {files} 個、{size}",
        "exports": "管理者がダウンロードするはずのエクスポート",
        "variants": "同じサインインと設定を別の形式で",
        "messages": "製品ごとのメール 1 通 (mailferry identify 用)",
        "truth": "各クライアントの正解",
        "next": "次の手順",
        "full": "{directory} は空ではありません",
        "file": "{directory} はファイルです",
        "fresh": "新しいディレクトリを指定するか、空にしてください。何も変更していません",
        "library": "パッケージ holidays がありません",
        "install": "mailferry[analysis] をインストールしてください",
        "unwritable": "{directory} に書き込めません: {reason}",
        "room": "別のディレクトリを指定するか、空き容量を確保してください",
    },
}


def sample(
    directory: Directory,
    size: Size = 50,
    seed: Seed = 1,
    until: Until = None,
    variants: Variants = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write the exports of a made-up organisation, and the truth about it, to try everything on.

    A Japanese manufacturer with plants, offices and subsidiaries; nothing in it is real. Example:
    mailferry sample ./sample --size 2000 --lang ja
    """
    from mailferry.sample.run import UNTIL, Request

    language = chosen(lang)
    request = Request(
        size=size,
        seed=seed,
        language=language,
        until=until.date() if until is not None else UNTIL,
        variants=size <= _MOST_WITH_VARIANTS if variants is None else variants,
    )
    written = _write(directory, request)
    if as_json:
        print_json(_document(directory, written))
    else:
        _show(directory, written, request)


def _write(directory: Path, request: Request) -> Written:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from mailferry.sample.run import NotEmptyError, write

    words = _WORDS[request.language]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=talk(), transient=True) as bar:
            task = bar.add_task(words["writing"].format(size=request.size), total=None)
            return write(directory, request, lambda done, total: bar.update(task, completed=done, total=total))
    except NotEmptyError:
        fail(words["full"].format(directory=directory), words["fresh"], Exit.USAGE)
    except (FileExistsError, NotADirectoryError):
        fail(words["file"].format(directory=directory), words["fresh"], Exit.USAGE)
    except OSError as error:
        said = words["unwritable"].format(directory=directory, reason=error.strerror or error)
        fail(said, words["room"], Exit.UNAVAILABLE)
    except ModuleNotFoundError as error:
        if error.name != "holidays":
            raise
        fail(words["library"], words["install"], Exit.UNAVAILABLE)


def _show(directory: Path, written: Written, request: Request) -> None:
    from rich.filesize import decimal
    from rich.table import Table

    words, console = _WORDS[request.language], out()
    figures = {name: f"{getattr(written, name):,}" for name in ("clients", "sites", "signins", "messages", "files")}
    console.print(words["done"].format(**figures, size=decimal(written.octets)))
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_row("[cyan]exports/[/]", words["exports"])
    if request.variants:
        table.add_row("[cyan]variants/[/]", words["variants"])
    table.add_row("[cyan]messages/[/]", words["messages"])
    table.add_row("[cyan]truth.json[/]", words["truth"])
    console.print(table, soft_wrap=False)
    talk().print(f"\n[bold]{words['next']}:[/] mailferry inventory import {directory / 'exports'}", soft_wrap=True)


def _document(directory: Path, written: Written) -> dict[str, object]:
    return {
        "directory": str(directory),
        "truth": str(directory / "truth.json"),
        "exports": str(directory / "exports"),
        "clients": written.clients,
        "sites": written.sites,
        "signins": written.signins,
        "messages": written.messages,
        "files": written.files,
        "octets": written.octets,
    }
