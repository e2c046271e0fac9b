"""Closing an account for good: what goes, and what of others stays."""

from __future__ import annotations

import pytest

from accounts.core.errors import LastAdmin, NotFound, SignInFailed
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.account import close_account
from accounts.flows.account.close_account import CLOSE
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import send as send_invites
from accounts.flows.shared import accounts
from tests.flows.invites.batch_file import ledger
from tests.flows.letters import make_owner, request_facts, write_letter
from tests.flows.steps import anonymous_uow, create_first_admin, link_state, use_link
from tests.kit.signed_links import sign_link
from tests.people import Service, token_of_url


def test_asking_mails_one_link_in_the_language_of_the_account(service: Service) -> None:
    owner, before = make_owner(service), 1
    close_account.request_account_closing(anonymous_uow(service), owner.id)
    mails = service.mails_to(owner.email)[before:]
    assert [mail.message["Content-Language"] for mail in mails] == ["de"]
    assert link_state(service, CLOSE, service.link_token(owner.email, "close-account")) == "alive"


def test_closing_deletes_only_this_account_and_its_letters(service: Service) -> None:
    owner, other = make_owner(service), make_owner(service)
    for each in (owner, other):
        with anonymous_uow(service) as uow:
            uow.enqueue("reset-password", each.id)
            uow.enqueue("reset-password", each.email)
    token = sign_link(owner, CLOSE)
    result = use_link(service, CLOSE, token, {})
    assert (result.account_id, result.sign_in_as, result.created) == (owner.id, None, False)
    assert link_state(service, CLOSE, token) == "link_used"
    with pytest.raises(NotFound):
        accounts.find_account(service.uow(), owner.email)
    with pytest.raises(SignInFailed):
        owner.sign_in()
    assert other.sign_in().account_id == other.id
    assert len(service.mails_to(other.email)) == 3, "letters to others stay"
    assert len(service.mails_to(owner.email)) == 2, "of what was due for this one only the last letter goes out"
    assert service.mails_to(owner.email)[-1].message["Content-Language"] == "de"


@pytest.mark.usefixtures("stopped_clock")
def test_the_last_letter_goes_to_the_address_that_was(service: Service) -> None:
    letter = write_letter(service, close_account.account_closed_letter, "was@example.org", locale="de")
    assert letter is not None
    assert (letter.words, letter.to, letter.locale) == ("account-closed", "was@example.org", "de")
    assert letter.context == {"asked": request_facts(), "email": "was@example.org"}


def test_closing_forgets_the_invitations_of_this_address_and_ends_them(service: Service) -> None:
    owner, other = make_owner(service), make_owner(service)
    invites = [_invite(service, each.email) for each in (owner, other)]
    use_link(service, CLOSE, sign_link(owner, CLOSE), {})
    assert [row.id for row in ledger(service.uow())] == [invites[1][0]]
    states = [link_state(service, invite_link.INVITE, token) for _, token in invites]
    assert states == ["link_used", "alive"]


def _invite(service: Service, email: str) -> tuple[str, str]:
    form = send_invites.InviteForm.model_validate({"email": email})
    row = send_invites.send_invite(service.uow(), form, send_letter=False)
    with service.uow() as uow:
        return row.id, token_of_url(invite_link.make_invite_url(uow, row))


def test_the_last_admin_cannot_close_but_the_last_but_one_can(service: Service) -> None:
    admin, second = create_first_admin(service), make_owner(service)
    with pytest.raises(LastAdmin):
        use_link(service, CLOSE, sign_link(admin, CLOSE), {})
    assert admin.row.groups == (ADMIN_GROUP,)
    accounts.set_groups(service.uow(), second.id, [ADMIN_GROUP])
    use_link(service, CLOSE, sign_link(admin, CLOSE), {})
    with pytest.raises(LastAdmin):
        use_link(service, CLOSE, sign_link(second, CLOSE), {})
