"""Ask before something is lost: one page for all acts that take something away.

The route of the act has ``template=ASK_TEMPLATE`` and a ``context`` that returns :func:`ask`. A browser gets the page
by GET at the address of the act, to which the button on the page before is a link; the form on it sends the act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.core.messages import Message

ASK_TEMPLATE = "ask.html"


@dataclass(frozen=True, slots=True)
class Question:
    """What the page says.

    :ivar title: the act as a question or as verb and object: "Revoke 3 invitations?".
    :ivar effects: what will happen, to whom and to how many, and what cannot be undone; a paragraph each.
    :ivar button: the act again, verb and object. Never "OK".
    :ivar action: where the form leads: the address of this page.
    :ivar back: where "Cancel" leads.
    :ivar hidden: fields that the form sends along; of a list a pair for each value.
    :ivar subjects: what it is about, by name: the first of a long list.
    :ivar further: how many there are beside these.
    :ivar is_admin: whether it is one of the pages of admins.
    :ivar is_danger: whether something is lost for those whom it is about.
    """

    title: Message
    effects: Sequence[Message]
    button: Message
    action: str
    back: str
    hidden: Sequence[tuple[str, str]] = ()
    subjects: Sequence[str] = ()
    further: int = 0
    is_admin: bool = True
    is_danger: bool = True


def ask(title: Message, *effects: Message, button: Message, action: str, back: str, **options: Any) -> dict[str, Any]:
    """Return the context of the page that asks.

    :param options: of :class:`Question`.
    """
    return {"question": Question(title, effects, button, action, back, **options)}
