"""Every act, seen closely: what it changes, which letter falls due for whom, and what the log says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.errors import LastAdmin
from accounts.core.links.link import ActResult, Link
from accounts.core.models.account import ADMIN_GROUP, LOCKOUT_DURATION
from accounts.flows.account import close_account, not_me, reset_password, sign_up
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import send as send_invites
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import subject_of
from accounts.flows.sign_in import magic_link, unlock
from tests.flows.account.recorded_writes import (
    REQUEST_FACTS,
    claims_of_letter,
    make_owner,
    record_writes,
    write_letter,
)
from tests.flows.invites.batch_file import ledger
from tests.flows.steps import Member, anonymous_uow, count_rows, create_first_admin, link_state, use_link
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email, token_of_url


@pytest.fixture(autouse=True)
def still() -> Iterator[time_machine.Traveller]:
    """The clock stands, on a full second, so that moments can be compared."""
    with time_machine.travel(now().replace(microsecond=0), tick=False) as clock:
        yield clock


def token(who: Member, link: Link, **carried: Any) -> str:
    said = link.carries(**carried) if carried else None
    return who.service.site.link_signer.sign(link, subject_of(who.row), said)


def link_id(service: Service, link: Link, token: str) -> str:
    return service.site.link_signer.verify(link, token).link_id


def test_activation_spends_its_id_and_is_logged(service: Service) -> None:
    email = make_email()
    said = claims_of_letter(
        service, sign_up.ACTIVATE, sent := write_letter(service, sign_up.letter, email, {"next": ""})
    )
    assert sent is not None
    assert sent.link is not None
    mailed = sent.link.rsplit("/", 2)[1]
    answer = {"password": PASSWORD, "name": "Ann"}
    done: list[ActResult] = []
    found = record_writes(service, lambda: done.append(use_link(service, sign_up.ACTIVATE, mailed, answer)))
    with service.uow() as uow:
        made = accounts.find_account(uow, email)
    assert (done[0].account_id, done[0].created) == (made.id, True)
    assert done[0].sign_in_as is not None
    assert done[0].sign_in_as.id == made.id
    assert found.events == [("account.activated", made.id, said.link_id, {})]
    keep_until = service.site.link_signer.keep_spent_until(now() + sign_up.ACTIVATE.lifetime)
    assert found.spent == {f"activate:{said.carried.id}": keep_until}


def test_a_reset_lifts_the_lock_tells_the_owner_and_is_logged(service: Service) -> None:
    who = make_owner(service, locked_at=now(), failures=3)
    reset = token(who, reset_password.RESET)
    answer = {"password": OTHER_PASSWORD}
    found = record_writes(service, lambda: _acted(use_link(service, reset_password.RESET, reset, answer), who))
    assert [mail[:2] + mail[3:] for mail in found.mails] == [("password-changed", who.id, "de")]
    assert found.events == [("password.reset", who.id, link_id(service, reset_password.RESET, reset), {})]
    assert (who.row.locked_at, who.row.failures, who.row.lock_serial) == (None, 0, 1)
    assert who.sign_in(OTHER_PASSWORD).account_id == who.id


def _acted(done: ActResult, who: Member) -> None:
    """An act about this account that signs nobody in."""
    assert (done.account_id, done.sign_in_as, done.created) == (who.id, None, False)


def test_a_name_of_ones_own_is_no_new_password(service: Service) -> None:
    who = make_owner(service, name="Wolfeschlegelstein")
    with pytest.raises(Exception, match="password"):
        use_link(service, reset_password.RESET, token(who, reset_password.RESET), {"password": "Wolfeschlegelstein"})


def test_signing_in_by_mail_counts_and_says_by_which_proof(service: Service) -> None:
    who = make_owner(service, sign_in_serial=3)
    mailed = token(who, magic_link.SIGN_IN)
    found = record_writes(service, lambda: _signed_in_by_mail(service, mailed, who))
    assert found.events == [("sign-in.by-mail", who.id, link_id(service, magic_link.SIGN_IN, mailed), {})]
    assert who.row.sign_in_serial == 4
    assert link_state(service, magic_link.SIGN_IN, mailed) == "link_used"


def _signed_in_by_mail(service: Service, mailed: str, who: Member) -> None:
    done = use_link(service, magic_link.SIGN_IN, mailed, {})
    assert (done.account_id, done.created, done.amr) == (who.id, False, ("mail",))
    assert done.sign_in_as is not None
    assert done.sign_in_as.id == who.id


def test_unlocking_lifts_the_lock_and_is_logged(service: Service) -> None:
    who = make_owner(service, locked_at=now(), failures=7, lock_serial=4)
    mailed = token(who, unlock.UNLOCK)
    found = record_writes(service, lambda: _acted(use_link(service, unlock.UNLOCK, mailed, {}), who))
    assert found.events == [("account.unlocked", who.id, link_id(service, unlock.UNLOCK, mailed), {})]
    assert (who.row.locked_at, who.row.failures, who.row.lock_serial) == (None, 0, 5)


def fail(service: Service, key: str) -> Callable[[], None]:
    def once() -> None:
        with anonymous_uow(service) as uow:
            unlock.count_failure(uow, key)

    return once


def test_the_twentieth_wrong_password_locks_and_none_before(service: Service) -> None:
    who, other = make_owner(service, failures=18), make_owner(service)
    nothing = record_writes(service, fail(service, who.email))
    assert (nothing.mails, nothing.events, who.row.locked_at, who.row.failures) == ([], [], None, 19)
    found = record_writes(service, fail(service, who.email))
    assert found.mails == [("unlock", who.id, {"asked": REQUEST_FACTS}, "de")]
    assert found.events == [("account.locked", who.id, None, {"mail": found.ids[0], "purpose": "unlock"})]
    assert (who.row.locked_at, who.row.failures, who.row.lock_serial) == (now(), 0, 1)
    assert (other.row.locked_at, other.row.failures, other.row.lock_serial) == (None, 0, 0)


def test_a_lock_is_renewed_only_when_it_is_over(service: Service, still: time_machine.Traveller) -> None:
    who = make_owner(service, failures=30, locked_at=now())
    still.shift(LOCKOUT_DURATION - timedelta(seconds=1))
    assert record_writes(service, fail(service, who.email)).mails == []
    still.shift(1)
    assert len(record_writes(service, fail(service, who.email)).mails) == 1
    assert who.row.locked_at == now()


def test_this_was_not_me_signs_out_and_starts_a_reset(service: Service) -> None:
    who = make_owner(service)
    with service.uow() as uow:
        url = not_me.make_not_me_url(uow, who.row)
    mailed = url.rsplit("/", 2)[1]
    epoch = who.row.auth_epoch
    found = record_writes(service, lambda: _acted(use_link(service, not_me.NOT_ME, mailed, {}), who))
    assert [mail[:2] + mail[3:] for mail in found.mails] == [("reset-password", who.id, "de")]
    assert found.events == [("not-me", who.id, link_id(service, not_me.NOT_ME, mailed), {})]
    assert (who.row.auth_epoch, who.row.password_hash) == (epoch + 1, None)
    assert write_letter(service, not_me.letter, who.id) is None


def test_closing_deletes_only_this_account_and_its_letters(service: Service) -> None:
    who, other = make_owner(service), make_owner(service)
    for each in (who, other):
        with anonymous_uow(service) as uow:
            uow.enqueue("reset-password", each.id)
            uow.enqueue("reset-password", each.email)
    mailed = token(who, close_account.CLOSE)
    found = record_writes(service, lambda: _acted(use_link(service, close_account.CLOSE, mailed, {}), who))
    assert [mail[:2] + mail[3:] for mail in found.mails] == [("account-closed", who.email, "de")]
    assert found.events == [("account.closed", who.id, link_id(service, close_account.CLOSE, mailed), {})]
    assert count_rows(service)["outbox"] == 3, "two to others, and the last one"
    assert link_state(service, close_account.CLOSE, mailed) == "link_used"
    assert other.row.email == other.email
    assert len(service.mails_to(other.email)) == 3, "letters to others stay"
    assert len(service.mails_to(who.email)) == 2, "of what was due for this one only the last letter goes out"


def test_closing_forgets_the_invitations_of_this_address_and_ends_them(service: Service) -> None:
    who, other = make_owner(service), make_owner(service)
    kept = [_invited(service, each.email) for each in (who, other)]
    use_link(service, close_account.CLOSE, token(who, close_account.CLOSE), {})
    assert [row.id for row in ledger(service.uow())] == [kept[1][0]]
    assert [link_state(service, invite_link.INVITE, each[1]) for each in kept] == ["link_used", "alive"]


def _invited(service: Service, email: str) -> tuple[str, str]:
    row = send_invites.send_invite(
        service.uow(), send_invites.InviteForm.model_validate({"email": email}), send_letter=False
    )
    with service.uow() as uow:
        return row.id, token_of_url(invite_link.make_invite_url(uow, row))


def test_the_last_admin_cannot_close_but_the_last_but_one_can(service: Service) -> None:
    admin, second = create_first_admin(service), make_owner(service)
    with pytest.raises(LastAdmin):
        use_link(service, close_account.CLOSE, token(admin, close_account.CLOSE), {})
    assert admin.row.groups == (ADMIN_GROUP,)
    accounts.set_groups(service.uow(), second.id, [ADMIN_GROUP])
    use_link(service, close_account.CLOSE, token(admin, close_account.CLOSE), {})
    with pytest.raises(LastAdmin):
        use_link(service, close_account.CLOSE, token(second, close_account.CLOSE), {})
