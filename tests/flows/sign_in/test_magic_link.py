"""Signing in by a mailed link."""

from __future__ import annotations

from accounts.flows.sign_in.magic_link import SIGN_IN
from tests.flows.letters import make_owner
from tests.flows.steps import link_state, list_event_kinds, use_link
from tests.kit.signed_links import sign_link
from tests.people import Service


def test_it_signs_in_by_the_proof_of_the_mailbox_and_only_once(service: Service) -> None:
    owner = make_owner(service)
    tokens = [sign_link(owner, SIGN_IN, next="/to"), sign_link(owner, SIGN_IN)]
    result = use_link(service, SIGN_IN, tokens[0], {})
    assert (result.account_id, result.created, result.amr) == (owner.id, False, ("mail",))
    assert result.sign_in_as is not None
    assert result.sign_in_as.id == owner.id
    assert [link_state(service, SIGN_IN, token) for token in tokens] == ["link_used", "link_used"]
    assert set(list_event_kinds(service, owner.id)[-2:]) == {"sign-in.by-mail", "sign-in"}


def test_a_sign_in_by_password_ends_the_links_that_are_out(service: Service) -> None:
    owner = make_owner(service)
    token = sign_link(owner, SIGN_IN)
    owner.sign_in()
    assert link_state(service, SIGN_IN, token) == "link_used"
