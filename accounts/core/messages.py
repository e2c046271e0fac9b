"""Public texts with what fills them in. The English text is the key of its translations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


def N_(text: str) -> str:  # noqa: N802 - gettext calls its mark so, and extractors look for it
    """Mark a public text for translation, as gettext does, and return it unchanged."""
    return text


class PluralText(NamedTuple):
    """A public text about ``%(count)s`` things, for one of them and for several."""

    one: str
    many: str


def nN_(one: str, many: str) -> PluralText:  # noqa: N802 - as N_
    """Mark a public text about ``%(count)s`` things for translation, as ``ngettext`` takes it."""
    return PluralText(one, many)


@dataclass(frozen=True, slots=True)
class Message:
    """A public text and the values of its placeholders; of a plural text ``count`` is one of them."""

    text: str | PluralText
    values: Mapping[str, Any] = field(default_factory=dict)


def make_message(text: str | PluralText, /, **values: Any) -> Message:
    """Return a message: ``make_message(N_("Invitation sent to %(email)s."), email=email)``."""
    return Message(text, values)
