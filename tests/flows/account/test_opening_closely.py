"""Opening, seen closely: which reason is told at which moment, and what is remembered of an address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session as OrmSession

from accounts.core.clock import now
from accounts.core.errors import DeadLink, LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import Link, OpenedLink
from accounts.core.links.opening import (
    ADDRESS_RETENTION,
    REVOKED_SUFFIX,
    find_holder,
    find_subject_account,
    get_address_deleted_at,
    open_link,
    record_address_deleted,
    record_address_released,
)
from accounts.core.models.counters import Spent
from accounts.core.signing.keys import new_key
from accounts.flows.account.close_account import CLOSE
from accounts.flows.account.reset_password import RESET
from accounts.flows.account.sign_up import ACTIVATE
from accounts.flows.invites.link import INVITE
from accounts.flows.shared.accounts import subject_of
from tests.flows.account.recorded_writes import make_owner, update_account
from tests.flows.steps import Member, open_token
from tests.people import Service, make_email


@pytest.fixture(autouse=True)
def still() -> Iterator[time_machine.Traveller]:
    """The clock stands, on a full second, so that moments can be compared."""
    with time_machine.travel(now().replace(microsecond=0), tick=False) as clock:
        yield clock


def token(who: Member, link: Link = RESET) -> str:
    return who.service.site.link_signer.sign(link, subject_of(who.row))


def activation(service: Service, email: str) -> str:
    said = ACTIVATE.carries(id="an-id", locale="en", next="")
    with service.uow() as uow:
        return service.site.link_signer.sign(ACTIVATE, find_holder(uow, email), said)


def refused(service: Service, link: Link, mailed: str, why: type[DeadLink], reason: str) -> DeadLink:
    """The refusal of a genuine link: which one, and the reason in the log. It knows what the link says."""
    with pytest.raises(why, match=reason) as found:
        open_token(service, link, mailed)
    assert type(found.value) is why
    assert found.value.claims == service.site.link_signer.verify(link, mailed)
    return found.value


def test_a_link_that_is_alive_says_about_whom_and_until_when(service: Service) -> None:
    who = make_owner(service)
    found = open_token(service, RESET, token(who))
    assert isinstance(found, OpenedLink)
    assert found.subject.id == who.id
    assert found.account.id == who.id
    assert found.expires_at == now() + RESET.lifetime
    assert found.claims == service.site.link_signer.verify(RESET, token(who))


def test_its_last_moment_is_alive_and_the_next_is_too_late(service: Service, still: time_machine.Traveller) -> None:
    mailed = token(make_owner(service))
    still.shift(RESET.lifetime)
    open_token(service, RESET, mailed)
    still.shift(timedelta(microseconds=1))
    refused(service, RESET, mailed, LinkExpired, r"was good until \d{4}-")


def test_state_is_told_before_age(service: Service, still: time_machine.Traveller) -> None:
    who = make_owner(service)
    mailed = token(who)
    update_account(who, auth_epoch=9, sign_in_serial=9)
    still.shift(RESET.lifetime * 2)
    dead = refused(service, RESET, mailed, LinkUsed, "^auth_epoch, sign_ins moved since ")
    assert dead.claims is not None
    assert dead.claims.link_id in str(dead)


def test_a_disabled_account_and_one_that_is_gone(service: Service) -> None:
    who = make_owner(service)
    mailed, closing = token(who), token(who, CLOSE)
    update_account(who, status="disabled")
    refused(service, RESET, mailed, LinkInvalid, "disabled")
    with OrmSession(service.site.store.engine) as session:
        session.delete(who.row)
        session.commit()
    refused(service, RESET, mailed, LinkInvalid, "gone")
    refused(service, CLOSE, closing, LinkUsed, "gone")


def test_what_is_no_link_is_known_to_say_nothing(service: Service) -> None:
    with pytest.raises(LinkInvalid) as found:
        open_token(service, RESET, "no link")
    assert found.value.claims is None


def test_what_was_spent_is_used_and_what_was_taken_back_is_revoked(service: Service) -> None:
    mailed = activation(service, make_email())
    with service.uow() as uow:
        uow.spend("activate:another-id", now() + ADDRESS_RETENTION)
    open_token(service, ACTIVATE, mailed)
    with service.uow() as uow:
        uow.spend("activate:an-id", now() + ADDRESS_RETENTION)
    refused(service, ACTIVATE, mailed, LinkUsed, "activate:an-id was used")
    with service.uow() as uow:
        uow.spend("activate:an-id" + REVOKED_SUFFIX, now() + ADDRESS_RETENTION)
    refused(service, ACTIVATE, mailed, LinkRevoked, "activate:an-id was revoked")


def test_an_intent_speaks_of_an_account_by_id_or_by_address(service: Service) -> None:
    who = make_owner(service)
    with service.uow() as uow:
        by_id, by_address = find_subject_account(uow, who.id), find_subject_account(uow, who.email.upper())
        assert by_id is not None
        assert by_address is by_id
        assert find_subject_account(uow, "nobody") is find_subject_account(uow, "nobody@example.org") is None
        assert find_holder(uow, "Nobody@example.org") == Subject("Nobody@example.org", None)
        assert find_holder(uow, who.email.upper()).id == who.email.upper()
        with pytest.raises(LinkInvalid, match="not accepted any more"):
            find_holder(uow, "no address")


@pytest.mark.parametrize(
    ("forget", "reason"),
    [(record_address_deleted, "was deleted since"), (record_address_released, "has held this address")],
)
def test_what_was_signed_until_an_address_was_given_up_is_dead_and_later_links_live(
    service: Service, still: time_machine.Traveller, forget: object, reason: str
) -> None:
    assert callable(forget)
    email, other = make_email(), make_email()
    mailed, others = activation(service, email), activation(service, other)
    with service.uow() as uow:
        forget(uow, email)
    refused(service, ACTIVATE, mailed, LinkUsed, reason)
    refused(service, ACTIVATE, activation(service, email), LinkUsed, reason)
    open_token(service, ACTIVATE, others)
    still.shift(1)
    later = activation(service, email)
    open_token(service, ACTIVATE, later)
    with service.uow() as uow:
        forget(uow, email)
    refused(service, ACTIVATE, later, LinkUsed, reason)


def test_an_address_that_was_left_keeps_its_invitations_and_one_that_was_deleted_does_not(service: Service) -> None:
    email = make_email()
    ends = int((now() + ADDRESS_RETENTION).timestamp())
    carried = INVITE.carries(id="i", expires=ends, groups=[], inviter="nobody", locale="en")
    mailed = service.site.link_signer.sign(INVITE, Subject(email, None), carried)
    with service.uow() as uow:
        record_address_released(uow, email)
    refused(service, INVITE, mailed, LinkRevoked, r"\w")
    with service.uow() as uow:
        record_address_deleted(uow, email)
    refused(service, INVITE, mailed, LinkUsed, "deleted")


def test_every_key_of_the_ring_remembers_an_address(make_service: object) -> None:
    assert callable(make_service)
    keys = [new_key(), new_key()]
    service, email = make_service(secret_keys=keys), make_email()
    assert isinstance(service, Service)
    with service.uow() as uow:
        subject, said = find_holder(uow, email), ACTIVATE.carries(id="an-id", locale="en", next="")
    ring, signer = service.site.ring, service.site.link_signer
    both = [signer.sign(ACTIVATE, subject, said, key=key) for key in ring.newest_first()]
    with service.uow() as uow:
        record_address_released(uow, email)
        record_address_deleted(uow, email)
    for mailed in both:
        refused(service, ACTIVATE, mailed, LinkUsed, "deleted")
        with service.uow() as uow:
            assert get_address_deleted_at(uow, signer.verify(ACTIVATE, mailed)) == now()
    assert _marks(service) == {"gone": (2, now() + ADDRESS_RETENTION), "left": (2, now() + ADDRESS_RETENTION)}


def _marks(service: Service) -> dict[str, tuple[int, datetime]]:
    with OrmSession(service.site.store.engine) as session:
        rows = session.query(Spent).all()
    assert all(len(row.id) == len("gone:") + 32 for row in rows)
    kinds = {row.id.split(":")[0] for row in rows}
    return {
        kind: (len(found), found[0].keep_until)
        for kind in kinds
        if (found := [row for row in rows if row.id.startswith(kind)])
    }


def test_opening_changes_nothing(service: Service) -> None:
    who = make_owner(service)
    before = who.row.version
    with service.uow() as uow:
        open_link(uow, RESET, token(who))
        assert not uow.session.dirty
    assert who.row.version == before
