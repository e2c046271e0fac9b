"""Opening a link: which problem is told at which moment, and what is remembered of an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session as OrmSession

from accounts.core.clock import now
from accounts.core.link_errors import DeadLink, LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
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
    record_restore,
)
from accounts.core.outbox import parse_subject
from accounts.core.signing.keys import new_key
from accounts.core.uow import UnitOfWork
from accounts.flows.account.close_account import CLOSE
from accounts.flows.account.not_me import NOT_ME
from accounts.flows.account.reset_password import RESET
from accounts.flows.account.sign_up import ACTIVATE
from accounts.flows.invites.link import INVITE
from tests.flows.letters import make_owner, update_account
from tests.flows.steps import open_token
from tests.kit.signed_links import read_claims, sign_link
from tests.kit.tables import find_new_rows, read_rows
from tests.people import Service, make_email

pytestmark = pytest.mark.usefixtures("stopped_clock")


def activation(service: Service, email: str) -> str:
    data = ACTIVATE.carries(id="an-id", locale="en", next="")
    with service.uow() as uow:
        return service.site.link_signer.sign(ACTIVATE, find_holder(uow, email), data)


def check_dead(service: Service, link: Link, token: str, problem: type[DeadLink]) -> None:
    """Check with which problem a genuine link is dead. The problem knows what the link says."""
    with pytest.raises(problem) as caught:
        open_token(service, link, token)
    assert type(caught.value) is problem
    assert caught.value.claims == read_claims(service, link, token)


def test_a_link_that_is_alive_says_about_whom_and_until_when(service: Service) -> None:
    who = make_owner(service)
    found = open_token(service, RESET, sign_link(who, RESET))
    assert isinstance(found, OpenedLink)
    assert found.subject.id == who.id
    assert found.account.id == who.id
    assert found.expires_at == now() + RESET.lifetime
    assert found.claims == read_claims(service, RESET, sign_link(who, RESET))


def test_its_last_moment_is_alive_and_the_next_is_too_late(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    mailed = sign_link(make_owner(service), RESET)
    stopped_clock.shift(RESET.lifetime)
    open_token(service, RESET, mailed)
    stopped_clock.shift(timedelta(microseconds=1))
    check_dead(service, RESET, mailed, LinkExpired)


def test_a_link_that_is_used_and_expired_is_reported_as_used(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    who = make_owner(service)
    mailed = sign_link(who, RESET)
    update_account(who, auth_epoch=9, sign_in_serial=9)
    stopped_clock.shift(RESET.lifetime * 2)
    check_dead(service, RESET, mailed, LinkUsed)


def test_a_disabled_account_and_one_that_is_gone(service: Service) -> None:
    who = make_owner(service)
    mailed, closing = sign_link(who, RESET), sign_link(who, CLOSE)
    update_account(who, status="disabled")
    check_dead(service, RESET, mailed, LinkInvalid)
    with OrmSession(service.site.store.engine) as session:
        session.delete(who.row)
        session.commit()
    check_dead(service, RESET, mailed, LinkInvalid)
    check_dead(service, CLOSE, closing, LinkUsed)


def test_what_is_no_link_has_no_claims(service: Service) -> None:
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
    check_dead(service, ACTIVATE, mailed, LinkUsed)
    with service.uow() as uow:
        uow.spend("activate:an-id" + REVOKED_SUFFIX, now() + ADDRESS_RETENTION)
    check_dead(service, ACTIVATE, mailed, LinkRevoked)


def test_the_subject_of_a_letter_is_an_account_by_id_or_by_address(service: Service) -> None:
    who = make_owner(service)
    with service.uow() as uow:
        by_id, by_address = (find_subject_account(uow, parse_subject(each)) for each in (who.id, who.email.upper()))
        assert by_id is not None
        assert by_address is by_id
        for nobody in ("nobody", "nobody@example.org"):
            assert find_subject_account(uow, parse_subject(nobody)) is None
        assert find_holder(uow, "Nobody@example.org") == Subject("Nobody@example.org", None)
        assert find_holder(uow, who.email.upper()).id == who.email.upper()
        with pytest.raises(LinkInvalid):
            find_holder(uow, "no address")


@pytest.mark.parametrize("forget", [record_address_deleted, record_address_released])
def test_what_was_signed_until_an_address_was_given_up_is_dead_and_later_links_live(
    service: Service, stopped_clock: time_machine.Traveller, forget: Callable[[UnitOfWork, str], None]
) -> None:
    email, other = make_email(), make_email()
    mailed, others = activation(service, email), activation(service, other)
    with service.uow() as uow:
        forget(uow, email)
    check_dead(service, ACTIVATE, mailed, LinkUsed)
    check_dead(service, ACTIVATE, activation(service, email), LinkUsed)
    open_token(service, ACTIVATE, others)
    stopped_clock.shift(1)
    later = activation(service, email)
    open_token(service, ACTIVATE, later)
    with service.uow() as uow:
        forget(uow, email)
    check_dead(service, ACTIVATE, later, LinkUsed)


def test_an_address_that_was_left_keeps_its_invitations_and_one_that_was_deleted_does_not(service: Service) -> None:
    email = make_email()
    ends = int((now() + ADDRESS_RETENTION).timestamp())
    carried = INVITE.carries(id="i", expires=ends, groups=[], inviter="nobody", locale="en")
    mailed = service.site.link_signer.sign(INVITE, Subject(email, None), carried)
    with service.uow() as uow:
        record_address_released(uow, email)
    check_dead(service, INVITE, mailed, LinkRevoked)
    with service.uow() as uow:
        record_address_deleted(uow, email)
    check_dead(service, INVITE, mailed, LinkUsed)


def test_every_key_of_the_ring_remembers_an_address(
    make_service: Callable[..., Service], stopped_clock: time_machine.Traveller
) -> None:
    keys = [new_key(), new_key()]
    service, email = make_service(secret_keys=keys), make_email()
    with service.uow() as uow:
        subject, data = find_holder(uow, email), ACTIVATE.carries(id="an-id", locale="en", next="")
    ring, signer = service.site.ring, service.site.link_signer
    both = [signer.sign(ACTIVATE, subject, data, key=key) for key in ring.newest_first()]
    with service.uow() as uow:
        record_address_released(uow, email)
        record_address_deleted(uow, email)
    for token in both:
        check_dead(service, ACTIVATE, token, LinkUsed)
        with service.uow() as uow:
            assert get_address_deleted_at(uow, read_claims(service, ACTIVATE, token)) == now()
    stopped_clock.shift(ADDRESS_RETENTION)
    for token in both:
        with service.uow() as uow:
            assert get_address_deleted_at(uow, read_claims(service, ACTIVATE, token)) is not None, "kept to the end"


def test_marks_of_addresses_keep_their_ids(service: Service) -> None:
    """Written out: with other ids, links would come back to life whose addresses were given up before an upgrade."""
    before = read_rows(service.site.store.engine)
    with service.uow() as uow:
        record_address_released(uow, "ann@example.org")
        record_address_deleted(uow, "ann@example.org")
    new = find_new_rows(before, read_rows(service.site.store.engine), "spent")
    assert sorted(row["id"] for row in new) == [
        "gone:9ce8cc062aa2760d29bf2919f1cd0dbc",
        "left:9d01da92ffc4daafbeacfe9619ebd0bf",
    ]


def test_the_return_of_a_backup_ends_links_that_rest_on_marks(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    owner, email = make_owner(service), make_email()
    dying = [(ACTIVATE, activation(service, email)), (NOT_ME, sign_link(owner, NOT_ME))]
    reset = sign_link(owner, RESET)
    with service.uow() as uow:
        record_restore(uow)
    for link, token in dying:
        check_dead(service, link, token, LinkUsed)
    check_dead(service, ACTIVATE, activation(service, email), LinkUsed)
    open_token(service, RESET, reset)  # dies of its parts, which are raised with the return
    stopped_clock.shift(1)
    open_token(service, ACTIVATE, activation(service, email))
    open_token(service, NOT_ME, sign_link(owner, NOT_ME))
    stopped_clock.shift(timedelta(hours=40))
    check_dead(service, ACTIVATE, dying[0][1], LinkUsed)


def test_opening_changes_nothing(service: Service) -> None:
    who = make_owner(service)
    before = who.row.version
    with service.uow() as uow:
        open_link(uow, RESET, sign_link(who, RESET))
        assert not uow.session.dirty
    assert who.row.version == before
