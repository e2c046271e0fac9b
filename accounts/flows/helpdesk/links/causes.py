"""Find the cause behind an error of the link endpoint: told apart by evidence, never judged a second time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.core.clock import LEEWAY, now
from accounts.core.errors import Problem
from accounts.core.signing.token_kind import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import key_facts
from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links.advice import DoctorLine
from accounts.flows.helpdesk.links.parse import LinkCandidate

ALIVE = "alive"
CAUSE_OF_CODE = {
    ALIVE: ALIVE,
    "link_expired": "expired",
    "link_superseded": "superseded",
    "link_sign_up_closed": "sign_up_closed",
    "invite_full": "full",
    "invite_ended": "expired",
    "address_taken": "address_taken",
    "forbidden": "no_admin",
    "nothing_to_decide": "nothing_to_decide",
    "not_found": "unknown_kind",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkEvidence:
    """What was found about a link with a valid signature.

    :ivar key_retired: its key was dropped. ``purpose_differs``: its address names another kind.
    :ivar mangled: it had to be repaired before it could be read.
    :ivar account_gone: its account is. ``address_deleted``: the account of its address was, since.
    :ivar used: the audit log says so. ``spent_state``: what is stored of its id, ``accepted``, ``revoked`` or "".
    :ivar decided: it is one of the links of a request for an account, and somebody has decided by one of them.
    """

    key_retired: bool = False
    mangled: bool = False
    purpose_differs: bool = False
    account_gone: bool = False
    account_disabled: bool = False
    address_deleted: bool = False
    used: bool = False
    spent_state: str = ""
    decided: bool = False


def find_cause(problem: Problem | None, evidence: LinkEvidence) -> str:
    """Return the cause of what the endpoint answered to a link with a valid signature."""
    code = problem.code if problem else ALIVE
    if code == ALIVE and evidence.mangled:
        return "mended"
    if code == "link_used":
        steps = (
            (evidence.address_deleted, "deleted"),
            (evidence.decided, "decided"),
            (evidence.used or evidence.spent_state, "used"),
            (evidence.account_gone, "account_gone"),
        )
        return next((cause for holds, cause in steps if holds), "moved")
    if code == "link_revoked":
        return "revoked" if evidence.spent_state == "revoked" else "inviter"
    if code == "link_invalid":
        checks = (
            (evidence.key_retired, "dropped_key"),
            (evidence.purpose_differs, "other_purpose"),
            (evidence.account_gone, "account_gone"),
            (evidence.account_disabled, "disabled"),
        )
        return next((cause for holds, cause in checks if holds), "other")
    return CAUSE_OF_CODE.get(code, "other")


def guess_cause(uow: UnitOfWork, candidate: LinkCandidate, claimed_at: datetime | None) -> DoctorLine:
    """Return the likeliest cause why nobody here signed a token for a link, by what it looks like.

    :param claimed_at: when it says that it was signed.
    """
    site, own_base = uow.site, uow.site.link_signer.page_url("")
    damage = parse_link.assess_damage(candidate.token)
    other_cause = _identify_other_token(site, candidate.token)
    if other_cause:
        return link_advice.describe_cause(other_cause)
    if candidate.base and candidate.base != own_base:
        return link_advice.describe_cause("elsewhere", base=candidate.base, own=own_base)
    if candidate.purpose and candidate.purpose not in site.links:
        return link_advice.describe_cause("unknown_kind")
    if damage.missing:
        return link_advice.describe_cause(damage.kind, missing=damage.missing)
    if damage.kind != parse_link.CHANGED or claimed_at is None:
        return link_advice.describe_cause(damage.kind)
    return link_advice.describe_cause(_guess_well_formed_cause(uow, candidate, claimed_at))


def _guess_well_formed_cause(uow: UnitOfWork, candidate: LinkCandidate, claimed_at: datetime) -> str:
    if claimed_at > now() + LEEWAY:
        return "future"
    purposes = [candidate.purpose] if candidate.purpose else list(uow.site.links)
    return "dropped_key" if key_facts.find_dropped_key(uow, claimed_at, purposes) else "changed"


def _identify_other_token(site: Site, token: str) -> str:
    """Return which other kind of token of this installation a text is; "" for none."""
    older_versions = [
        (link.purpose, version) for link in site.links.values() for version in range(1, link.version + 1)
    ]
    other_kinds = [(kind.purpose, kind.version) for kind in site.tokens.values()]
    for cause, kinds in (("no_link", other_kinds), ("old_version", older_versions)):
        for purpose, version in kinds:
            try:
                site.signer.verify_payload(purpose, version, token)
            except BadToken:
                continue
            return cause
    return ""
