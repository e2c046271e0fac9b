"""What the link doctor says of a used link whose account has another address by now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine

from accounts.core.models.account import Account
from tests.flows.helpdesk.links.test_explain import doctor
from tests.people import Service, make_email, token_of_url


def test_the_account_of_a_used_link_is_found_by_its_line_and_not_by_todays_holder(service: Service) -> None:
    first, new_email = service.person(), make_email("moved")
    assert first.post("/api/sign-up", {"email": first.email}).status_code == 202
    url = service.link_url(first.email, "activate")
    data = {"token": token_of_url(url), "password": first.password}
    assert first.post("/api/l/activate", data).status_code == 201
    assert first.sign_in().status_code == 200
    account_id = first.get("/api/account").get_json()["id"]
    assert first.post("/api/account/email", {"email": new_email}).status_code == 202
    assert (
        first.post("/api/l/change-email", {"token": service.link_token(new_email, "change-email")}).status_code == 200
    )
    with service.uow() as uow:
        account = uow.session.get_one(Account, account_id)
        account.anchor_email = account.anchor_key = account.anchor_until = None
    # An address is free for links that are signed after it was left, to the second.
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        second = service.person(email=first.email)
        assert second.post("/api/sign-up", {"email": second.email}).status_code == 202
        data = {"token": service.link_token(second.email, "activate"), "password": second.password}
        assert second.post("/api/l/activate", data).status_code == 201
        found = doctor(service, url)
    assert found.account is not None
    assert (found.account.id, found.account.email) == (account_id, new_email)
    assert found.moved_by is not None
    assert (found.moved_by.kind, found.moved_by.by_link) == ("account.activated", True)
    assert found.address_changed is not None
    assert found.address_changed.kind == "email.changed"


def test_a_used_link_whose_address_was_left_has_moved_and_says_where_its_account_went(service: Service) -> None:
    """Nobody has the address today, as when the link was signed: that must not look as if nothing had happened."""
    member, new_email = service.person(), make_email("moved")
    assert member.post("/api/sign-up", {"email": member.email}).status_code == 202
    url = service.link_url(member.email, "activate")
    assert (
        member.post("/api/l/activate", {"token": token_of_url(url), "password": member.password}).status_code == 201
    )
    assert doctor(service, url).address_changed is None, "not yet"
    assert member.sign_in().status_code == 200
    assert member.post("/api/account/email", {"email": new_email}).status_code == 202
    token = service.link_token(new_email, "change-email")
    assert member.post("/api/l/change-email", {"token": token}).status_code == 200
    found = doctor(service, url)
    assert found.account is not None
    assert found.account.email == new_email
    assert [(part.name, part.moved, part.event and part.event.kind) for part in found.parts] == [
        ("holder", True, "account.activated")
    ]
    assert found.address_changed is not None
    assert found.address_changed.kind == "email.changed"
    assert "email.changed" in [event.kind for event in found.events]
    page = service.admin().post("/api/admin/links/explain", {"link": url}).get_json()
    assert page["address_changed"]["kind"] == "email.changed"
