"""Ask for an account where an admin decides (``ACCOUNTS_SIGN_UP=approval``).

The applicant proves the mailbox by a link, and says who they are. Each active admin gets a link of their own, by
which one of them decides (:mod:`.approval_review`). Until then nothing is stored but emails that are due, counters, a
line in the audit log and the id of the link that was used: who the applicant is stands in the signed links alone.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from pydantic import Field

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.errors import NobodyDecides
from accounts.core.ids import new_id
from accounts.core.link_errors import LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import holder
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security import throttle
from accounts.core.security.addresses import parse_email
from accounts.core.security.throttle import Attempt
from accounts.core.uow import UnitOfWork
from accounts.flows.account import sign_up_policy
from accounts.flows.account.approval_request import REVIEW_PURPOSE, AccountRequest, make_request
from accounts.flows.account.approval_review import REVIEW
from accounts.flows.shared import accounts, admins, mail_limits, mail_request
from accounts.flows.shared.fields import Form, PlainName, Sentence
from accounts.flows.shared.mail_request import MailRequestForm

log = logging.getLogger("accounts.approval")

REQUEST_PURPOSE = "request-account"
REQUESTED_EVENT = "approval.asked"
ASKING_POLICIES = ("approval", "open")
"""Under which a link to ask with holds: where anybody may have an account, an admin may still be asked for one."""


class RequestPayload(Form):
    """What the applicant's link says beside the address."""

    id: str
    locale: str
    next: str


class RequestAccountForm(Form):
    """Who asks for an account, and what they have to say to the admins. No password: there is no account yet."""

    name: PlainName
    message: Sentence = Field(default="", title=N_("Anything the admins should know"))


def request_approval(uow: UnitOfWork, form: MailRequestForm) -> None:
    """Queue an email: with a link that proves the mailbox, or saying that there is an account already.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.request_letter(uow, REQUEST_PURPOSE, form, "sign-up.asked")


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the link, or the one that says that there is an account already.

    None where that account is disabled, and where the policy has become stricter since.
    """
    if uow.site.settings.sign_up not in ASKING_POLICIES:
        return None
    subject = find_holder(uow, item.about.email)
    if subject.account is not None:
        return mail_request.build_already_registered_letter(uow, item, subject.account)
    carried = RequestPayload(id=new_id(), locale=item.locale, next=item.facts["next"])
    until = now() + uow.site.link_signer.lifetime(REQUEST)
    context = {"asked": item.requested_by, "email": subject.id, "until": until}
    return Letter(REQUEST_PURPOSE, subject.id, item.locale, context, link=uow.link_url(REQUEST, subject, carried))


def resend_request_link(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Queue a fresh link to the address in the link."""
    uow.enqueue(REQUEST_PURPOSE, claims.subject_id, {"next": claims.carried.next}, claims.carried.locale)
    return True


def check_policy(settings: Settings, claims: LinkClaims) -> None:
    """Check that people may still ask for an account here.

    :raises LinkSignUpClosed: the policy has become stricter since.
    """
    if settings.sign_up not in ASKING_POLICIES:
        raise sign_up_policy.describe_closed(settings)


def check_request(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that the address is free.

    :raises AddressTaken: it is kept for another account.
    """
    accounts.check_address_available(opened)


def prepare_request(uow: UnitOfWork, opened: OpenedLink, form: RequestAccountForm) -> RequestAccountForm:
    """Look at the limits before the transaction that counts them: a request that is held back leaves a trace."""
    email_key = parse_email(opened.subject.id).key
    with mail_limits.record_held(uow, REQUEST_PURPOSE, email_key=email_key):
        uow.site.throttle.check(*_list_attempts(uow, email_key))
    return form


def act(uow: UnitOfWork, opened: OpenedLink, form: RequestAccountForm) -> ActResult:
    """Write to all active admins."""
    uow.count_attempts(*_list_attempts(uow, parse_email(opened.subject.id).key))
    carried: RequestPayload = opened.carried
    if not uow.spend(_spent_id(carried), uow.site.link_signer.keep_spent_until(opened.expires_at)):
        raise LinkUsed("used at the same moment")
    request = make_request(
        uow,
        opened.subject.id,
        uow.site.link_signer.lifetime(REVIEW),
        id=carried.id,
        name=form.name,
        message=form.message,
        next=carried.next,
        locale=carried.locale,
    )
    _ask_admins(uow, request, opened.link_id)
    return ActResult("")


def _list_attempts(uow: UnitOfWork, email_key: str) -> tuple[Attempt, ...]:
    network = uow.request_info.network
    return (
        throttle.APPROVAL_NETWORK.by(network),
        throttle.APPROVAL_ADDRESS.by(email_key),
        throttle.APPROVAL.by(),
    )


def _ask_admins(uow: UnitOfWork, request: AccountRequest, link_id: str | None = None) -> None:
    """Queue the letters to all active admins, in the caller's transaction.

    :raises NobodyDecides: there is none.
    """
    rows = admins.list_admins(uow)
    if not rows:
        # Not taken and forgotten: whoever asks would wait for ever.
        log.warning("a request for an account has nobody who could decide about it: there is no active admin")
        raise NobodyDecides("there is no active admin")
    facts = {"request": request.model_dump(mode="json")}
    for admin_id, locale in rows:
        uow.enqueue(REVIEW_PURPOSE, admin_id, facts, locale)
    uow.record_event(
        REQUESTED_EVENT,
        link_id=link_id,
        email_key=parse_email(request.applicant).key,
        facts={"request": request.id, "admins": len(rows)},
    )


def _spent_id(carried: Any) -> str:
    return f"asked:{carried.id}"


REQUEST = Link(
    purpose=REQUEST_PURPOSE,
    lifetime=timedelta(hours=48),
    about="address",
    dies_with=(holder,),
    spends=_spent_id,
    carries=RequestPayload,
    form=RequestAccountForm,
    letter=letter,
    check_policy=check_policy,
    check=check_request,
    prepare=prepare_request,
    resend=resend_request_link,
    act=act,
    title=N_("Request an account"),
    explanation=N_("An admin decides who gets an account here. Tell us who you are, and we'll ask them."),
    button=N_("Send request"),
    done=N_("Your request has been sent. You'll get an email as soon as an admin has decided."),
)
