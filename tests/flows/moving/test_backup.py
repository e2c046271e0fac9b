"""A backup is taken while people are at work; put back, nothing that was used up since is alive."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Integer, make_url
from sqlalchemy.engine import URL

from accounts.core import atomic_files
from accounts.core.clock import now
from accounts.core.database.store import Store
from accounts.core.links import opening
from accounts.core.models.account import Account
from accounts.flows.moving import backup as backups
from tests.conftest import on_both_databases
from tests.kit.tables import dump_tables
from tests.people import OTHER_PASSWORD, Person, Service


def put_back(service: Service, path: Path, database: str) -> None:
    """What an operator does with a backup, the service being stopped."""
    service.site.store.close()
    if service.site.store.is_sqlite:
        file = Path(str(make_url(database).database))
        for each in (file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            each.unlink(missing_ok=True)
        shutil.copy(path, file)
        return
    url: URL = service.site.store.engine.url
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    subprocess.run(
        ["pg_restore", "--clean", "--if-exists", "--no-owner", f"--dbname={plain.render_as_string()}", str(path)],
        check=True,
        env={"PGPASSWORD": url.password or "", "PATH": "/usr/bin:/bin"},
    )
    service.site.store.close()


def invited(admin: Person, service: Service) -> Person:
    guest = service.person()
    assert admin.post("/api/admin/invites", {"email": guest.email, "groups": []}).status_code == 202
    return guest


def code(person: Person, purpose: str, token: str, **data: str) -> str:
    answer = person.post(f"/api/l/{purpose}", {"token": token, **data})
    return "done" if answer.status_code < 300 else str(answer.get_json()["code"])


@on_both_databases
def test_what_was_used_up_since_the_backup_stays_dead(service: Service, database: str, tmp_path: Path) -> None:
    if not service.site.store.is_sqlite and shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump here")
    admin, member, signed_out = service.admin(), service.member(), service.member()
    guest, waiting, revoked = (invited(admin, service) for _ in range(3))
    newcomer = service.person()
    assert newcomer.post("/api/sign-up", {"email": newcomer.email}).status_code == 202
    assert member.post("/api/forgot-password", {"email": member.email}).status_code == 202
    tokens = {each.email: service.link_token(each.email, "invite") for each in (guest, waiting, revoked)}
    activate, reset = (
        service.link_token(newcomer.email, "activate"),
        service.link_token(member.email, "reset-password"),
    )
    before, path = dump_tables(service), tmp_path / "backup"
    assert backups.write_backup(service.site.store, path) == path.stat().st_size > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".*.part")) == []

    assert code(member, "reset-password", reset, password=OTHER_PASSWORD) == "done"
    assert code(guest, "invite", tokens[guest.email], password=guest.password) == "done"
    assert code(newcomer, "activate", activate, password=newcomer.password) == "done"
    pending = admin.get("/api/admin/invites").get_json()["invites"]
    revoked_id = next(each["id"] for each in pending if each["email"] == revoked.email)
    assert admin.post(f"/api/admin/invites/{revoked_id}/revoke").status_code == 200
    ended = signed_out.client.get_cookie("session")
    assert ended is not None
    assert signed_out.post("/api/sign-out").status_code == 204

    put_back(service, path, database)
    assert dump_tables(service) == before
    signed_out.client.set_cookie("session", ended.value)
    assert signed_out.get("/api/account").status_code == 200, "this is what has to be prevented"
    done = backups.invalidate_after_restore(service.uow())
    assert (done.accounts, done.invitations) == (3, 3)

    assert not signed_out.signed_in
    assert not admin.signed_in
    fresh = service.person()
    assert code(fresh, "reset-password", reset, password=OTHER_PASSWORD) == "link_used"
    for each in (guest, waiting, revoked):
        assert code(fresh, "invite", tokens[each.email], password=fresh.password) == "link_used"
    assert code(fresh, "activate", activate, password=fresh.password) == "link_used"
    assert not guest.signed_in
    assert not newcomer.signed_in


@on_both_databases
def test_after_it_everything_works_anew(service: Service) -> None:
    """As on the day after: links of the same invitation, a new sign-up, a new session."""
    admin = service.admin()
    guest = invited(admin, service)
    old = service.link_token(guest.email, "invite")
    backups.invalidate_after_restore(service.uow())
    assert admin.sign_in().status_code == 200
    row = admin.get("/api/admin/invites").get_json()["invites"][0]
    # Links carry whole seconds: one of the very second of the return counts as older.
    with time_machine.travel(now() + timedelta(seconds=2)):
        assert admin.post(f"/api/admin/invites/{row['id']}/resend").status_code == 202
        fresh = service.link_token(guest.email, "invite")
        assert fresh != old
        assert code(guest, "invite", old, password=guest.password) == "link_used"
        assert code(guest, "invite", fresh, password=guest.password) == "done"
        assert service.member().signed_in
    assert backups.invalidate_after_restore(service.uow()).accounts == 3, "twice does no harm"


def test_every_counter_of_an_account_rises() -> None:
    counters = {
        column.name
        for column in Account.__table__.columns
        if isinstance(column.type, Integer) and column.name.endswith(("_serial", "_epoch"))
    }
    assert counters == set(backups.ACCOUNT_COUNTERS)


def test_a_letter_that_waited_in_the_backup_is_not_sent_again(service: Service) -> None:
    person = service.person()
    assert person.post("/api/sign-up", {"email": person.email}).status_code == 202
    assert backups.invalidate_after_restore(service.uow()).letters == 1
    assert service.mails_to(person.email) == []


def test_a_backup_is_one_moment_while_others_write(service: Service, tmp_path: Path) -> None:
    stop, path = threading.Event(), tmp_path / "backup.db"

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with service.uow() as uow:
                uow.record_event("first", facts={"number": number})
                uow.record_event("second", facts={"number": number})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            backups.write_backup(service.site.store, path)
            with sqlite3.connect(path) as copy:
                counts = copy.execute("SELECT kind, count(*) FROM audit GROUP BY kind").fetchall()
            copy.close()
            assert len({count for _, count in counts}) <= 1, "both lines of a transaction, or none"
    finally:
        stop.set()
        writer.join()
    assert sorted(each.name for each in tmp_path.glob("backup.db*")) == ["backup.db"], "one file, and no other"


def test_what_cannot_be_written_leaves_the_older_backup(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(backups.BackupFailed, match="No such file or directory"):
        backups.write_backup(service.site.store, tmp_path / "none" / "backup")
    path = tmp_path / "backup"
    path.write_text("older", encoding="utf-8")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(atomic_files, "_fsync", lambda path: (_ for _ in ()).throw(full))
    with pytest.raises(backups.BackupFailed, match="No space left"):
        backups.write_backup(service.site.store, path)
    assert path.read_text("utf-8") == "older"
    assert list(tmp_path.glob(".*.part")) == []


def test_without_the_tool_of_postgresql_it_is_said_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = Store("postgresql://somebody:geheim@db.example.org/accounts")
    with pytest.raises(backups.BackupFailed) as failed:
        backups.write_backup(store, tmp_path / "backup")
    assert "pg_dump --format=custom" in str(failed.value)
    assert "geheim" not in str(failed.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="no pg_dump; on Debian: apt install postgresql-client")
def test_what_the_tool_says_is_told_in_one_line(tmp_path: Path) -> None:
    store = Store("postgresql://somebody:geheim@127.0.0.1:1/accounts")
    with pytest.raises(backups.BackupFailed) as failed:
        backups.write_backup(store, tmp_path / "backup")
    assert str(failed.value).startswith("pg_dump: ")
    assert "geheim" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_the_moment_is_kept_longer_than_any_link_lives(make_service: Callable[..., Service]) -> None:
    service = make_service(lifetime_activate=366 * 86400)
    longest = max(service.site.link_signer.lifetime(link) for link in service.site.links.values())
    assert longest == timedelta(days=366)
    assert longest < opening.RESTORE_RETENTION
