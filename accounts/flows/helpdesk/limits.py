"""Limits that hold somebody up: seeing and lifting them. The table knows digests only, so whoever asks says whose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import N_, FieldError, InvalidInput
from accounts.core.links.opening import find_holder
from accounts.core.models.audit import AuditRow
from accounts.core.security import throttle
from accounts.core.security.throttle import Limit, client_network
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import Form, OptionalEmail, SearchText

LIFTED = "limits.lifted"
LATELY = timedelta(hours=1)
"""How far back networks are looked for from which the account was tried: longer than any window of theirs."""
MOST_NETWORKS = 50
NO_NETWORK = N_("That is not an IP address.")
SAY_ONE = N_("Enter an address or a network, or both.")


class WhoseLimits(Form):
    """An address, a network, or both."""

    email: OptionalEmail = None
    network: SearchText = Field(
        default="", title=N_("Network"), max_length=64, json_schema_extra={"input": "text", "maxlength": 64}
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted under one limit. ``full``: further tries are held up until ``ends``."""

    limit: str
    of: str
    tries: int
    allowed: int
    ends: datetime
    full: bool


Bucket = tuple[Limit, tuple[str, ...], str]
"""A limit, whom it counts, and how that is told."""


def look(uow: UnitOfWork, said: WhoseLimits) -> list[Counted]:
    """What has been counted of an address, of its account, and of a network, in the windows that run.

    :raises InvalidInput: neither was said, or the network is none.
    """
    found = []
    for limit, who, told in list(_buckets(uow, said)):
        tries = uow.site.throttle.count_attempts(limit, *who)
        if tries:
            ends = datetime.fromtimestamp(uow.site.throttle.window_ends(limit, *who), UTC)
            allowed = limit.rate.amount
            found.append(Counted(limit.name, told, tries, allowed, ends, tries >= allowed))
    return sorted(found, key=lambda each: (not each.full, each.limit, each.of))


def lift(uow: UnitOfWork, said: WhoseLimits) -> list[str]:
    """Have all of that counted from the beginning; answers the names of the limits.

    :raises InvalidInput: neither was said, or the network is none.
    """
    buckets = [each for each in _buckets(uow, said) if uow.site.throttle.count_attempts(each[0], *each[1])]
    for limit, who, _ in buckets:
        uow.site.throttle.clear(limit, *who)
    lifted = sorted({limit.name for limit, _, _ in buckets})
    with uow:
        account = find_holder(uow, said.email.email).account if said.email else None
        about = said.email.key if said.email and account is None else ""
        uow.record_event(
            LIFTED, account_id=account.id if account else None, email_key=about, facts={"limits": lifted}
        )
    return lifted


def _buckets(uow: UnitOfWork, said: WhoseLimits) -> Iterator[Bucket]:
    network = _network(said)
    if said.email is None and not network:
        raise InvalidInput("neither", fields=[FieldError("email", "missing", SAY_ONE, {})])
    if network:
        for limit in (throttle.SIGN_IN_NETWORK, throttle.MAIL_NETWORK, throttle.LINK_NETWORK):
            yield limit, (network,), network
    if said.email is None:
        return
    account = find_holder(uow, said.email.email).account
    account_id = account.id if account else ""
    uow.release()
    yield from _of_address(uow, said.email.key, {said.email.key, said.email.email})
    networks = {network} if network else set()
    if account_id:
        networks |= _tried_from(uow, account_id)
        yield from _of_account(uow, account_id)
    for each in sorted(networks):
        yield throttle.SIGN_IN_PAIR, (said.email.key, each), each


def _of_address(uow: UnitOfWork, key: str, spellings: set[str]) -> Iterator[Bucket]:
    yield throttle.SIGN_IN_ACCOUNT, (key,), "address"
    for purpose in uow.site.links:
        # A fresh link for a dead one is counted by the address as the link has it.
        for spelling in sorted(spellings):
            yield throttle.MAIL_ADDRESS, (purpose, spelling), purpose


def _of_account(uow: UnitOfWork, account_id: str) -> Iterator[Bucket]:
    yield throttle.PASSWORD_ACCOUNT, (account_id,), "account"
    for limit in (throttle.INVITER, throttle.INVITE_LISTS, throttle.INVITE_LETTERS):
        yield limit, (account_id,), "account"
    for purpose in uow.site.links:
        yield throttle.MAIL_ADDRESS, (purpose, account_id), purpose
        yield throttle.MAIL_ACCOUNT, (purpose, account_id), purpose


def _tried_from(uow: UnitOfWork, account_id: str) -> set[str]:
    lately = select(AuditRow.network).where(AuditRow.account_id == account_id, AuditRow.at > now() - LATELY)
    return {row[0] for row in uow.fetch_all(lately.distinct().limit(MOST_NETWORKS)) if row[0]}


def _network(said: WhoseLimits) -> str:
    if not said.network:
        return ""
    # A network is shown with its size, and may be copied back that way.
    found = client_network(said.network.partition("/")[0])
    if found == "unknown" and said.network != found:
        raise InvalidInput("no network", fields=[FieldError("network", "no_network", NO_NETWORK, {})])
    return found
