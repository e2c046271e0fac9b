"""Too many wrong passwords: when further ones are held up, and the mailed link that lifts that."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.errors import SignInFailed
from accounts.core.models.account import LOCKOUT_DURATION
from accounts.flows.sign_in import unlock
from accounts.flows.sign_in.unlock import UNLOCK
from tests.flows.letters import make_owner, write_letter
from tests.flows.steps import Member, anonymous_uow, link_state, list_event_kinds, use_link
from tests.people import Service


def fail(owner: Member) -> None:
    """Count one wrong password."""
    with anonymous_uow(owner.service) as uow:
        unlock.count_failure(uow, owner.email)


def test_the_twentieth_wrong_password_locks_and_none_before(service: Service) -> None:
    owner, other = make_owner(service, failures=18), make_owner(service)
    fail(owner)
    assert not owner.row.locked(now())
    assert len(service.mails_to(owner.email)) == 1
    fail(owner)
    assert owner.row.locked(now())
    with pytest.raises(SignInFailed):
        owner.sign_in()
    assert not other.row.locked(now())
    assert other.sign_in().account_id == other.id
    assert list_event_kinds(service, owner.id).count("account.locked") == 1
    mails = service.mails_to(owner.email)[1:]
    assert [mail.message["Content-Language"] for mail in mails] == ["de"]
    assert link_state(service, UNLOCK, service.link_token(owner.email, "unlock")) == "alive"


def test_a_lock_is_renewed_only_when_it_is_over(service: Service, stopped_clock: time_machine.Traveller) -> None:
    owner = make_owner(service, failures=30, locked_at=now())
    stopped_clock.shift(LOCKOUT_DURATION - timedelta(seconds=1))
    fail(owner)
    assert len(service.mails_to(owner.email)) == 1
    stopped_clock.shift(1)
    assert not owner.row.locked(now())
    fail(owner)
    assert len(service.mails_to(owner.email)) == 2
    assert owner.row.locked_at == now()


def test_the_link_lifts_the_lock_once(service: Service) -> None:
    owner = make_owner(service, failures=19)
    fail(owner)
    token = service.link_token(owner.email, "unlock")
    result = use_link(service, UNLOCK, token, {})
    assert (result.account_id, result.sign_in_as, result.created) == (owner.id, None, False)
    assert link_state(service, UNLOCK, token) == "link_used"
    assert owner.sign_in().account_id == owner.id


@pytest.mark.usefixtures("stopped_clock")
def test_an_unlock_letter_is_dropped_once_the_lock_is_over(service: Service) -> None:
    owner = make_owner(service, locked_at=now() - LOCKOUT_DURATION)
    assert write_letter(service, unlock.letter, owner.id) is None
