"""`mailferry account add` and `hash`: make clients with a login.

Leaves to others: accounts that enrolled by themselves (account_enrolled), hashing (listener.accounts), what a client
may say (listener.settings).
Invariant: a password is taken from a prompt or standard input only, and leaves as an Argon2id hash.
"""

from __future__ import annotations

import getpass
import re
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mailferry.cli.account_enrolled import approve, forget, list_, revoke
from mailferry.cli.output import Exit, fail, out, talk

account = typer.Typer(help="Clients that log in: make them, see and judge those that enrolled.", no_args_is_help=True)
account.command("list")(list_)
account.command()(approve)
account.command()(revoke)
account.command()(forget)

#: Letters and digits that no device's keypad lacks and nobody confuses.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 20
_FOLDER = "clients.d"

Config = Annotated[Path, typer.Option("--config", "-c", help="The main configuration file.", envvar="MAILFERRY_CONFIG")]


@account.command()
def add(
    name: Annotated[str, typer.Argument(help="The client's name, and its account unless --account says otherwise.")],
    config: Config = Path("mailferry.toml"),
    login: Annotated[str, typer.Option("--account", help="The name it logs in with.")] = "",
    network: Annotated[list[str] | None, typer.Option(help="A network where its account may log in; repeat.")] = None,
    sender: Annotated[list[str] | None, typer.Option(help="A sender it may use: an address, *@domain; repeat.")] = None,
    recipients: Annotated[
        list[str] | None, typer.Option(help="internal, anywhere, or patterns of addresses; repeat.")
    ] = None,
    mailbox: Annotated[str, typer.Option(help="The mailbox its mail is sent from; absent: the sender.")] = "",
    rewrite_from: Annotated[bool, typer.Option("--rewrite-from", help="Put the mailbox into From.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the client instead of writing its file.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the client's file.")] = False,
) -> None:
    """Add a client with a login: writes clients.d/NAME.toml beside the configuration, readable by its owner only.

    The password is asked for, or read from standard input. Example:

        mailferry account add scanner --sender scanner@example.com --network 10.1.0.0/16
    """
    password = _generated() if generate else _password()
    client: dict[str, Any] = {"name": name, "password": _hash(password)}
    given = {
        "account": login,
        "login_from": network,
        "senders": sender,
        "recipients": _recipients(recipients),
        "mailbox": mailbox,
        "rewrite_from": rewrite_from,
    }
    client |= {key: value for key, value in given.items() if value}
    text = _client_text(client)
    if show:
        out().print(text, end="", markup=False, soft_wrap=True)
    else:
        _write(config, name, text, replace=replace)
    if generate:
        talk().print("The password, shown this once:")
        out().print(password, markup=False)


@account.command("hash")
def hash_() -> None:
    """Print the Argon2id hash of a password, asked for or read from standard input.

    Example: mailferry account hash < password.txt
    """
    out().print(_hash(_password()), markup=False, soft_wrap=True)


def _password() -> str:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            fail("the two are not the same", code=Exit.USAGE)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        fail("there is no password", "type one, or write it to standard input", Exit.USAGE)
    return password


def _generated() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def _hash(password: str) -> str:
    from mailferry.listener.accounts import hash_password

    return hash_password(password)


def _recipients(values: list[str] | None) -> str | list[str]:
    values = values or []
    return values[0] if len(values) == 1 and values[0] in ("internal", "anywhere") else values


def _client_text(client: dict[str, Any]) -> str:
    """The [[client]] as TOML, after it was found valid."""
    from pydantic import ValidationError

    from mailferry.config.explain import explain
    from mailferry.config.lines import dotted
    from mailferry.config.toml import toml_value
    from mailferry.listener.settings import ClientSettings

    try:
        ClientSettings.model_validate(client)
    except ValidationError as error:
        path, what, cure = next(explain(error, ClientSettings, client))
        fail(f"{dotted(path)}: {what}", cure, Exit.USAGE)
    return "[[client]]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in client.items())


def _write(config: Path, name: str, text: str, *, replace: bool) -> None:
    from mailferry.config.files import give_to_owner_of, write_new

    if not config.exists():
        fail(f"there is no {config}", "write one with `mailferry init`, or name it with --config", Exit.CONFIGURATION)
    file = config.parent / _FOLDER / (re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip(".") + ".toml")
    try:
        write_new(file, text, mode=0o600, replace=replace)
        give_to_owner_of(file, config)
    except FileExistsError:
        fail(f"{file} is there already", "name another client, or say --replace", Exit.USAGE)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}", code=Exit.UNAVAILABLE)
    talk().print(f"{file} is written.", markup=False, soft_wrap=True)
    _look_again(config, file)


def _look_again(config: Path, file: Path) -> None:
    """Say so when the configuration does not include the new file, or is wrong now."""
    from mailferry.config.load import ConfigurationError, load_config

    try:
        clients = load_config(config).clients
    except ConfigurationError as error:
        for problem in error.problems:
            talk().print(str(problem), markup=False, soft_wrap=True)
        fail(f"the configuration has errors; `mailferry check {config}` shows what to do", code=Exit.CONFIGURATION)
    from mailferry.config.document import read_document

    document = read_document(config, {})
    if str(file) not in {place.file for place in document.places.values()}:
        count = len(clients)
        fail(
            f"{config} does not include it ({count} clients without it)",
            f'add this as its first line: include = ["{_FOLDER}/*.toml"]',
            Exit.CONFIGURATION,
        )
