"""The archive and the ledger: nothing lost, nothing twice."""

import hashlib
import os
import shutil

import pytest
from conftest import vietnam

from pipelines.home import Home
from pipelines.intake.ledger import Ledger, SiteError, archived
from pipelines.intake.receive import receipts, receive, waiting


def drop(home, folder, name, content, at=None):
    place = home.inbox / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(content)
    if at is not None:
        os.utime(place / name, (at.timestamp(), at.timestamp()))
    return place / name


def test_a_file_goes_into_archive_and_ledger_and_leaves_the_inbox(home):
    path = drop(home, "11164-vinh-lai/CA", "số liệu.xlsx", b"content")
    ledger = Ledger(home)
    assert receive(home, ledger) == 1
    assert not path.exists()
    [entry] = Ledger(home).of("received")
    assert (entry["folder"], entry["name"], entry["size"]) == ("11164-vinh-lai/CA", "số liệu.xlsx", 7)
    assert archived(home, hashlib.sha256(b"content").hexdigest()).read_bytes() == b"content"


def test_temporary_files_of_excel_and_copies_stay(home):
    for name in ("~$a.xlsx", ".a.xlsx.swp", "a.xlsx.tmp", "a.xlsx.part"):
        drop(home, "11164-vinh-lai/CA", name, b"half")
    assert waiting(home) == []


def test_a_symbolic_link_is_not_followed(home, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    folder = home.inbox / "11164-vinh-lai" / "CA"
    folder.mkdir(parents=True)
    (folder / "a.xlsx").symlink_to(secret)
    assert waiting(home) == []


def test_a_run_cut_off_before_the_inbox_was_cleared_enters_nothing_twice(home):
    path = drop(home, "11164-vinh-lai/CA", "a.xlsx", b"content")
    kept = home.root / "kept"
    os.link(path, kept)  # the same file, as if the removal had never happened
    receive(home, Ledger(home))
    kept.rename(path)
    before = path.stat()
    ledger = Ledger(home)
    ledger.entries[-1]["identity"] = f"{before.st_ino}:{before.st_ctime_ns}"
    assert receive(home, ledger) == 0
    assert not path.exists()
    assert len(Ledger(home).of("received")) == 1


def test_the_same_content_sent_again_is_a_duplicate_of_the_first(home):
    for name in ("a.xlsx", "b.xlsx"):
        drop(home, "11164-vinh-lai/CA", name, b"content")
        receive(home, Ledger(home))
    drop(home, "11164-vinh-lai/VHXH", "a.xlsx", b"content")
    receive(home, Ledger(home))
    first, again, elsewhere = receipts(Ledger(home).of("received"), ["11164"], {"CA": "CA", "VHXH": "VHXH"})
    assert first["duplicate_of"] is None
    assert again["duplicate_of"] == first["submission_id"]
    assert elsewhere["duplicate_of"] is None
    assert len({r["submission_id"] for r in (first, again, elsewhere)}) == 3


def test_a_ledger_line_cut_short_by_a_crash_is_dropped(home):
    drop(home, "11164-vinh-lai/CA", "a.xlsx", b"one")
    receive(home, Ledger(home))
    with home.ledger.open("ab") as handle:
        handle.write(b'{"sequence": 2, "event": "rec')
    drop(home, "11164-vinh-lai/CA", "b.xlsx", b"two")
    receive(home, Ledger(home))
    assert [entry["name"] for entry in Ledger(home).of("received")] == ["a.xlsx", "b.xlsx"]


def test_received_never_goes_back_whatever_the_clock_does(home, monkeypatch):
    drop(home, "11164-vinh-lai/CA", "a.xlsx", b"one")
    receive(home, Ledger(home))
    ledger = Ledger(home)
    text = home.ledger.read_text(encoding="utf-8").replace(ledger.entries[-1]["received_at"][:4], "2099")
    home.ledger.write_text(text, encoding="utf-8")
    drop(home, "11164-vinh-lai/CA", "b.xlsx", b"two")
    receive(home, Ledger(home))
    first, second = (entry["received_at"] for entry in Ledger(home).of("received"))
    assert second > first > "2099"


def test_the_senders_clock_counts_only_in_an_illustrative_home(home):
    long_ago = vietnam(2020, 1, 2)
    drop(home, "11164-vinh-lai/CA", "a.xlsx", b"one", long_ago)
    receive(home, Ledger(home))
    assert not Ledger(home).of("received")[0]["received_at"].startswith("2020")

    shutil.rmtree(home.root)
    ledger = Ledger(home)
    ledger.append([{"event": "illustrative", "seed": 57, "day": "2026-11-16"}])
    drop(home, "11164-vinh-lai/CA", "a.xlsx", b"one", long_ago)
    receive(home, ledger)
    assert Ledger(home).of("received")[0]["received_at"].startswith("2020-01-02T09:00")


def test_folders_that_nobody_registered_give_no_codes(home):
    for folder in ("11164-vinh-lai", "99999-nowhere/CA", "11164-vinh-lai/XX", "11164-vinh-lai/CA/deep"):
        drop(home, folder, "a.xlsx", folder.encode())
    receive(home, Ledger(home))
    rows = receipts(Ledger(home).of("received"), ["11164"], {"CA": "CA"})
    assert {row["folder"]: (row["commune_code"], row["agency_code"]) for row in rows} == {
        "11164-vinh-lai": ("11164", None),
        "99999-nowhere/CA": (None, "CA"),
        "11164-vinh-lai/XX": ("11164", None),
        "11164-vinh-lai/CA/deep": ("11164", "CA"),  # the nearest folder above that is known
    }


# ---------------------------------------------------------------- several places that receive


def test_the_same_bytes_received_in_several_places_have_ids_of_their_own(home, tmp_path):
    ids = set()
    for site in (None, "hai-phong", "hai-duong"):
        one = Home(tmp_path / str(site))
        for name in ("a.xlsx", "b.xlsx"):
            drop(one, "11164-vinh-lai/CA", name, b"content")
        ledger = Ledger(one)
        ledger.record_site(site)
        receive(one, ledger)
        assert Ledger(one).site == site
        ids |= {entry["submission_id"] for entry in Ledger(one).of("received")}
    assert len(ids) == 6
    assert {f"{hashlib.sha256(b'content').hexdigest()[:12]}-{n}" for n in (1, 2)} < ids


def test_a_place_keeps_its_name(home):
    ledger = Ledger(home)
    with pytest.raises(SiteError, match="1 to 20 of a-z"):
        ledger.record_site("Hải Phòng")
    ledger.record_site("hai-phong")
    for named in (None, "hai-phong"):
        Ledger(home).record_site(named)
    with pytest.raises(SiteError, match="received here as 'hai-phong'"):
        Ledger(home).record_site("hai-duong")


def test_a_home_that_received_without_a_name_gets_none(home):
    drop(home, "11164-vinh-lai/CA", "a.xlsx", b"content")
    receive(home, Ledger(home))
    with pytest.raises(SiteError, match="before it had a name"):
        Ledger(home).record_site("hai-phong")
