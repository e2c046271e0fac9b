"""Join by a link for several people: it asks for an address, and mails a link of its own, which takes the place.

Whoever has no account gets one by the mailed link, and chooses a password then; an account that holds the address
joins the groups, signed in. What is answered when the address is typed is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import bindparam, select, update

from accounts.config_sign_up import describe_domains
from accounts.core.clock import now
from accounts.core.errors import FieldError, InvalidInput
from accounts.core.link_errors import DeadLink, InviteFull, LinkInvalid, LinkRevoked
from accounts.core.link_kinds.kind import EmptyModel, LinkClaims
from accounts.core.links.link import ActResult, Link, OpenedLink, parse_email_key
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.outbox_facts import UnreadableItem
from accounts.core.security import throttle
from accounts.core.security.throttle import Attempt
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import create_or_extend_account
from accounts.flows.invites.shared_terms import (
    SharedTerms,
    check_terms,
    has_place,
    make_place_id,
    mark_place,
    read_shared_link,
)
from accounts.flows.shared import accounts, mail_limits, mail_request, new_credentials
from accounts.flows.shared.accounts import InitialCredentials, NewCredentials
from accounts.flows.shared.fields import Email, Form, NewAccountForm

JOIN_PURPOSE = "join-shared"
JOIN_TTL = timedelta(hours=48)
OTHER_DOMAIN = "other_domain"
OTHER_DOMAIN_MESSAGE = N_("This invitation is for email addresses at %(domain)s.")
OTHER_DOMAINS_MESSAGE = N_("This invitation is for email addresses at %(domain)s or one of its subdomains.")
ASKED_TO_JOIN_EVENT, JOINED_EVENT, FULL_EVENT = "shared-invite.asked", "shared-invite.used", "shared-invite.full"


class JoinForm(Form):
    """The address that wants to join. JSON says the token of the link, too; a page has it in a cookie."""

    email: Email
    token: str = Field(default="", json_schema_extra={"input": "hidden"})


class JoinPayload(SharedTerms):
    """What the mailed link says beside the address: all that the link for several people said, and whose place it is.

    :ivar expires: when the mailed link ends, in seconds since 1970; never later than the link for several people.
    """

    place: str
    expires: int


def request_join(uow: UnitOfWork, token: object, form: JoinForm) -> None:
    """Queue the email with the link that takes a place. Looks nobody up: the worker finds out who has an account.

    Counted by the link, not by the network: a class has one network, and its link is what lets it in.

    :raises DeadLink: the link does not hold, or all places are taken.
    :raises InvalidInput: the address is not of the link's domain.
    :raises TooManyRequests: alike for addresses with and without an account.
    """
    terms = read_shared_link(uow, token)
    check_terms(uow, terms)
    uow.release()
    if not terms.takes(form.email.key):
        message = OTHER_DOMAINS_MESSAGE if terms.domain.startswith(".") else OTHER_DOMAIN_MESSAGE
        domain = describe_domains((terms.domain.removeprefix("."),))
        field = FieldError("email", OTHER_DOMAIN, message, {"domain": domain})
        raise InvalidInput("an address of another domain", fields=[field])
    with mail_limits.record_held(uow, JOIN_PURPOSE, email_key=form.email.key), uow:
        uow.count_attempts(
            throttle.JOIN_INVITE.times(terms.places).by(terms.id),
            throttle.JOIN_NETWORK.times(terms.places).by(terms.id, uow.request_info.network),
            *mail_limits.recipient_attempts(uow, JOIN_PURPOSE, form.email.key),
        )
        mail_id = uow.enqueue(JOIN_PURPOSE, form.email.email, {"terms": terms.model_dump()})
        facts = {"mail": mail_id, "purpose": JOIN_PURPOSE, "invite": terms.id}
        uow.record_event(ASKED_TO_JOIN_EVENT, email_key=form.email.key, facts=facts)


def sign_in_attempt(uow: UnitOfWork, terms: SharedTerms) -> Attempt:
    """Return what setting out for another service, or coming back, counts as: a class has one network."""
    return throttle.JOIN_SIGN_IN.times(terms.places).by(terms.id, uow.request_info.network)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the link that takes a place, or the one that says that there is nothing left to do.

    None where the link for several people does not hold any more, or the account is disabled.
    """
    terms = _read_terms(item.facts["terms"])
    subject = find_holder(uow, item.about.email)
    account = subject.account
    try:
        check_terms(uow, terms)
    except InviteFull:
        pass  # Told by the page of the link: whoever waits for the mail shall not wait for ever.
    except DeadLink:
        return None
    context: dict[str, object] = {"asked": item.requested_by, "email": subject.email}
    is_in = has_place(uow, terms.id, parse_email_key(subject.email), account.id if account else "")
    if account is not None:
        if not account.active:
            return None
        if is_in or (account.invited and set(terms.groups) <= set(account.groups)):
            return mail_request.build_already_registered_letter(uow, item, account)
    elif is_in:
        return None  # Whoever has closed the account has had their place.
    expires_at = min(terms.ends_at, now() + uow.site.link_signer.lifetime(JOIN))
    carried = JoinPayload(
        **terms.model_dump(exclude={"locale"}),
        locale=item.locale,
        place=make_place_id(uow, terms.id, parse_email_key(subject.email)),
        expires=int(expires_at.timestamp()),
    )
    context |= {"title": terms.title, "groups": terms.groups, "member": account is not None, "until": expires_at}
    # About the address as it was typed, whoever holds it: this is where mail goes to.
    url = uow.link_url(JOIN, subject, carried)
    if account is not None:
        return Letter.to_account(JOIN_PURPOSE, account, context, link=url, to=subject.id)
    return Letter(JOIN_PURPOSE, subject.id, item.locale, context, link=url)


def _read_terms(fact: object) -> SharedTerms:
    try:
        return SharedTerms.model_validate(fact)
    except ValidationError:
        raise UnreadableItem("the fact 'terms' is laid out otherwise") from None


def resend_join_link(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Queue a fresh link for the same address."""
    terms = SharedTerms(**claims.carried.model_dump(include=set(SharedTerms.model_fields)))
    uow.enqueue(JOIN_PURPOSE, claims.subject_id, {"terms": terms.model_dump()}, terms.locale)
    return True


def check_join(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that a place may be taken by this address now: all that the link for several people said holds.

    :raises DeadLink: it does not hold any more, or all places are taken.
    :raises AddressTaken: the address is kept for another account.
    """
    carried: JoinPayload = opened.carried
    check_terms(uow, carried)
    if not carried.takes(parse_email_key(opened.subject.id)):
        raise LinkInvalid("an address of another domain")
    accounts.check_address_available(opened)


def form_for_join(opened: OpenedLink) -> type[BaseModel]:
    """Return the form that the mailed link asks for: nothing where an account holds the address."""
    return EmptyModel if opened.subject.account else NewAccountForm


def prepare_credentials(uow: UnitOfWork, opened: OpenedLink, form: Any) -> NewCredentials | None:
    """Check and hash the chosen password, before the transaction; None where the address has an account."""
    if not isinstance(form, NewAccountForm):
        return None
    return new_credentials.prepare_credentials(uow, form, email=opened.subject.id, name=form.name)


def join_context(uow: UnitOfWork, opened: OpenedLink) -> Mapping[str, Any]:
    """Return what the page of the mailed link shows."""
    carried: JoinPayload = opened.carried
    return {"invited_to": carried.title, "groups": carried.groups, "member": opened.subject.account is not None}


_COUNT_USE = (
    update(SharedInvite)
    .where(
        SharedInvite.id == bindparam("invite_id"),
        SharedInvite.uses < bindparam("places_signed"),
        SharedInvite.revoked_at.is_(None),
    )
    .values(uses=SharedInvite.uses + 1)
    .returning(SharedInvite.uses)
    .execution_options(synchronize_session=False)
)


def act(uow: UnitOfWork, opened: OpenedLink, credentials: InitialCredentials | None) -> ActResult:
    """Take a place: create the account and sign it in, or add the groups to the one that is there."""
    carried: JoinPayload = opened.carried
    row = check_terms(uow, carried)
    mark_place(uow, row, email_key=parse_email_key(opened.subject.id))
    # The database decides at the last place: whoever comes second waits for the first, and is counted then or not.
    uses = uow.session.scalar(_COUNT_USE, {"invite_id": carried.id, "places_signed": carried.places})
    if uses is None:
        if uow.session.scalar(select(SharedInvite.revoked_at).where(SharedInvite.id == carried.id)):
            raise LinkRevoked("revoked at the same moment")
        raise InviteFull("the last place was taken at the same moment")
    result = create_or_extend_account(uow, opened, credentials)
    mark_place(uow, row, account_id=result.account_id)
    facts = {"invite": carried.id, "place": uses}
    uow.record_event(JOINED_EVENT, account_id=result.account_id, link_id=opened.link_id, facts=facts)
    if uses >= carried.places:
        uow.record_event(FULL_EVENT, facts={"invite": carried.id, "places": carried.places})
    return result


JOIN = Link(
    purpose=JOIN_PURPOSE,
    lifetime=JOIN_TTL,
    about="address",
    dies_with=(),
    spends=lambda carried: f"place:{carried.place}",
    carries=JoinPayload,
    form=NewAccountForm,
    form_for=form_for_join,
    check=check_join,
    context=join_context,
    letter=letter,
    prepare=prepare_credentials,
    resend=resend_join_link,
    act=act,
    title=N_("You're invited"),
    explanation=N_("One more step to join."),
    button=N_("Join"),
    done=N_("Welcome."),
)
