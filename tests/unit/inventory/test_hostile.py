"""Files that are broken or mean harm: a clear error or a counted skip, and nothing half-imported."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailferry.inventory import export
from mailferry.inventory.errors import InventoryError
from mailferry.inventory.files import Limits, find
from mailferry.inventory.reasons import reason
from mailferry.inventory.recognise import BY_KIND
from mailferry.inventory.records import Client
from support.exports import RELAYED, Desk, eac, portal, receive, signin, trace

GOOD = portal([signin(number) for number in range(1, 20)])


def zipped(members: dict[str, bytes], *, symlink: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = ((stat.S_IFLNK if symlink else stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, content)
    return out.getvalue()


def refused(desk: Desk, *contents: str | bytes) -> InventoryError:
    """The error of an import; nothing of it, nor of what stood beside it, is there."""
    with pytest.raises(InventoryError) as caught:
        desk.take(GOOD, *contents)
    assert desk.inventory.sources() == ()
    assert desk.inventory.clients() == ()
    assert not list((desk.folder / "state").glob("import-*"))
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is empty"),
        ("Name,Colour\nx,red\n", 'its columns are Name, Colour'),
        ("Date (UTC),Request ID,IP address\n2026-11-20T08:00:00Z,1,10.0.0.1\n",
         'the column "clientapp" or "serviceprincipalid" is missing'),
        ("Dear colleague, please find attached.\n", "its columns are"),
        (b"\x7fELF\0\0\0\x01" * 50, "this is a binary file"),
        (b"\x81\xff\xfe\x80garbage\xff" * 10, "neither UTF-8"),
        ('[{"id": "1", "createdDateTime": "2026-11-20T08:00:00Z", "clientAppUsed": "SMTP", "ipAddress": "x"}, {"id": ',
         "it cannot be read"),
        ('{"value": [{"createdDateTime": "x", "clientAppUsed": "SMTP", "ipAddress": "x"}', "is not closed"),
        (GOOD[:2000].replace("Success", '"Success', 1), "a quotation mark opens here and is not closed"),
        (b"SQLite format 3\0" + b"\0" * 200, "the history cannot be read"),
        (gzip.compress(GOOD.encode())[:-20], "the compressed file is damaged"),
        (zipped({"a.csv": GOOD.encode()})[:-30], "the archive cannot be read"),
    ],
    ids=["empty", "unknown", "almost", "prose", "binary", "letters", "cut list",
         "cut value", "quote", "sqlite", "gzip", "zip"],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_that_says_why(desk: Desk, content: str | bytes, words: str) -> None:
    error = refused(desk, content)
    assert words in str(error)
    assert error.file.startswith(str(desk.folder))


def test_a_foreign_database_is_not_the_history(desk: Desk) -> None:
    with sqlite3.connect(desk.folder / "other.db") as other:
        other.execute("CREATE TABLE message (id)")
    other.close()
    with pytest.raises(InventoryError, match="not the spool of a gateway"):
        desk.inventory.import_paths([desk.folder / "other.db"])


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "C:\\evil.csv", "..\\evil.csv"])
def test_paths_out_of_an_archive(desk: Desk, name: str) -> None:
    assert "names a path outside itself" in str(refused(desk, zipped({name: GOOD.encode()})))
    assert not (desk.folder.parent / "evil.csv").exists()


def test_links_and_archives_in_an_archive(desk: Desk) -> None:
    assert "holds a link" in str(refused(desk, zipped({"a": b"/etc/passwd"}, symlink=True)))
    inner = zipped({"a.csv": GOOD.encode()})
    assert "an archive inside an archive" in str(refused(desk, zipped({"inner.zip": inner})))
    assert "an archive inside an archive" in str(refused(desk, gzip.compress(inner)))


def test_bombs(desk: Desk) -> None:
    bomb = b"0" * (4 << 20)
    assert "as an archive bomb does" in str(refused(desk, zipped({"a.csv": bomb})))
    assert "as an archive bomb does" in str(refused(desk, gzip.compress(bomb)))


def test_an_archive_that_lies_about_its_size_or_holds_too_much(tmp_path: Path) -> None:
    archive, scratch = tmp_path / "a.zip", tmp_path / "scratch"
    scratch.mkdir()
    archive.write_bytes(zipped({f"{number}.csv": GOOD.encode() for number in range(4)}))
    with pytest.raises(InventoryError, match="larger than 5000 octets"):
        list(find([archive], scratch, Limits(total=5000)))
    with pytest.raises(InventoryError, match="holds 4 files, at most 3"):
        list(find([archive], scratch, Limits(members=3)))


def test_a_link_in_a_folder_is_not_followed(desk: Desk) -> None:
    folder = desk.folder / "exports"
    folder.mkdir()
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(InventoryError, match="is not followed"):
        desk.inventory.import_paths([folder])


def test_names_that_are_patterns_or_sql(desk: Desk) -> None:
    file = desk.file(GOOD, "a*[b]'; DROP TABLE dims; --.csv")
    assert desk.inventory.import_paths([file])[0].taken == 19
    assert len(desk.inventory.clients()) == 1


def test_values_that_are_sql_or_markup_are_values(desk: Desk) -> None:
    evil = "'; drop table observation; --@contoso.com"
    desk.take(portal([signin(1, evil, agent="BAV2ROPC [/bold]")]))
    assert [client.sender for client in desk.inventory.clients()] == [evil]


def test_rows_that_do_not_fit_are_counted_with_their_lines(desk: Desk) -> None:
    lines = GOOD.split("\r\n")
    lines[3] = "cut,off"
    lines[5] += ",more,than,the,header"
    lines[7] = lines[7].replace("Tokyo, Tokyo, JP", "Tokyo,\nJP")
    lines[9] = lines[9].replace("2026-11-20T08:00:00Z", "yesterday")
    (source,) = desk.take("\r\n".join(lines))
    assert {skip.reason: (skip.count, skip.line) for skip in source.skipped} == {
        "too-few": (1, 4), "too-many": (1, 6), "bad-time": (1, 11),
    }  # fmt: skip
    assert (source.rows, source.taken) == (19, 16)
    for skip in source.skipped:
        assert reason(source.kind, skip.reason).ja


def test_formulas_in_csv_are_text(tmp_path: Path) -> None:
    client = Client(id="c1", sender='=cmd|"/c calc"!A1', names=("@SUM(1)",), owner="+81-3", site="-", errors=("\t=1",))
    export.write_csv([client], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert [row[name] for name in ("sender", "names", "owner", "site", "errors")] == [
        '\'=cmd|"/c calc"!A1', "'@SUM(1)", "'+81-3", "'-", "'\t=1",
    ]  # fmt: skip


SEEDS = (
    GOOD.encode(),
    json.dumps({"value": [{"id": "1", "createdDateTime": "2026-11-20T08:00:00Z", "clientAppUsed": "SMTP",
                           "ipAddress": "x", "userPrincipalName": "a@b.c", "status": {"errorCode": 0}}]}).encode(),
    eac([("a@contoso.com", "Basic", 5), ("b@contoso.com", "OAuth", 7)]).encode(),
    trace([("2026-11-20T08:00:00Z", "a@contoso.com", "b@contoso.com", "10.0.0.1", 1)]).encode(),
    receive(RELAYED).encode(),
    b"Nov 20 08:00:01 mx postfix/smtpd[11]: 4F2A91C0A7: client=nas.lan[10.1.2.5]\n"
    b"Nov 20 08:00:02 mx postfix/smtp[14]: 4F2A91C0A7: to=<a@contoso.com>, relay=x[1.2.3.4]:25, dsn=2.0.0, "
    b"status=sent (OK)\n",
    b"Name : Block\nAllowBasicAuthSmtp : False\n\nName : Allow\nAllowBasicAuthSmtp : True\n",
    gzip.compress(GOOD.encode()),
    zipped({"a.csv": GOOD.encode()}),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file as bad copies and bad people make it."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(st.sampled_from(["cut", "byte", "insert", "drop", "double", "encode"])):
            case "cut":
                del content[place:]
            case "byte" if content:
                content[place] = draw(st.integers(0, 255))
            case "insert":
                content[place:place] = draw(
                    st.sampled_from([b'"', b"\r", b"\n", b",", b"\0", b"\xff\xfe", b"[", b"}", b"'"])
                )
            case "drop":
                del content[place : place + draw(st.integers(1, 40))]
            case "double":
                content += content[place:]
            case "encode":
                content = bytearray(bytes(content).decode("utf-8", "replace").encode("utf-16"))
    return bytes(content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=mutated())
def test_mutations_give_errors_or_counts(desk: Desk, content: bytes) -> None:
    before = desk.inventory.sources()
    try:
        sources = desk.inventory.import_paths([desk.file(content, "mutated")])
    except InventoryError as error:
        assert error.reason
        assert desk.inventory.sources() == before
        return
    for source in sources:
        assert source.kind in (*BY_KIND, "unknown", "companion")
        assert source.rows == source.taken + sum(skip.count for skip in source.skipped)
        assert all(skip.count > 0 and reason(source.kind, skip.reason) for skip in source.skipped)


def test_a_line_too_long_is_counted(desk: Desk) -> None:
    (source,) = desk.take(GOOD + "2026-11-20T08:00:00Z," + "x" * (3 << 20) + "\r\n")
    assert (source.rows, source.taken) == (20, 19)
    assert [(skip.reason, skip.count, skip.line) for skip in source.skipped] == [("too-long", 1, 21)]


def test_a_line_beyond_all_measure_is_an_error_with_its_line(desk: Desk) -> None:
    """DuckDB passes over a line that is longer than its buffer."""
    error = refused(desk, GOOD + "2026-11-20T08:00:00Z," + "x" * (40 << 20) + "\r\n" + GOOD.split("\r\n")[1])
    assert error.line == 21
    assert "longer than 16 MB" in error.reason


def test_a_workbook_is_called_one(desk: Desk) -> None:
    error = refused(desk, zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}))
    assert error.reason == "this is an Excel workbook"
    assert "CSV UTF-8" in error.cure


def test_a_value_with_the_separator_is_refused_and_forges_nothing(desk: Desk) -> None:
    forged = signin(1, agent="x\x1fboss@contoso.com\x1f198.51.100.9")
    (source,) = desk.take(portal([forged, signin(2)]))
    assert [(skip.reason, skip.count, skip.line) for skip in source.skipped] == [("damaged", 1, 2)]
    assert [client.sender for client in desk.inventory.clients()] == ["scan@contoso.com"]


def test_what_a_killed_import_left_is_swept(desk: Desk) -> None:
    left = desk.folder / "state" / "import-killed"
    left.mkdir()
    (left / "scratch.duckdb").write_bytes(b"half")
    desk.take(GOOD)
    assert not left.exists()


def test_a_file_that_goes_while_it_is_read(desk: Desk) -> None:
    folder = desk.folder / "exports"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(GOOD)

    def remove(*_: object) -> None:
        (folder / "b.csv").unlink(missing_ok=True)

    with pytest.raises(InventoryError, match=r"b\.csv: it cannot be read any more"):
        desk.inventory.import_paths([folder], remove)
    assert desk.inventory.sources() == ()


def test_of_many_files_each_is_counted_by_itself(desk: Desk) -> None:
    """Files of one form are read in one go; one that is damaged among them costs the others nothing."""
    first, second, third = (
        [signin(number) for number in range(start, start + 9)] for start in (0, 6, 20)
    )  # three of the second are in the first
    second[4] |= {"Client app": "Browser"}
    third[2] |= {"Date (UTC)": "2026-11-20 at noon"}
    broken = portal([signin(40), signin(41)]).encode() + b"\xff\xfe,\r\n"
    sources = desk.take(portal(first), portal(second), broken, portal(third))
    assert [(each.rows, each.taken, each.fresh) for each in sources] == [(9, 9, 9), (9, 8, 5), (3, 2, 2), (9, 8, 8)]
    assert [[(skip.reason, skip.count, skip.line) for skip in each.skipped] for each in sources] == [
        [], [("not-smtp", 1, 6)], [("too-few", 1, 4)], [("bad-time", 1, 4)],
    ]  # fmt: skip
    assert [each.fresh for each in desk.take(portal(first), portal(third))] == [0, 0]


def test_files_of_one_name_in_two_folders_are_two(desk: Desk) -> None:
    for folder, start in (("a", 0), ("b", 100)):
        (desk.folder / folder).mkdir()
        rows = portal(signin(start + number) for number in range(start // 100 + 1))
        (desk.folder / folder / "x.csv").write_text(rows, encoding="utf-16")
    sources = desk.inventory.import_paths([desk.folder / "a", desk.folder / "b"])
    assert [each.taken for each in sources] == [1, 2]


def test_a_message_is_called_one(desk: Desk) -> None:
    error = refused(desk, "Received: from mfp\r\nSubject: Scan\r\nFrom: a@b.c\r\n\r\nHello, world\r\n")
    assert (error.reason, error.cure) == ("this is a message, no export", "mailferry identify FILE says what sent it")
