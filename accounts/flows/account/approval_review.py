"""Decide about a request for an account, by a link that each admin has for themselves.

The link opens a page; only a session of this very admin with a fresh proof acts, and their right is judged then. The
request has one id in all links of it: whoever spends it first has decided, and the others are told who and how.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import exists, select

from accounts.core.clock import now
from accounts.core.errors import Detail, Forbidden, InvalidInput, NothingToDecide
from accounts.core.link_errors import DeadLink, LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import ActResult, Link, OpenedLink, parse_email_key
from accounts.core.links.opening import find_holder, open_link
from accounts.core.messages import N_, make_message
from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security import throttle
from accounts.core.security.addresses import parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.account import approval_request
from accounts.flows.account.approval_notices import DECIDED_NOTICE, DECLINED_NOTICE
from accounts.flows.account.approval_request import REVIEW_PURPOSE, AccountRequest, ReviewPayload
from accounts.flows.invites.inviters import OPERATOR
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import create_invite
from accounts.flows.shared import accounts, admins, app_targets
from accounts.flows.shared.fields import Checkbox, Form, Groups, Sentence

APPROVED_EVENT, DECLINED_EVENT = "approval.approved", "approval.declined"
UNDISCLOSED_REQUEST = {"network": "", "agent": ""}
NOT_TICKED_MESSAGE = N_("Members of the group “admins” can manage everything here. Tick this box as well.")
APPROVED_DETAIL = N_("%(admin)s approved the request on %(at)s.")
DECLINED_DETAIL = N_("%(admin)s declined the request on %(at)s.")
APPROVED_ON_CONSOLE_DETAIL = N_("The request was approved on the console on %(at)s.")
DECLINED_ON_CONSOLE_DETAIL = N_("The request was declined on the console on %(at)s.")


APPROVED = N_("You approved the request of %(email)s. They'll get an invitation by email.")
DECLINED = N_("You declined the request of %(email)s. They'll get a short reply by email.")


class DecideRequestForm(Form):
    """What an admin decides. ``groups`` and ``admin`` count with approve, ``reason`` with decline."""

    decision: Literal["approve", "decline"]
    groups: Groups = Field(default_factory=list)
    admin: Checkbox = Field(
        default=False, title=N_("Also make them an admin"), json_schema_extra={"input": "checkbox"}
    )
    reason: Sentence = Field(default="", title=N_("Message to the requester"))


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email to one admin, or None for who is none any more, and for a request that was decided."""
    request = AccountRequest.model_validate(item.facts["request"])
    admin = uow.session.get(Account, item.about.id)
    if admin is None or not admins.is_admin(admin) or uow.is_spent(_spent_id(request)):
        return None
    context = {
        "asked": item.requested_by,
        "name": admin.name or None,
        "applicant": request.applicant,
        "applicant_name": request.name or None,
        "app": app_targets.find_app_name(uow, request.next) or None,
        "until": datetime.fromtimestamp(request.expires, UTC),
    }
    link = uow.link_url(REVIEW, accounts.subject_of(admin), approval_request.seal_request(uow, request))
    return Letter.to_account(REVIEW_PURPOSE, admin, context, link=link)


def check_review(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that the admin may decide now, and that there is something to decide.

    :raises Forbidden: the account does not administer any more.
    :raises NothingToDecide: the address has an account or an open invitation by now.
    """
    if not admins.is_admin(opened.account):
        raise Forbidden("does not administer any more")
    request = approval_request.read_request(uow, opened.carried)
    is_invited = exists().where(
        SentInvite.email_key == parse_email_key(request.applicant),
        SentInvite.undecided,
        SentInvite.expires_at >= now(),
    )
    if find_holder(uow, request.applicant).account or uow.session.scalar(select(is_invited)):
        if uow.is_spent(_spent_id(request)):
            # Read before another admin decided: the invitation is that of this very request.
            raise describe_decision(uow, opened.claims)
        raise NothingToDecide("it has an account or an open invitation")


def describe_decision(uow: UnitOfWork, claims: LinkClaims) -> DeadLink:
    """Return the error for a request that was decided. To an admin it says who did that, how and when."""
    request: ReviewPayload = claims.carried
    error = LinkUsed(f"request {request.id} was decided")
    admin, row = uow.session.get(Account, claims.subject_id), find_decision(uow, request)
    if row is None or admin is None or not admins.is_admin(admin):
        return error
    is_approved = row.kind == APPROVED_EVENT
    if row.actor is None:
        error.detail = Detail(
            APPROVED_ON_CONSOLE_DETAIL if is_approved else DECLINED_ON_CONSOLE_DETAIL, {"at": row.at}
        )
        return error
    decider = uow.session.get(Account, row.actor)
    name = (decider.name or decider.email) if decider else row.actor
    error.detail = Detail(APPROVED_DETAIL if is_approved else DECLINED_DETAIL, {"admin": name, "at": row.at})
    return error


def find_decision(uow: UnitOfWork, request: ReviewPayload) -> AuditRow | None:
    """Return the line of the audit log in which a request was decided; None while it is open."""
    asked_at = datetime.fromtimestamp(request.asked_at, UTC)
    is_decision = AuditRow.kind.in_((APPROVED_EVENT, DECLINED_EVENT)), AuditRow.at >= asked_at
    is_of_request = AuditRow.facts["request"].as_string() == request.id
    return uow.session.scalars(select(AuditRow).where(*is_decision, is_of_request).limit(1)).first()


def review_context(uow: UnitOfWork, opened: OpenedLink) -> Mapping[str, Any]:
    """Return what the page of a request shows: to its admin who is signed in, and nothing to others."""
    if uow.request_info.account_id != opened.account.id:
        return {}
    request = approval_request.read_request(uow, opened.carried)
    return {
        "applicant": request.applicant,
        "name": request.name,
        "message": request.message,
        "asked_at": datetime.fromtimestamp(request.asked_at, UTC),
        "network": request.network,
        "app": app_targets.find_app_name(uow, request.next) or None,
    }


def prepare_decision(uow: UnitOfWork, opened: OpenedLink, form: DecideRequestForm) -> DecideRequestForm:
    """Return the decision with all groups in one list.

    :raises InvalidInput: ``admins`` is among the groups, and the box for it is not ticked.
    """
    if form.decision == "decline":
        return form
    if ADMIN_GROUP in form.groups and not form.admin:
        raise InvalidInput.for_field("into admins without a tick", "admin", "not_ticked", NOT_TICKED_MESSAGE)
    groups = sorted({*form.groups, *([ADMIN_GROUP] if form.admin else [])})
    return form.model_copy(update={"groups": groups})


def act(uow: UnitOfWork, opened: OpenedLink, form: DecideRequestForm) -> ActResult:
    """Decide, as the admin whose link it is."""
    _decide(uow, opened, form, opened.account)
    email = approval_request.read_request(uow, opened.carried).applicant
    return ActResult("", outcome=make_message(APPROVED if form.decision == "approve" else DECLINED, email=email))


def decide_on_console(uow: UnitOfWork, token: str, form: DecideRequestForm) -> AccountRequest:
    """Decide as the operator, and return the request. The link of any admin does.

    Whoever holds the key ring needs no session.

    :raises DeadLink: the link is not valid, or the request was decided.
    :raises NothingToDecide: the address has an account or an open invitation by now.
    """

    def work() -> AccountRequest:
        opened = open_link(uow, REVIEW, token)
        _decide(uow, opened, prepare_decision(uow, opened, form), None)
        uow.count_opened(opened.claims, opened.expires_at)
        return approval_request.read_request(uow, opened.carried)

    return uow.attempt(work)


def _decide(uow: UnitOfWork, opened: OpenedLink, form: DecideRequestForm, admin: Account | None) -> None:
    """Spend the request, answer the applicant, and tell the other admins, in the caller's transaction."""
    request = approval_request.read_request(uow, opened.carried)
    if admin is not None and form.decision == "approve":
        uow.count_attempts(throttle.INVITER.by(admin.id))
    if not uow.spend(_spent_id(request), uow.site.link_signer.keep_spent_until(opened.expires_at)):
        raise describe_decision(uow, opened.claims)
    is_approved = form.decision == "approve"
    facts: dict[str, Any] = {"request": request.id}
    if is_approved:
        facts |= {"invite": _invite(uow, request, form.groups, admin), "groups": form.groups}
    else:
        declined = {"name": request.name, "reason": form.reason, "asked": UNDISCLOSED_REQUEST}
        uow.enqueue(DECLINED_NOTICE, request.applicant, declined, request.locale)
    decider_id = admin.id if admin else ""
    told = {"applicant": request.applicant, "applicant_name": request.name, "by": decider_id, "approved": is_approved}
    for admin_id, locale in admins.list_admins(uow, except_id=decider_id):
        uow.enqueue(DECIDED_NOTICE, admin_id, {**told, "asked": UNDISCLOSED_REQUEST}, locale)
    kind = APPROVED_EVENT if is_approved else DECLINED_EVENT
    email_key = parse_email(request.applicant).key
    uow.record_event(kind, link_id=opened.link_id, email_key=email_key, facts=facts)


def _invite(uow: UnitOfWork, request: AccountRequest, groups: list[str], admin: Account | None) -> str:
    row = create_invite(
        uow,
        parse_email(request.applicant),
        name=request.name,
        groups=groups,
        locale=request.locale,
        inviter_id=admin.id if admin else OPERATOR,
        next=request.next,
        expires_at=now() + uow.site.link_signer.lifetime(INVITE),
    )
    return row.id


def _spent_id(carried: Any) -> str:
    return f"request:{carried.id}"


REVIEW = Link(
    purpose=REVIEW_PURPOSE,
    lifetime=timedelta(days=14),
    about="account",
    dies_with=(),
    spends=_spent_id,
    describe_use=describe_decision,
    carries=ReviewPayload,
    form=DecideRequestForm,
    needs_session=True,
    template="review_request.html",
    letter=letter,
    check=check_review,
    context=review_context,
    prepare=prepare_decision,
    act=act,
    title=N_("Account request"),
    explanation=N_("Someone has requested an account. They have confirmed their email address. You decide."),
    button=N_("Approve and invite"),
    outcomes=(APPROVED, DECLINED),
    done=N_("Your decision has been recorded. The requester and the other admins will get an email."),
)
