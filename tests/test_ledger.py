"""The ledger proves itself: each entry is bound to all before it, and bundles and backups keep the head."""

import hashlib
import json

import pytest
from conftest import VINH_LAI

from pipelines.bundles.bundle import MANIFEST
from pipelines.flow import make_bundles, run_steps
from pipelines.intake.acts import act_on_period
from pipelines.intake.ledger import NO_HEAD, Ledger, LedgerError, count_received, entries_in, read_lines
from pipelines.upkeep import doctor
from pipelines.upkeep.backup import BackupError, backup

FIGURE = {"XHS-02": {"numerator": 20, "denominator": 40}}


def three_days(home):
    ledger = Ledger(home)
    for day in ("2026-11-16", "2026-11-17", "2026-11-18"):
        ledger.append([{"event": "day", "day": day}])
    return ledger


def edit(home, old, new):
    text = home.ledger.read_text(encoding="utf-8")
    assert old in text
    home.ledger.write_text(text.replace(old, new, 1), encoding="utf-8")


def of_version_0_1_0(home):
    """Take out what binds the lines, as that version wrote them."""
    entries = [json.loads(line) for line in home.ledger.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps({k: v for k, v in e.items() if k != "before"}, ensure_ascii=False) + "\n" for e in entries]
    home.ledger.write_text("".join(lines), encoding="utf-8")


def said_of(home):
    [*found] = [f for f in doctor.examine(home) if f.about == "ledger"]
    return found[-1].level, found[-1].words


def test_the_head_can_be_worked_out_with_nothing_but_sha256(home):
    ledger, head = three_days(home), NO_HEAD
    for line in home.ledger.read_bytes().splitlines():
        assert json.loads(line)["before"] == head
        head = hashlib.sha256(head.encode() + b"\n" + line).hexdigest()
    assert ledger.head == Ledger(home).head == (3, head)


@pytest.mark.parametrize(
    ("old", "new"), [("-11-16", "-11-15"), ("-11-16", "-31-16"), ('"sequence": 1', '"sequence": 2'), ('"day"', '"dai"')]
)
def test_an_altered_entry_is_named_and_nothing_is_built_from_it(home, old, new):
    three_days(home)
    assert len(Ledger(home).entries) == 3  # what was read and proven before is not taken for proven
    edit(home, old, new)
    with pytest.raises(LedgerError, match=r"line 1 (was altered: line 2 is not bound to it|is damaged).*backup"):
        Ledger(home)
    level, words = said_of(home)
    assert (level, "line 1 " in words) == (doctor.FAIL, True)


def test_a_ledger_read_before_says_what_was_added_since(home):
    three_days(home)
    before, other = Ledger(home), Ledger(home)
    other.append([{"event": "day", "day": "2026-11-19"}])
    assert [len(one.entries) for one in (before, other, Ledger(home))] == [3, 4, 4]
    assert (Ledger(home).entries, Ledger(home).heads) == read_lines(home.ledger.read_bytes())
    assert Ledger(home).head == other.head


@pytest.mark.parametrize("place", [0, 99, 100, 249])
@pytest.mark.parametrize(
    "damaged",
    [b'{"event": "day", "da', b"", b"[]", b'{"event": "day"}{"event": "day"}', b'{"event": "day"}, {"event": "day"}',
     b'{"event": "\xff"}', b'{"event": 5}', b'"event"'],
)  # fmt: skip
def test_of_many_lines_the_damaged_one_alone_has_no_entry(place, damaged):
    lines = [b'{"event": "day", "n": %d}' % n for n in range(250)]
    lines[place] = damaged
    entries = list(entries_in(b"".join(line + b"\n" for line in lines)))
    assert [entry and entry["n"] for entry in entries] == [None if n == place else n for n in range(250)]


def test_files_received_are_counted_whatever_their_names_say(home):
    home.archive.mkdir(parents=True)
    Ledger(home).append([{"event": "day", "day": "2026-11-16"},
                         {"event": "received", "name": '"event": "received".xlsx'}])  # fmt: skip
    assert count_received(home) == len(Ledger(home).of("received")) == 1


def test_an_entry_taken_out_is_noticed(home):
    three_days(home)
    first, _, third = home.ledger.read_bytes().splitlines(keepends=True)
    home.ledger.write_bytes(first + third.replace(b'"sequence": 3', b'"sequence": 2'))
    with pytest.raises(LedgerError, match="line 1 was altered: line 2 is not bound to it"):
        Ledger(home)


def test_a_ledger_that_binds_nothing_is_bound_by_the_next_run_without_a_line_of_it_being_touched(office, home):
    office.send("CA", "2026-10", FIGURE)
    run_steps(home)
    of_version_0_1_0(home)
    before = home.ledger.read_bytes()
    assert said_of(home)[0] == doctor.WARN
    run_steps(home)
    assert home.ledger.read_bytes().startswith(before)
    entries = Ledger(home).entries
    assert (entries[-1]["event"], len(entries)) == ("sealed", before.count(b"\n") + 1)
    assert said_of(home)[0] == doctor.OK
    run_steps(home)
    assert Ledger(home).entries == entries
    edit(home, '"received_at": "20', '"received_at": "19')
    with pytest.raises(LedgerError, match=f"a line before line {len(entries)} was altered"):
        run_steps(home)


def test_a_bundle_carries_the_head_and_is_the_same_when_made_again(office, home):
    office.send("CA", "2026-10", FIGURE)
    run_steps(home)
    head = Ledger(home).head
    [made] = make_bundles(home, "2026-10", [VINH_LAI])
    assert json.loads((made / MANIFEST).read_bytes())["ledger"] == {"entries": head.entries, "head": head.sha256}
    assert Ledger(home).head != head, "making it is an entry too"
    run_steps(home)
    assert make_bundles(home, "2026-10", [VINH_LAI]) == [made]
    act_on_period(Ledger(home), "locked", "2026-01", "đã chốt", "Sở KH&CN")
    run_steps(home)
    assert make_bundles(home, "2026-10", [VINH_LAI]) == [made], "it says nothing of January"


def test_a_bundle_proves_the_ledger_before_it_even_where_all_was_bound_anew(office, home):
    """Who can write the ledger can bind it anew; the bundles that were handed over cannot be called back."""
    office.send("CA", "2026-10", FIGURE)
    run_steps(home)
    [made] = make_bundles(home, "2026-10", [VINH_LAI])
    assert said_of(home)[0] == doctor.OK
    entries = [{k: v for k, v in e.items() if k not in ("before", "sequence")} for e in Ledger(home).entries]
    for entry in entries:
        entry |= {"received_at": "2026-01-01T09:00:00.000000+07:00"} if "received_at" in entry else {}
    home.ledger.unlink()
    Ledger(home).append(entries)
    level, words = said_of(home)
    assert (level, f"bundle {made.name}" in words) == (doctor.FAIL, True)


def test_a_backup_carries_the_head_and_an_altered_ledger_is_not_backed_up(home, tmp_path):
    head = three_days(home).head
    made = backup(home, tmp_path / "kept")
    assert json.loads((made.snapshot / "backup.json").read_bytes())["ledger"] == {
        "entries": head.entries, "head": head.sha256}  # fmt: skip
    Ledger(home).append([{"event": "day", "day": "2026-11-19"}])
    assert said_of(home)[0] == doctor.OK
    home.ledger.write_bytes(b"".join(home.ledger.read_bytes().splitlines(keepends=True)[:2]))
    level, words = said_of(home)
    assert (level, "the last backup" in words) == (doctor.FAIL, True)
    edit(home, "2026-11-16", "2026-11-15")
    with pytest.raises(BackupError, match="line 1 was altered"):
        backup(home, tmp_path / "elsewhere")
