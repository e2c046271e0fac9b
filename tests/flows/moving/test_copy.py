"""From SQLite to PostgreSQL and back: what worked before works after, and nothing is half there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from accounts.core.database.store import Store
from accounts.core.models.outbox import OutboxRow
from accounts.flows.moving import copy as copying
from tests.kit.tables import dump_tables
from tests.people import Person, Service

BOTH_WAYS = pytest.mark.parametrize(
    ("database", "to"),
    [
        pytest.param("sqlite", "postgres", marks=pytest.mark.postgres),
        pytest.param("postgres", "sqlite", marks=pytest.mark.postgres),
        ("sqlite", "sqlite"),
    ],
    indirect=["database"],
)


@BOTH_WAYS
def test_links_and_sessions_from_before_work_after(make_service: Callable[..., Service], other: str) -> None:
    before = make_service()
    admin, member, guest = before.admin(), before.member(), before.person()
    assert admin.post("/api/admin/invites", {"email": guest.email, "groups": ["staff"]}).status_code == 202
    assert member.post("/api/forgot-password", {"email": member.email}).status_code == 202
    invite, reset = before.link_token(guest.email, "invite"), before.link_token(member.email, "reset-password")
    gone = before.member()
    ended = gone.client.get_cookie("session")
    assert ended is not None
    assert gone.post("/api/sign-out").status_code == 204

    target = Store(other)
    seen: list[str] = []
    counts = copying.copy_database(before.site.store, target, lambda table, rows: seen.append(table))
    target.close()
    assert counts["accounts"] == 3
    assert not copying.has_changed_since(before.site.store, counts)
    assert {"accounts", "audit", "spent"} <= set(seen)
    after = make_service(database_url=other)
    assert dump_tables(after) == dump_tables(before)

    admin_after, member_after = moved(admin, before, after), moved(member, before, after)
    assert admin_after.signed_in
    assert member_after.signed_in
    gone.client.set_cookie("session", ended.value)
    assert not moved(gone, before, after).signed_in, "what was ended stays ended"
    data = {"token": reset, "password": "seven purple umbrellas dancing"}
    assert member_after.post("/api/l/reset-password", data).status_code == 200
    assert member_after.post("/api/l/reset-password", data).get_json()["code"] == "link_used"
    newcomer = after.person(email=guest.email)
    assert newcomer.post("/api/l/invite", {"token": invite, "password": newcomer.password}).status_code == 201
    assert newcomer.get("/api/account").get_json()["groups"] == ["staff"]


def moved(person: Person, before: Service, after: Service) -> Person:
    """The same browser, at the same place, which is served from the other database now."""
    client = after.app.test_client()
    for cookie in (person.client.get_cookie("session"), person.client.get_cookie("device")):
        if cookie is not None:
            client.set_cookie(cookie.key, cookie.value)
    return Person(client, email=person.email, password=person.password, network=person.network)


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_target_that_holds_something_is_left_as_it_is(make_service: Callable[..., Service], other: str) -> None:
    before, target = make_service(), Store(other)
    before.member()
    copying.copy_database(before.site.store, target)
    again = dump_tables(make_service(database_url=other))
    with pytest.raises(copying.CopyRefused, match=r"not empty: \w+ has rows; nothing was copied"):
        copying.copy_database(before.site.store, target)
    assert dump_tables(make_service(database_url=other)) == again
    target.close()


@pytest.mark.parametrize("to", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_row_that_the_target_does_not_take_leaves_nothing_behind(
    make_service: Callable[..., Service], other: str
) -> None:
    """SQLite does not mind a text that is longer than its column."""
    before, target = make_service(), Store(other)
    member = before.member()
    with before.site.store.engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET name = :long"), {"long": "x" * 101})
    with pytest.raises(copying.CopyRefused, match="does not take a row") as refused:
        copying.copy_database(before.site.store, target)
    assert member.email not in str(refused.value)
    assert not any(dump_tables(make_service(database_url=other)).values())
    target.close()


@pytest.mark.parametrize("to", ["sqlite"])
def test_what_happens_meanwhile_is_not_half_in_the_copy(make_service: Callable[..., Service], other: str) -> None:
    before, target = make_service(), Store(other)
    before.member()
    came: list[str] = []

    def interfere(table: str, rows: int) -> None:
        if not came:
            came.append(before.member().email)

    counts = copying.copy_database(before.site.store, target, interfere)
    target.close()
    after = make_service(database_url=other)
    assert counts["accounts"] == 1
    assert came[0] not in str(dump_tables(after))
    assert copying.has_changed_since(before.site.store, counts), "and the operator is told"


@pytest.mark.parametrize("to", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_more_rows_than_one_batch_and_what_is_nothing_stays_nothing(
    make_service: Callable[..., Service], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROWS_PER_BATCH", 2)
    before, target = make_service(), Store(other)
    for number in range(5):
        with before.uow() as uow:
            uow.enqueue("activate", f"p{number}@example.org", {"next": "", "deep": [None, {"a": None}]})
    assert copying.copy_database(before.site.store, target)["outbox"] == 5
    with target.engine.connect() as connection:
        facts = connection.execute(OutboxRow.__table__.select()).mappings().all()
    assert {str(row["facts"]["deep"]) for row in facts} == {"[None, {'a': None}]"}
    assert {row["lease_until"] for row in facts} == {None}
    target.close()
