"""Show and clear limits. The table holds digests only, so whoever asks names the address or network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field
from sqlalchemy import ColumnElement, false, or_, select

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.errors import InvalidInput
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.models.audit import AuditRow
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.security import throttle
from accounts.core.security.throttle import Attempt, client_network
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.join import ASKED_TO_JOIN_EVENT
from accounts.flows.invites.shared import get_shared_invite
from accounts.flows.shared.fields import Form, OptionalEmail, SearchText

LIMITS_LIFTED_EVENT = "limits.lifted"
NETWORK_LOOKBACK = timedelta(hours=1)
"""How far back networks are looked for from which the address was tried: as long as the longest window of theirs."""
MAX_NETWORKS = 50
LIMIT_LABELS: Mapping[str, str] = {
    throttle.SIGN_IN_PAIR.name: N_("Sign-in attempts from one network"),
    throttle.SIGN_IN_ACCOUNT.name: N_("Sign-in attempts on new devices"),
    throttle.SIGN_IN_DEVICE.name: N_("Sign-in attempts on known devices"),
    throttle.SIGN_IN_NETWORK.name: N_("All sign-in attempts from the network"),
    throttle.MAIL_PAIR.name: N_("Emails requested from one network"),
    throttle.MAIL_ADDRESS.name: N_("Emails to the address"),
    throttle.MAIL_ACCOUNT.name: N_("Emails requested by the account"),
    throttle.MAIL_NETWORK.name: N_("All emails requested from the network"),
    throttle.JOIN_NETWORK.name: N_("Requests to join from one network"),
    throttle.JOIN_INVITE.name: N_("All requests to join"),
    throttle.JOIN_SIGN_IN.name: N_("Visits to sign-in services from one network"),
    throttle.LINK_NETWORK.name: N_("Links opened from the network"),
    throttle.PASSWORD_ACCOUNT.name: N_("Password confirmations"),
    throttle.APPROVAL_ADDRESS.name: N_("Account requests for the address"),
    throttle.APPROVAL_NETWORK.name: N_("Account requests from the network"),
    throttle.APPROVAL.name: N_("All account requests"),
    throttle.INVITER.name: N_("Invitations sent"),
    throttle.INVITE_LISTS.name: N_("Invitation lists submitted"),
    throttle.INVITE_LETTERS.name: N_("Emails of invitation lists"),
    throttle.MAIL_BOUNCES.name: N_("Bounce reports"),
    throttle.BULK_ACTS.name: N_("Bulk changes prepared"),
    throttle.BULK_LETTERS.name: N_("Emails of bulk changes"),
}
"""Limits in words, by name."""
BUCKET_LABELS: Mapping[str, str] = {
    "address": N_("Address"),
    "account": N_("Account"),
    "link": N_("Shared link"),
}
"""What a limit counts, where it is neither a network nor a kind of email."""
NOT_AN_IP_MESSAGE = N_("Enter a valid IP address.")
EMAIL_OR_NETWORK_MESSAGE = N_("Enter an email address, an IP address, or both.")


class LimitsForm(Form):
    """An address, a network, or both; or a link for several people, alone or as one network has used it."""

    email: OptionalEmail = None
    network: SearchText = Field(
        default="", title=N_("IP address"), max_length=64, json_schema_extra={"input": "text", "maxlength": 64}
    )
    link: SearchText = Field(default="", max_length=64, json_schema_extra={"input": "hidden"})


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """What was counted under one limit. ``full``: further tries are held up until ``ends``."""

    limit: str
    of: str
    tries: int
    allowed: int
    ends: datetime
    full: bool


LimitBucket = tuple[Attempt, str]
"""What a limit counts, and how that is told."""


def list_limits(uow: UnitOfWork, form: LimitsForm) -> list[LimitUsage]:
    """Return what is counted of an address, of its account, of a network, and of a link for several people.

    In the windows that run now.

    :raises InvalidInput: none was named, or the network is none.
    :raises NotFound: there is no such link for several people.
    """
    usages = []
    labels = dict(_iter_buckets(uow, form))
    for attempt, window in uow.site.throttle.fetch_windows(labels).items():
        window_ends, allowed = datetime.fromtimestamp(window.ends_at, UTC), attempt.limit.amount
        usages.append(
            LimitUsage(
                attempt.limit.name, labels[attempt], window.count, allowed, window_ends, window.count >= allowed
            )
        )
    return sorted(usages, key=lambda each: (not each.full, each.limit, each.of))


def clear_limits(uow: UnitOfWork, form: LimitsForm) -> list[str]:
    """Clear the counters of what :func:`list_limits` shows, and return the names of the limits.

    :raises InvalidInput: none was named, or the network is none.
    :raises NotFound: there is no such link for several people.
    """
    running = uow.site.throttle.fetch_windows(dict(_iter_buckets(uow, form)))
    uow.site.throttle.clear(running)
    cleared = sorted({attempt.limit.name for attempt in running})
    with uow:
        account = find_holder(uow, form.email.email).account if form.email else None
        email_key = form.email.key if form.email and account is None else ""
        uow.record_event(
            LIMITS_LIFTED_EVENT,
            account_id=account.id if account else None,
            email_key=email_key,
            facts={"limits": cleared} | ({"invite": form.link} if form.link else {}),
        )
    return cleared


def _iter_buckets(uow: UnitOfWork, form: LimitsForm) -> Iterator[LimitBucket]:
    network = _parse_network(form)
    if form.email is None and not network and not form.link:
        raise InvalidInput.for_field("neither", "email", "missing", EMAIL_OR_NETWORK_MESSAGE)
    if form.link:
        yield from _shared_invite_buckets(uow, get_shared_invite(uow, form.link), network)
    elif network:
        for limit in (
            throttle.SIGN_IN_NETWORK,
            throttle.MAIL_NETWORK,
            throttle.LINK_NETWORK,
            throttle.APPROVAL_NETWORK,
        ):
            yield limit.by(network), network
    if form.email is None:
        return
    account = find_holder(uow, form.email.email).account
    account_id = account.id if account else ""
    uow.release()
    yield from _address_buckets(uow, form.email.key, {form.email.key, form.email.email})
    if account_id:
        yield from _account_buckets(uow, account_id)
    networks = _find_recent_networks(uow, form.email.key, account_id) | ({network} if network else set())
    recipients = sorted({form.email.key, form.email.email, account_id} - {""})
    for each in sorted(networks):
        yield throttle.SIGN_IN_PAIR.by(form.email.key, each), each
        for purpose in uow.site.links:
            for recipient in recipients:
                yield throttle.MAIL_PAIR.by(purpose, recipient, each), f"{purpose}, {each}"


def _address_buckets(uow: UnitOfWork, email_key: str, spellings: set[str]) -> Iterator[LimitBucket]:
    for limit in (throttle.SIGN_IN_ACCOUNT, throttle.SIGN_IN_DEVICE, throttle.APPROVAL_ADDRESS):
        yield limit.by(email_key), "address"
    for purpose in uow.site.links:
        # A fresh link for a dead one is counted by the address as the link has it.
        for spelling in sorted(spellings):
            yield throttle.MAIL_ADDRESS.by(purpose, spelling), purpose


def _account_buckets(uow: UnitOfWork, account_id: str) -> Iterator[LimitBucket]:
    yield throttle.PASSWORD_ACCOUNT.by(account_id), "account"
    for limit in (throttle.INVITER, throttle.INVITE_LISTS, throttle.INVITE_LETTERS):
        yield limit.by(account_id), "account"
    for purpose in uow.site.links:
        yield throttle.MAIL_ADDRESS.by(purpose, account_id), purpose
        yield throttle.MAIL_ACCOUNT.by(purpose, account_id), purpose


def _shared_invite_buckets(uow: UnitOfWork, row: SharedInvite, network: str) -> Iterator[LimitBucket]:
    """Yield what a link for several people has to itself: what somebody's address or network counts is not in it."""
    yield throttle.JOIN_INVITE.times(row.places).by(row.id), "link"
    is_of_link = AuditRow.kind == ASKED_TO_JOIN_EVENT, AuditRow.facts["invite"].as_string() == row.id
    for each in [network] if network else _select_networks(uow, *is_of_link):
        for limit in (throttle.JOIN_NETWORK, throttle.JOIN_SIGN_IN):
            yield limit.times(row.places).by(row.id, each), each


def _find_recent_networks(uow: UnitOfWork, email_key: str, account_id: str) -> set[str]:
    is_about = or_(
        *address_index.list_conditions(uow.site, email_key, account_id),
        AuditRow.account_id == account_id if account_id else false(),
    )
    return _select_networks(uow, is_about)


def _select_networks(uow: UnitOfWork, *conditions: ColumnElement[bool]) -> set[str]:
    statement = select(AuditRow.network).where(*conditions, AuditRow.at > now() - NETWORK_LOOKBACK)
    return {row[0] for row in uow.fetch_all(statement.distinct().limit(MAX_NETWORKS)) if row[0]}


def _parse_network(form: LimitsForm) -> str:
    if not form.network:
        return ""
    # A network is shown with its size, and may be copied back that way.
    network = client_network(form.network.partition("/")[0])
    if network == "unknown" and form.network != network:
        raise InvalidInput.for_field("no network", "network", "no_network", NOT_AN_IP_MESSAGE)
    return network
