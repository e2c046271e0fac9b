""" "This was not me": the link in every notice about security, for an owner whom somebody locks out."""

from __future__ import annotations

import pytest

from accounts.core.errors import SignInFailed
from accounts.flows.account.not_me import NOT_ME, letter
from accounts.flows.account.reset_password import RESET
from accounts.flows.shared.accounts import subject_of
from tests.flows.letters import make_owner, write_letter
from tests.flows.steps import link_state, use_link
from tests.kit.signed_links import sign_link
from tests.people import OTHER_PASSWORD, Service


def test_it_ends_all_sessions_voids_the_password_and_mails_the_way_back(service: Service) -> None:
    owner = make_owner(service)
    sessions = [owner.sign_in(), owner.sign_in(remember=True)]
    result = use_link(service, NOT_ME, sign_link(owner, NOT_ME), {})
    assert (result.account_id, result.sign_in_as, result.created) == (owner.id, None, False)
    assert [owner.load_current_account(session) for session in sessions] == [None, None]
    with pytest.raises(SignInFailed):
        owner.sign_in()
    use_link(service, RESET, service.link_token(owner.email, "reset-password"), {"password": OTHER_PASSWORD})
    assert owner.sign_in(OTHER_PASSWORD).account_id == owner.id


def test_the_link_of_a_notice_works_once(service: Service) -> None:
    owner = make_owner(service)
    with service.uow() as uow:
        token = uow.link_url(NOT_ME, subject_of(owner.row)).rsplit("/", 2)[1]
    assert link_state(service, NOT_ME, token) == "alive"
    use_link(service, NOT_ME, token, {})
    assert link_state(service, NOT_ME, token) == "link_used"


def test_it_is_never_a_letter_of_its_own(service: Service) -> None:
    assert write_letter(service, letter, make_owner(service).id) is None
