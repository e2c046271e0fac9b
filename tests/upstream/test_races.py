"""Many at once: one sign-in is connected to one account, and the last way in stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.core.errors import Conflict, IdentityTaken, LastWayIn
from accounts.core.models.account import Account
from accounts.core.models.upstream import Identity
from accounts.flows.sessions import session as sessions
from accounts.flows.upstream import identities
from accounts.flows.upstream.provider import UpstreamUser as Vouched
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Service

ISSUER = "https://login.example.com"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service()


@on_both_databases
def test_of_many_accounts_that_connect_one_sign_in_at_once_one_gets_it(service: Service) -> None:
    ids = [service.member("racer").get("/api/account").get_json()["id"] for _ in range(6)]

    def one(number: int) -> str:
        uow = service.uow()
        who = sessions.find_current_account(uow, sessions.create_session(ids[number], 1, amr=("pwd",)))
        assert who is not None
        try:
            identities.connect_identity(uow, who, Vouched(ISSUER, "contested", "", ""))
        except IdentityTaken:
            return "taken"
        return "connected"

    assert sorted(run_concurrently(6, one)) == ["connected", *["taken"] * 5]


@on_both_databases
def test_of_two_ways_in_that_are_taken_away_at_once_one_stays(service: Service) -> None:
    id = service.member("racer").get("/api/account").get_json()["id"]
    rows = [Identity(issuer=ISSUER, subject=f"person{number}", account_id=id) for number in range(2)]
    with service.uow() as uow:
        uow.session.get_one(Account, id).password_hash = None
        uow.session.add_all(rows)
    names = [row.id for row in rows]

    def one(number: int) -> str:
        uow = service.uow()
        who = sessions.find_current_account(uow, sessions.create_session(id, 1, amr=("ext",)))
        if who is None:
            return "signed out by the other"
        try:
            identities.disconnect_identity(uow, who, names[number])
        except (LastWayIn, Conflict) as refused:
            return refused.code
        return "gone"

    assert run_concurrently(2, one).count("gone") == 1
    assert len(identities.list_identities(service.uow(), id)) == 1
