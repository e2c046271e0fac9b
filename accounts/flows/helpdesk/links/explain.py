"""The link doctor: why a link that somebody sent in does not work, and what to do about it.

The verdict is that of the door itself. Neither the link nor a secret is quoted: what the doctor says opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from accounts.core.errors import N_, FieldError, InvalidInput, LinkInvalid, NotFound, Problem
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.links.link import Link, LinkClaims
from accounts.core.links.opening import open_link
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.tokens import TokenSigner
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import causes as link_causes
from accounts.flows.helpdesk.links import facts as link_facts
from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links.advice import Line
from accounts.flows.helpdesk.links.facts import EXPLAINED, Event, InviteFact, KeyFact, PartFact, Somebody
from accounts.flows.helpdesk.links.parse import Found
from accounts.flows.shared.fields import Form

MAX_CHARACTERS = 4000
NO_LINK = N_("There is no link in this text.")


class ExplainLink(Form):
    """What somebody pasted: a link, a token, or a piece of either."""

    link: str = Field(
        title=N_("Link"),
        max_length=MAX_CHARACTERS,
        json_schema_extra={"input": "text", "maxlength": MAX_CHARACTERS},
    )


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that is known about a link.

    :ivar outcome: ``alive``, or the code that the door of its address answers with; ``status`` is the HTTP status.
    :ivar purpose: the kind it really is; the one that its address names where it is not genuine.
    :ivar claimed_at: when one that is not genuine says it was signed; anybody can write that.
    :ivar new_email: the address that a change of address leads to.
    :ivar events: what happened to the account since, oldest first.
    """

    outcome: str
    status: int
    cause: Line
    remarks: tuple[Line, ...] = ()
    advice: tuple[Line, ...] = ()
    purpose: str = ""
    genuine: bool = False
    link_id: str = ""
    subject: str = ""
    account: Somebody | None = None
    new_email: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    claimed_at: datetime | None = None
    key: KeyFact | None = None
    parts: tuple[PartFact, ...] = ()
    moved_by: Event | None = None
    deleted_at: datetime | None = None
    invite: InviteFact | None = None
    events: tuple[Event, ...] = ()


def explain(uow: UnitOfWork, text: str) -> Explanation:
    """Explain the link in a text: an address, a token alone, or a piece of a mail. The audit log notes that it was.

    :raises InvalidInput: there is no link in the text.
    """
    candidates = parse_link.find(text)
    if not candidates:
        raise InvalidInput("no link in it", fields=[FieldError("link", "no_link", NO_LINK, {})])
    with uow:
        found, said = _read(uow.site, candidates)
        explained = _explained(uow, found, said) if said else _unknown(uow, found)
        uow.record_event(
            EXPLAINED,
            account_id=explained.account.id if explained.account else None,
            link_id=explained.link_id or None,
            facts={"purpose": explained.purpose, "outcome": explained.outcome, "cause": explained.cause.code},
        )
    return explained


def _read(house: Site, candidates: list[Found]) -> tuple[Found, LinkClaims | None]:
    """The first candidate that is genuine for any kind, by a key of the ring or a retired one; else the likeliest."""
    for signer in (house.link_signer, *_retired(house)):
        for found in candidates:
            for link in _kinds(house, found.purpose):
                try:
                    return found, signer.verify(link, found.token)
                except LinkInvalid:
                    continue
    return parse_link.likeliest(candidates), None


def _kinds(house: Site, named: str) -> Iterable[Link]:
    return sorted(house.links.values(), key=lambda link: link.purpose != named)


def _retired(house: Site) -> tuple[LinkSigner, ...]:
    """A reader of links of keys that were dropped. It is never asked whether one of them opens."""
    keys = [key.secret.decode() for key in house.ring.retired()]
    if not keys:
        return ()
    base = house.link_signer.page_url("")
    return (LinkSigner(TokenSigner(KeyRing(keys), base), base, house.settings.lifetimes),)


def _ask_the_door(uow: UnitOfWork, found: Found, link: Link | None) -> Problem | None:
    named = uow.site.links.get(found.purpose) if found.purpose else link
    if named is None:
        return NotFound("no such kind of link") if found.purpose else LinkInvalid("of no kind")
    try:
        open_link(uow, named, found.token)
    except Problem as problem:
        return problem
    return None


def _explained(uow: UnitOfWork, found: Found, said: LinkClaims) -> Explanation:
    link, problem = said.link, _ask_the_door(uow, found, said.link)
    subject = link_facts.subject_of(uow, said)
    account_id = link_facts.account_id_of(said, subject)
    parts = link_facts.parts_of(uow, said, subject)
    used = link_facts.used_by(uow, said, account_id)
    key = link_facts.key_of(uow, said.signed_token.key)
    deleted_at = link_facts.deleted_at(uow, said)
    cause = link_causes.of_genuine(
        problem,
        link_causes.Evidence(
            retired=key.state == "retired",
            mangled=not parse_link.MANGLED.isdisjoint(found.remarks),
            misnamed=found.purpose not in ("", link.purpose),
            gone=subject is None,
            disabled=bool(subject and subject.account and not subject.account.active),
            deleted=deleted_at is not None,
            used=used is not None,
            spent=link_facts.spent_of(uow, said),
        ),
    )
    moved = next((part.event for part in parts if part.moved), None)
    remarks = _remarks(uow, found)
    if key.state == "retired":
        remarks = (*remarks, link_advice.remark("forgeable"))
    if link_facts.asked_again(uow, said) is not None:
        remarks = (*remarks, link_advice.remark("again"))
    return Explanation(
        outcome=problem.code if problem else link_causes.ALIVE,
        status=problem.status if problem else 200,
        cause=link_advice.why(cause),
        remarks=remarks,
        advice=link_advice.advice(cause, link.purpose),
        purpose=link.purpose,
        genuine=True,
        link_id=said.link_id,
        subject=said.subject_id,
        account=link_facts.somebody(subject.account) if subject else None,
        new_email=str(getattr(said.carried, "email", "")),
        issued_at=said.issued_at,
        expires_at=uow.site.link_signer.expires_at(said),
        key=key,
        parts=parts,
        moved_by=used or moved,
        deleted_at=deleted_at,
        invite=link_facts.invite_of(uow, said),
        events=link_facts.events_since(uow, said, account_id),
    )


def _remarks(uow: UnitOfWork, found: Found) -> tuple[Line, ...]:
    lines = [link_advice.remark(code) for code in found.remarks]
    own = uow.site.link_signer.page_url("")
    if found.base and found.base != own:
        lines.append(link_advice.remark("other-base", base=found.base, own=own))
    return tuple(lines)


def _unknown(uow: UnitOfWork, found: Found) -> Explanation:
    """One that nobody here signed, or not so: what can be told without believing a word of it."""
    problem = _ask_the_door(uow, found, None) or LinkInvalid()
    claimed = parse_link.claimed_at(found.token)
    cause = link_causes.of_unknown(uow, found, claimed)
    known = found.purpose if found.purpose in uow.site.links else ""
    remarks = _remarks(uow, found)
    if cause.code == "elsewhere":
        remarks = tuple(line for line in remarks if line.code != "other-base")
    return Explanation(
        outcome=problem.code,
        status=problem.status,
        cause=cause,
        remarks=remarks,
        advice=link_advice.advice(cause.code, known),
        purpose=known,
        claimed_at=claimed,
    )
