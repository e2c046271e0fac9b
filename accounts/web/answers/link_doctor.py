"""What the link doctor answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.flows.helpdesk.links.advice import DoctorLine
from accounts.flows.helpdesk.links.explain import LinkExplanation
from accounts.web.answers.base import Answer, Timestamp


class DoctorLineOut(Answer):
    """One thing that the link doctor says: a stable code, and a sentence."""

    code: str
    text: str


class AccountSummaryOut(Answer):
    """An account, as far as it matters for a link or a letter."""

    id: str
    email: str
    active: bool


class LinkEventOut(Answer):
    """Something that happened since a link was signed, ``after`` so many seconds, ``by_link`` or otherwise."""

    at: Timestamp
    kind: str
    network: str
    actor: str | None
    by_link: bool
    after: int


class PartFactOut(Answer):
    """A part of the state that a link binds. ``moved`` is null where nobody can tell any more."""

    name: str
    moved: bool | None
    event: LinkEventOut | None


class InviteFactOut(Answer):
    """The invitation of a link. ``listed``: stands in the list of invitations."""

    id: str
    state: str
    listed: bool
    inviter: str
    groups: tuple[str, ...]
    sent: int
    decided_at: Timestamp | None
    decided_by: str


class KeyFactOut(Answer):
    """The key that signed a link. ``number`` counts from the oldest; 0 for one that was dropped."""

    name: str
    number: int
    state: str
    since: Timestamp | None


class LinkExplanationOut(Answer):
    """All that is known about a link. ``outcome`` is ``alive`` or the code that its address answers with."""

    outcome: str
    status: int
    cause: DoctorLineOut
    remarks: tuple[DoctorLineOut, ...]
    advice: tuple[DoctorLineOut, ...]
    purpose: str
    genuine: bool
    link_id: str
    subject: str
    account: AccountSummaryOut | None
    new_email: str
    issued_at: Timestamp | None
    expires_at: Timestamp | None
    claimed_at: Timestamp | None
    key: KeyFactOut | None
    parts: tuple[PartFactOut, ...]
    moved_by: LinkEventOut | None
    address_changed: LinkEventOut | None
    deleted_at: Timestamp | None
    invite: InviteFactOut | None
    events: tuple[LinkEventOut, ...]

    @classmethod
    def from_explanation(cls, explanation: LinkExplanation, translate: Callable[..., str]) -> LinkExplanationOut:
        """Return the answer about an explained link.

        :param translate: puts a message and its values into the language of the answer.
        """

        def say(line: DoctorLine) -> DoctorLineOut:
            return DoctorLineOut(code=line.code, text=translate(line.text, **line.values))

        fields: dict[str, Any] = {name: getattr(explanation, name) for name in cls.model_fields}
        fields["cause"] = say(explanation.cause)
        fields["remarks"] = tuple(map(say, explanation.remarks))
        fields["advice"] = tuple(map(say, explanation.advice))
        return cls.model_validate(fields)
