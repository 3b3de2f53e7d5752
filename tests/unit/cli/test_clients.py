"""`mailferry clients`: the list, the search, one entry; the pages stand in golden/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mailferry.cli.clients import clients
from mailferry.clients.base import knowledge

GOLDEN = Path(__file__).parent / "golden"


def run(*arguments: str, columns: str = "80") -> Result:
    return CliRunner(env={"COLUMNS": columns, "LANG": "C.UTF-8", "LC_ALL": ""}).invoke(clients, [*arguments])


def page(text: str) -> str:
    """What is seen: blanks at the ends of lines are not."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


PAGES = {
    "ups": ["--category", "ups"],
    "lexmark": ["show", "lexmark-fw24"],
    "family": ["show", "sap"],
    "graph": ["--find", "veeam"],
}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_reads_as_it_was_approved(name: str, language: str) -> None:
    result = run(*PAGES[name], "--lang", language)
    assert page(result.stdout) == (GOLDEN / f"clients-{name}.{language}.txt").read_text(encoding="utf-8")
    assert result.exit_code == 0


def listed(*arguments: str) -> set[str]:
    return {product["id"] for product in json.loads(run(*arguments, "--json").stdout)["products"]}


def test_all_are_listed() -> None:
    assert listed() == set(knowledge().products)
    table = run(columns="200").stdout
    assert [id for id in knowledge().products if id not in table] == []


@pytest.mark.parametrize(
    ("arguments", "some", "others"),
    [
        (["--find", "リコー"], "ricoh-mfp", "canon-imagerunner"),
        (["--find", "SAP", "--find", "7.50"], "sap-basis-legacy", "sap-abap"),
        (["--vendor", "veeam"], "veeam-vbr", "acronis"),
        (["--category", "printer", "--oauth", "yes"], "lexmark-fw24", "lexmark-legacy"),
        (["--category", "ups", "--category", "nas"], "apc-nmc", "monit"),
        (["--oauth", "no", "--oauth", "unknown"], "monit", "mutt"),
    ],
)
def test_the_list_is_searched(arguments: list[str], some: str, others: str) -> None:
    found = listed(*arguments)
    assert some in found
    assert others not in found


def test_nothing_found_is_an_answer() -> None:
    result = run("--find", "abacus")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Nothing" in result.stderr
    assert json.loads(run("--find", "abacus", "--json").stdout) == {"products": []}


def test_a_product_is_shown_in_full_as_json() -> None:
    document = json.loads(run("show", "phpmailer", "--json").stdout)
    assert document["oauth"]["smtp"] == "yes"
    assert "wordpress-core" in document["built_on_it"]
    assert document["sources"][0]["url"].startswith("https://")
    assert {sign["weight"] for sign in document["signs"]} == {"strong", "weak"}


def test_a_family_is_shown_as_json() -> None:
    document = json.loads(run("show", "hp", "--json").stdout)
    assert document["family"]["settle"]
    assert len(document["products"]) == 4


def test_a_mistyped_id_gets_a_hint() -> None:
    result = run("show", "lexmrk")
    assert result.exit_code == 1
    assert "did you mean lexmark" in result.stderr
    assert "mailferry clients lists" in run("show", "zzzzzz").stderr


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_product_can_be_shown(language: str) -> None:
    from rich.cells import cell_len

    for id in [*knowledge().products][::9]:
        result = run("show", id, "--lang", language)
        assert result.exit_code == 0
        free = [line for line in result.stdout.splitlines() if "https://" not in line and "  decides" not in line]
        examples = [mark.example for mark in knowledge().products[id].fingerprints]
        assert max(cell_len(line) for line in free if not any(one in line for one in examples)) <= 80
