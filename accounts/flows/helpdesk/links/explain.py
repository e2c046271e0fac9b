"""Explain why a link that somebody sent in does not work, and what to do about it.

The verdict is that of the link endpoint itself. Neither the link nor a secret is quoted: the explanation opens
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from accounts.core.errors import InvalidInput, NotFound, Problem
from accounts.core.link_errors import LinkInvalid
from accounts.core.link_kinds.kind import LinkClaims, LinkKind
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.links.link import as_link
from accounts.core.links.opening import open_link
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.tokens import TokenSigner
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import causes as link_causes
from accounts.flows.helpdesk.links import facts as link_facts
from accounts.flows.helpdesk.links import key_facts
from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links import shared as shared_links
from accounts.flows.helpdesk.links.advice import DoctorLine
from accounts.flows.helpdesk.links.facts import (
    LINK_EXPLAINED_EVENT,
    AccountSummary,
    InviteFact,
    LinkEvent,
    PartFact,
)
from accounts.flows.helpdesk.links.key_facts import KeyFact
from accounts.flows.helpdesk.links.parse import LinkCandidate
from accounts.flows.invites.shared_terms import SHARED_INVITE, check_terms
from accounts.flows.shared.fields import Form

MAX_PASTED_CHARACTERS = 4000
NO_LINK_MESSAGE = N_("This text contains no link.")


class ExplainLinkForm(Form):
    """What somebody pasted: a link, a token, or a piece of either."""

    link: str = Field(
        title=N_("Link"),
        max_length=MAX_PASTED_CHARACTERS,
        json_schema_extra={"input": "text", "maxlength": MAX_PASTED_CHARACTERS},
    )


@dataclass(frozen=True, kw_only=True)
class LinkExplanation:
    """All that is known about a link.

    :ivar outcome: ``alive``, or the code that the link endpoint answers with; ``status`` is the HTTP status.
    :ivar purpose: the kind it really is; the one that its address names where its signature is not valid.
    :ivar claimed_at: when one without a valid signature says it was signed; anybody can write that.
    :ivar new_email: the address that a change of address leads to.
    :ivar address_changed: since when the account of a link about an address has another one.
    :ivar events: what happened to the account since, oldest first.
    """

    outcome: str
    status: int
    cause: DoctorLine
    remarks: tuple[DoctorLine, ...] = ()
    advice: tuple[DoctorLine, ...] = ()
    purpose: str = ""
    genuine: bool = False
    link_id: str = ""
    subject: str = ""
    account: AccountSummary | None = None
    new_email: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    claimed_at: datetime | None = None
    key: KeyFact | None = None
    parts: tuple[PartFact, ...] = ()
    moved_by: LinkEvent | None = None
    address_changed: LinkEvent | None = None
    deleted_at: datetime | None = None
    invite: InviteFact | None = None
    events: tuple[LinkEvent, ...] = ()


def explain_link(uow: UnitOfWork, text: str) -> LinkExplanation:
    """Explain the link in a text: an address, a token alone, or a piece of a mail. The audit log notes that it was.

    :raises InvalidInput: there is no link in the text.
    """
    candidates = parse_link.find_candidates(text)
    if not candidates:
        raise InvalidInput.for_field("no link in it", "link", "no_link", NO_LINK_MESSAGE)
    with uow:
        candidate, claims = _find_genuine(uow.site, candidates)
        if claims:
            explanation = _explain_genuine(uow, candidate, claims)
        else:
            explanation = _explain_shared(uow, candidates) or _explain_unknown(uow, candidate)
        uow.record_event(
            LINK_EXPLAINED_EVENT,
            account_id=explanation.account.id if explanation.account else None,
            link_id=explanation.link_id or None,
            facts={"purpose": explanation.purpose, "outcome": explanation.outcome, "cause": explanation.cause.code},
        )
    return explanation


def _find_genuine(site: Site, candidates: list[LinkCandidate]) -> tuple[LinkCandidate, LinkClaims | None]:
    """Return the first candidate that some key signed for some kind, retired keys included; else the likeliest."""
    for signer in (site.link_signer, *_make_retired_signers(site)):
        for candidate in candidates:
            for link in _order_links(site, candidate.purpose):
                try:
                    return candidate, signer.verify(link, candidate.token)
                except LinkInvalid:
                    continue
    return parse_link.choose_likeliest(candidates), None


def _order_links(site: Site, purpose: str) -> Iterable[LinkKind]:
    return sorted(site.links.values(), key=lambda link: link.purpose != purpose)


def _make_retired_signers(site: Site) -> tuple[LinkSigner, ...]:
    """Return verifiers for links of keys that were dropped. They are never asked whether one of them is valid."""
    keys = [key.secret.decode() for key in site.ring.retired()]
    if not keys:
        return ()
    base = site.link_signer.page_url("")
    return (LinkSigner(TokenSigner(KeyRing(keys), base), base, site.settings.lifetimes),)


def _try_to_open(uow: UnitOfWork, candidate: LinkCandidate, kind: LinkKind | None) -> Problem | None:
    named_kind = uow.site.links.get(candidate.purpose) if candidate.purpose else kind
    if named_kind is None:
        return NotFound("no such kind of link") if candidate.purpose else LinkInvalid("of no kind")
    try:
        open_link(uow, as_link(named_kind), candidate.token)
    except Problem as problem:
        return problem
    return None


def _explain_genuine(uow: UnitOfWork, candidate: LinkCandidate, claims: LinkClaims) -> LinkExplanation:
    link, problem = claims.kind, _try_to_open(uow, candidate, claims.kind)
    subject = link_facts.find_current_subject(uow, claims)
    account_id = link_facts.find_account_id(uow, claims, subject)
    account = uow.session.get(Account, account_id) if account_id else None
    parts = link_facts.list_part_facts(uow, claims, subject, account_id)
    use_event = link_facts.find_use_event(uow, claims, account_id)
    key = key_facts.build_key_fact(uow, claims.signed_token.key)
    deleted_at = link_facts.find_deleted_at(uow, claims)
    cause = link_causes.find_cause(
        problem,
        link_causes.LinkEvidence(
            key_retired=key.state == "retired",
            mangled=not parse_link.MANGLING_REMARKS.isdisjoint(candidate.remarks),
            purpose_differs=candidate.purpose not in ("", link.purpose),
            account_gone=subject is None,
            account_disabled=bool(subject and subject.account and not subject.account.active),
            address_deleted=deleted_at is not None,
            used=use_event is not None,
            spent_state=link_facts.get_spent_state(uow, claims),
            decided=use_event is not None and link.purpose == REVIEW_PURPOSE,
        ),
    )
    move_event = next((part.event for part in parts if part.moved), None)
    remarks = _build_remarks(uow, candidate)
    if key.state == "retired":
        remarks = (*remarks, link_advice.describe_remark("forgeable"))
    if link_facts.find_resent_at(uow, claims) is not None:
        remarks = (*remarks, link_advice.describe_remark("again"))
    return LinkExplanation(
        outcome=problem.code if problem else link_causes.ALIVE,
        status=problem.status if problem else 200,
        cause=_describe_cause(uow, cause, use_event),
        remarks=remarks,
        advice=link_advice.list_advice(cause, link.purpose),
        purpose=link.purpose,
        genuine=True,
        link_id=claims.link_id,
        subject=claims.subject_id,
        account=link_facts.summarize_account(account),
        new_email=str(getattr(claims.carried, "email", "")),
        issued_at=claims.issued_at,
        expires_at=uow.site.link_signer.expires_at(claims),
        key=key,
        parts=parts,
        moved_by=use_event or move_event,
        address_changed=link_facts.find_address_change(uow, claims, account),
        deleted_at=deleted_at,
        invite=link_facts.find_invite_fact(uow, claims),
        events=link_facts.list_events_since(uow, claims, account_id),
    )


def _describe_cause(uow: UnitOfWork, cause: str, use_event: LinkEvent | None) -> DoctorLine:
    if cause != "decided" or use_event is None:
        return link_advice.describe_cause(cause)
    decider = link_facts.get_account_label(uow, use_event.actor or "")
    return link_advice.describe_cause(cause, by=decider or link_advice.ON_CONSOLE)


def _explain_shared(uow: UnitOfWork, candidates: list[LinkCandidate]) -> LinkExplanation | None:
    """Explain a link for several people, if one is there: it is about nobody, and its state is that of its places."""
    found = shared_links.find_shared_link(uow, candidates)
    if found is None:
        return None
    candidate, signed = found
    terms, problem = SHARED_INVITE.from_signed(signed), None
    try:
        check_terms(uow, terms)
    except Problem as error:
        problem = error
    is_mangled = not parse_link.MANGLING_REMARKS.isdisjoint(candidate.remarks)
    spent_state = "revoked" if shared_links.is_shared_invite_revoked(uow, terms.id) else ""
    cause = link_causes.find_cause(problem, link_causes.LinkEvidence(mangled=is_mangled, spent_state=spent_state))
    return LinkExplanation(
        outcome=problem.code if problem else link_causes.ALIVE,
        status=problem.status if problem else 200,
        cause=link_advice.describe_cause(cause),
        remarks=_build_remarks(uow, candidate),
        advice=link_advice.list_advice(cause, SHARED_INVITE.purpose),
        purpose=SHARED_INVITE.purpose,
        genuine=True,
        link_id=signed.id,
        subject=terms.title or terms.id,
        issued_at=signed.issued_at,
        expires_at=terms.ends_at,
        key=key_facts.build_key_fact(uow, signed.key),
    )


def _build_remarks(uow: UnitOfWork, candidate: LinkCandidate) -> tuple[DoctorLine, ...]:
    lines = [link_advice.describe_remark(code) for code in candidate.remarks]
    own_base = uow.site.link_signer.page_url("")
    if candidate.base and candidate.base != own_base:
        lines.append(link_advice.describe_remark("other-base", base=candidate.base, own=own_base))
    return tuple(lines)


def _explain_unknown(uow: UnitOfWork, candidate: LinkCandidate) -> LinkExplanation:
    """Explain a link without a valid signature: what can be told without believing a word of it."""
    problem = _try_to_open(uow, candidate, None) or LinkInvalid()
    claimed_at = parse_link.read_claimed_time(candidate.token)
    cause = link_causes.guess_cause(uow, candidate, claimed_at)
    known_purpose = candidate.purpose if candidate.purpose in uow.site.links else ""
    remarks = _build_remarks(uow, candidate)
    if cause.code == "elsewhere":
        remarks = tuple(line for line in remarks if line.code != "other-base")
    return LinkExplanation(
        outcome=problem.code,
        status=problem.status,
        cause=cause,
        remarks=remarks,
        advice=link_advice.list_advice(cause.code, known_purpose),
        purpose=known_purpose,
        claimed_at=claimed_at,
    )
