"""Sign up by email. Nothing is stored about a user before the link in the email is used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.link_errors import LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import holder
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.account import approval, sign_up_policy
from accounts.flows.shared import accounts, mail_request, new_credentials
from accounts.flows.shared.accounts import NewCredentials
from accounts.flows.shared.fields import Form, NewAccountForm

PURPOSE = "activate"


class SignUpForm(mail_request.MailRequestForm):
    """The address that asks for an account, and where to go once it is there."""


class ActivationPayload(Form):
    """What an activation link says beside the address."""

    id: str
    locale: str
    next: str


def request_sign_up(uow: UnitOfWork, form: SignUpForm) -> None:
    """Queue an email: with an activation link, or saying that there is an account already.

    Under the policy ``approval`` it is the one by which the address asks the admins instead.

    :raises SignUpClosed: the policy lets nobody sign up, or not with this address.
    :raises TooManyRequests: alike for addresses with and without an account.
    """
    settings = uow.site.settings
    sign_up_policy.check_may_ask(settings, form.email)
    if settings.sign_up == "approval":
        approval.request_approval(uow, form)
        return
    mail_request.request_letter(uow, PURPOSE, form, "sign-up.asked")


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the activation link, or the one that says that there is an account already.

    None where that account is disabled, and where the policy has become stricter since: nobody hears of it then.
    """
    if not sign_up_policy.may_activate(uow.site.settings, item.about.email):
        return None
    subject = find_holder(uow, item.about.email)
    if subject.account is not None:
        return mail_request.build_already_registered_letter(uow, item, subject.account)
    until = now() + uow.site.link_signer.lifetime(ACTIVATE)
    context = {"asked": item.requested_by, "email": subject.id, "until": until}
    carried = ActivationPayload(id=new_id(), locale=item.locale, next=item.facts["next"])
    return Letter(PURPOSE, subject.id, item.locale, context, link=uow.link_url(ACTIVATE, subject, carried))


def resend_activation(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Queue a fresh activation link to the address in the link."""
    uow.enqueue(PURPOSE, claims.subject_id, {"next": claims.carried.next}, claims.carried.locale)
    return True


def check_policy(settings: Settings, claims: LinkClaims) -> None:
    """Check that the address may get an account: at each use, whatever held when the link was sent.

    :raises LinkSignUpClosed: the policy has become stricter since.
    """
    sign_up_policy.check_link_holds(settings, claims.subject_id)


def check_activation(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that the address is free.

    :raises AddressTaken: it is kept for another account.
    """
    accounts.check_address_available(opened)


def prepare_credentials(uow: UnitOfWork, opened: OpenedLink, form: NewAccountForm) -> NewCredentials:
    """Check and hash the chosen password, before the transaction."""
    return new_credentials.prepare_credentials(uow, form, email=opened.subject.id, name=form.name)


def act(uow: UnitOfWork, opened: OpenedLink, credentials: NewCredentials) -> ActResult:
    """Create the account and sign it in."""
    if not uow.spend(_spent_id(opened.carried), uow.site.link_signer.keep_spent_until(opened.expires_at)):
        raise LinkUsed("activated at the same moment")
    account = accounts.create_account(uow, opened.subject.id, credentials, locale=opened.carried.locale)
    uow.record_event("account.activated", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id, sign_in_as=account, created=True)


def _spent_id(carried: Any) -> str:
    # The account itself shows that the link was used; the mark outlives it, should it be deleted soon after.
    return f"activate:{carried.id}"


ACTIVATE = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=48),
    about="address",
    dies_with=(holder,),
    spends=_spent_id,
    carries=ActivationPayload,
    form=NewAccountForm,
    letter=letter,
    check_policy=check_policy,
    check=check_activation,
    prepare=prepare_credentials,
    resend=resend_activation,
    act=act,
    title=N_("Finish creating your account"),
    explanation=N_("Choose a password to finish."),
    button=N_("Create account"),
    done=N_("Your account is ready."),
)
