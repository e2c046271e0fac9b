"""Which cause is behind an answer of the door: told apart by evidence, never judged a second time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.core.clock import LEEWAY, now
from accounts.core.errors import Problem
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import facts as link_facts
from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links.advice import Line
from accounts.flows.helpdesk.links.parse import Found
from accounts.flows.sessions import session as sessions
from accounts.flows.sign_in import devices

ALIVE = "alive"
PLAIN = {
    ALIVE: ALIVE,
    "link_expired": "expired",
    "link_superseded": "superseded",
    "address_taken": "address_taken",
    "not_found": "unknown_kind",
}
NOT_LINKS = (
    (sessions.SESSION_PURPOSE, sessions.SESSION_VERSION),
    (sessions.CSRF_PURPOSE, sessions.SESSION_VERSION),
    (devices.DEVICE_PURPOSE, devices.DEVICE_VERSION),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What was found about a genuine link.

    :ivar retired: its key was dropped. ``misnamed``: its address names another kind.
    :ivar mangled: it had to be mended before it could be read.
    :ivar gone: its account is. ``deleted``: the account of its address was, since.
    :ivar used: the audit log says so. ``spent``: what a mark says of it, ``accepted``, ``revoked`` or "".
    """

    retired: bool
    mangled: bool
    misnamed: bool
    gone: bool
    disabled: bool
    deleted: bool
    used: bool
    spent: str


def of_genuine(problem: Problem | None, found: Evidence) -> str:
    """The cause of what the door said of a genuine link."""
    code = problem.code if problem else ALIVE
    if code == ALIVE and found.mangled:
        return "mended"
    if code == "link_used":
        return "deleted" if found.deleted else "used" if found.used or found.spent else "moved"
    if code == "link_revoked":
        return "revoked" if found.spent == "revoked" else "inviter"
    if code == "link_invalid":
        facts = (
            (found.retired, "dropped_key"),
            (found.misnamed, "other_purpose"),
            (found.gone, "account_gone"),
            (found.disabled, "disabled"),
        )
        return next((cause for holds, cause in facts if holds), "other")
    return PLAIN.get(code, "other")


def of_unknown(uow: UnitOfWork, found: Found, claimed: datetime | None) -> Line:
    """The likeliest cause why nobody here signed a token for a link, by what it looks like.

    :param claimed: when it says that it was signed.
    """
    house, own = uow.site, uow.site.link_signer.page_url("")
    looks = parse_link.damage(found.token)
    other = _other_statement(house, found.token)
    if other:
        return link_advice.why(other)
    if found.base and found.base != own:
        return link_advice.why("elsewhere", base=found.base, own=own)
    if found.purpose and found.purpose not in house.links:
        return link_advice.why("unknown_kind")
    if looks.missing:
        return link_advice.why(looks.kind, missing=looks.missing)
    if looks.kind != parse_link.CHANGED or claimed is None:
        return link_advice.why(looks.kind)
    return link_advice.why(_of_well_formed(uow, found, claimed))


def _of_well_formed(uow: UnitOfWork, found: Found, claimed: datetime) -> str:
    if claimed > now() + LEEWAY:
        return "future"
    purposes = [found.purpose] if found.purpose else list(uow.site.links)
    return "dropped_key" if link_facts.gone_key_at(uow, claimed, purposes) else "changed"


def _other_statement(house: Site, token: str) -> str:
    """What else of this house a token is; "" for nothing."""
    older = [(link.purpose, version) for link in house.links.values() for version in range(1, link.version + 1)]
    for cause, kinds in (("no_link", NOT_LINKS), ("old_version", older)):
        for purpose, version in kinds:
            try:
                house.signer.verify(purpose, version, token)
            except BadToken:
                continue
            return cause
    return ""
