"""Signing links and reading them. Knows no database."""

from __future__ import annotations

import hmac
from base64 import b85decode, b85encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from accounts.core.clock import LEEWAY
from accounts.core.errors import LinkInvalid
from accounts.core.link_kinds.parts import TAG_BYTES, Part, Subject
from accounts.core.links.link import Link, Nothing, Sentence
from accounts.core.signing.keys import Key
from accounts.core.signing.tokens import Envelope, Unreadable


class Signer:
    """Signs links of one installation and reads them. Knows no database.

    :param base_url: origin and mount path under which the pages stand, without trailing slash.
    """

    def __init__(self, envelope: Envelope, base_url: str, lifetimes: Mapping[str, timedelta]) -> None:
        self._envelope = envelope
        self._base_url = base_url
        self._lifetimes = lifetimes

    def lives(self, link: Link) -> timedelta:
        """How long links of this kind live here."""
        return self._lifetimes.get(link.purpose, link.lives)

    def sign(self, link: Link, subject: Subject, carried: BaseModel | None = None, *, key: Key | None = None) -> str:
        """A token that says: as of this state of ``subject``, do this.

        :param key: the key of the ring to sign with; by default the one that signs now.
        """
        # One key for tags and signature: the ring may move on to the next one between the two.
        key = key or self._envelope.ring.signing
        tags = self._tags(link, subject, key)
        values = list((carried or Nothing()).model_dump(mode="json").values())
        # Tags stand before the subject in one string: their length is known from the declaration, and the six
        # characters that a list of two would cost keep a reset link under 150.
        says = [b85encode(tags).decode() + subject.id, *values]
        return self._envelope.seal(link.purpose, link.version, says, key=key)

    def url(self, link: Link, token: str) -> str:
        """The address to mail. Its tail keeps mail programs from cutting a token that ends in ``-`` or ``_``."""
        return f"{self._base_url}/l/{link.purpose}/{token}/go"

    def page(self, path: str) -> str:
        """The full address of a page of this installation."""
        return f"{self._base_url}{path}"

    def read(self, link: Link, token: object) -> Sentence:
        """What a token says, when it is a genuine one of this kind.

        :raises LinkInvalid: it is not.
        """
        if not isinstance(token, str):
            raise LinkInvalid("not a text")
        try:
            statement = self._envelope.open(link.purpose, link.version, token)
        except Unreadable as why:
            raise LinkInvalid(str(why)) from None
        width = len(b85encode(bytes(TAG_BYTES * len(link.dies_with))))
        try:
            head, *values = statement.payload
            if len(values) > len(link.carries.model_fields):
                raise ValueError("says more than this kind carries")
            carried = link.carries.model_validate(dict(zip(link.carries.model_fields, values, strict=False)))
            return Sentence(link, head[width:], b85decode(head[:width]), carried, statement)
        except (ValueError, TypeError, ValidationError):
            raise LinkInvalid("genuine, but of another layout") from None

    def moved(self, sentence: Sentence, subject: Subject) -> tuple[Part, ...]:
        """The bound parts that are not what they were when the link was signed."""
        fresh = self._tags(sentence.link, subject, sentence.statement.key)
        return tuple(
            part
            for number, part in enumerate(sentence.link.dies_with)
            if not hmac.compare_digest(_slot(fresh, number), _slot(sentence.tags, number))
        )

    def expires_at(self, sentence: Sentence) -> datetime:
        """When it ends by age. A link may carry an end of its own (``expires``, seconds since 1970)."""
        own = getattr(sentence.carried, "expires", None)
        by_age = sentence.issued_at + self.lives(sentence.link)
        return by_age if own is None else datetime.fromtimestamp(own, by_age.tzinfo)

    def keep_spent_until(self, expires_at: datetime) -> datetime:
        """Until when a spent id must be remembered: nothing signed may outlive its mark."""
        return expires_at + LEEWAY + timedelta(seconds=300)

    def _tags(self, link: Link, subject: Subject, key: Key) -> bytes:
        # Under the very key that signs (or signed) the link, so that dropping a key ends both at once.
        return b"".join(
            self._envelope.tag(key, [link.purpose, subject.id, part.name, part.read(subject)], TAG_BYTES)
            for part in link.dies_with
        )


def _slot(tags: bytes, number: int) -> bytes:
    return tags[number * TAG_BYTES : (number + 1) * TAG_BYTES]
