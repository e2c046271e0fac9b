"""Whoever closes their account leaves no address behind, in no table and not in the file either."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlalchemy import make_url, select, text

from accounts.core.clock import now
from accounts.core.models.outbox import OutboxRow
from accounts.flows.moving import import_accounts
from accounts.flows.moving.rows import ImportOptions
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.moving.files import person as imported
from tests.flows.moving.files import write_csv
from tests.kit.tables import dump_tables
from tests.people import Person, Service


def closed(service: Service, person: Person) -> None:
    assert person.post("/api/account/close").status_code == 202
    assert (
        person.post("/api/l/close-account", {"token": service.link_token(person.email, "close-account")}).status_code
        == 200
    )


def left_of(service: Service, *addresses: str) -> list[str]:
    """The tables in which one of some addresses stands, spelled in any way."""
    telling = re.compile("|".join(re.escape(each) for each in addresses), re.IGNORECASE)
    return [name for name, rows in dump_tables(service).items() if any(telling.search(row) for row in rows)]


@on_both_databases
def test_an_address_goes_with_its_account_from_every_table(service: Service, tmp_path: Path) -> None:
    admin, other, member = service.admin(), service.member_by_mail(), service.person()
    first, second = member.email, f"second-{member.email}"
    # Through everything that keeps an address: invited, signed up in another spelling, moved, mailed, asked about.
    assert admin.post("/api/admin/invites", {"email": first, "groups": ["staff"]}).status_code == 202
    assert (
        member.post(
            "/api/l/invite", {"token": service.link_token(first, "invite"), "password": member.password}
        ).status_code
        == 201
    )
    assert admin.post("/api/admin/invites", {"email": first.upper(), "groups": ["x"]}).status_code == 202
    assert member.post("/api/account/email", {"email": second}).status_code == 202
    assert (
        member.post("/api/l/change-email", {"token": service.link_token(second, "change-email")}).status_code == 200
    )
    assert admin.post("/api/admin/invites", {"email": second, "groups": ["x"]}).status_code == 202
    service.deliver()
    assert {"accounts", "sent_invites"} <= set(left_of(service, first, second))
    member.email = second
    assert member.sign_in().status_code == 200
    with service.uow() as uow:
        # Until then, the old address could undo the change, and the account not be closed.
        accounts.find_account(uow, second).anchor_until = now()
    assert member.post("/api/account/close").status_code == 202
    token = service.link_token(second, "close-account")
    # What waits to be sent at that moment, by the person and by others, names both addresses.
    assert service.person().post("/api/sign-up", {"email": second.title()}).status_code == 202
    assert service.person().post("/api/forgot-password", {"email": second}).status_code == 202
    assert other.post("/api/account/email", {"email": first}).status_code == 202
    assert "outbox" in left_of(service, first, second)
    assert member.post("/api/l/close-account", {"token": token}).status_code == 200
    assert left_of(service, first, second) == ["outbox"], "the last letter only"
    service.deliver()
    assert service.mails_to(second)[-1].message["Subject"]
    assert left_of(service, first, second) == []
    assert other.signed_in
    with service.site.store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit WHERE kind = 'account.closed'")).scalar() == 1


def test_a_last_letter_that_is_refused_is_not_kept(service: Service) -> None:
    member = service.member_by_mail()
    closed_address = member.email
    assert member.post("/api/account/close").status_code == 202
    token = service.link_token(member.email, "close-account")
    assert member.post("/api/l/close-account", {"token": token}).status_code == 200
    service.sink.misbehave("RCPT", f"550 5.1.1 <{closed_address}>: no such user")
    try:
        service.deliver()
    finally:
        service.sink.behave()
    assert left_of(service, closed_address) == []
    with service.site.store.engine.connect() as connection:
        assert connection.execute(select(OutboxRow.id)).all() == []


def test_nothing_of_it_is_in_the_file_any_more(service: Service, tmp_path: Path) -> None:
    file = Path(str(make_url(str(service.site.store.engine.url)).database))
    path = write_csv(tmp_path / "people.csv", [imported(f"p{n}") for n in range(50)])
    import_accounts.import_accounts(service.uow(), path, ImportOptions(source="plain"))
    member = service.member_by_mail("vanishing")
    name = member.email.partition("@")[0].encode()
    closed(service, member)
    service.deliver()
    service.site.store.close()
    with sqlite3.connect(file) as connection:
        # What the write-ahead log holds is old until it is written back, which happens by itself every so often.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    found = [each.name for each in file.parent.glob(f"{file.name}*") if name in each.read_bytes()]
    assert found == []


def test_the_check_itself_would_notice(service: Service) -> None:
    member = service.member_by_mail()
    assert left_of(service, member.email) == ["accounts"]
