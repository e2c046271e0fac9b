"""Sign links and verify them. Nothing here connects to a database."""

from __future__ import annotations

import hmac
import re
from base64 import b85decode, b85encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from accounts.core.clock import LEEWAY
from accounts.core.link_errors import LinkInvalid
from accounts.core.link_kinds.kind import EmptyModel, LinkClaims, LinkKind
from accounts.core.link_kinds.parts import TAG_BYTES, StatePart, Subject
from accounts.core.signing.keys import Key
from accounts.core.signing.token_kind import BadToken
from accounts.core.signing.tokens import TokenSigner

_CUT_TAIL = re.compile(r"[^A-Za-z0-9_-]+\Z", re.ASCII)


class LinkSigner:
    """Signs links of one installation and verifies them.

    :param base_url: origin and mount path under which the pages stand, without trailing slash.
    """

    def __init__(self, signer: TokenSigner, base_url: str, lifetimes: Mapping[str, timedelta]) -> None:
        self._signer = signer
        self._base_url = base_url
        self._lifetimes = lifetimes

    def lifetime(self, kind: LinkKind) -> timedelta:
        """Return how long links of this kind are valid here."""
        return self._lifetimes.get(kind.purpose, kind.lifetime)

    def sign(
        self, kind: LinkKind, subject: Subject, carried: BaseModel | None = None, *, key: Key | None = None
    ) -> str:
        """Sign a token that says: as of this state of ``subject``, do this.

        :param carried: what the link says beside its subject, of the kind's ``carries`` model.
        :param key: the key of the ring to sign with; by default the one that signs now.
        """
        # One key for tags and signature: the ring may move on to the next one between the two.
        key = key or self._signer.ring.signing
        tags = self._tags(kind, subject, key)
        values = list((carried or EmptyModel()).model_dump(mode="json").values())
        # Tags stand before the subject in one string: their length is known from the declaration, and the six
        # characters that a list of two would cost keep a reset link under 150.
        payload = [b85encode(tags).decode() + subject.id, *values]
        return self._signer.sign_payload(kind.purpose, kind.version, payload, key=key)

    def link_url(self, kind: LinkKind, token: str) -> str:
        """Return the address to mail. Its tail keeps mail programs from cutting tokens that end in ``-`` or ``_``."""
        return f"{self._base_url}/l/{kind.purpose}/{token}/go"

    @staticmethod
    def token_in_path(path: str) -> str:
        """Return the token in what stands behind the purpose in the address of a link.

        Carriers cut the tail off, write it in capitals, or take a full stop or a bracket along. The tail says
        nothing, whatever has become of it; the token is returned as it stands there.

        :param path: what follows ``/l/<purpose>/``, decoded.
        """
        token, slash, _ = path.partition("/")
        return token if slash else _CUT_TAIL.sub("", token)

    def page_url(self, path: str) -> str:
        """Return the full address of a page of this installation."""
        return f"{self._base_url}{path}"

    def verify(self, kind: LinkKind, token: object) -> LinkClaims:
        """Verify the signature of a token, and return what it says.

        :raises LinkInvalid: it was not signed here for this kind.
        """
        if not isinstance(token, str):
            raise LinkInvalid("not a text")
        try:
            signed_token = self._signer.verify_payload(kind.purpose, kind.version, token)
        except BadToken as error:
            raise LinkInvalid(str(error)) from None
        width = len(b85encode(bytes(TAG_BYTES * len(kind.dies_with))))
        try:
            head, *values = signed_token.payload
            if len(values) > len(kind.carries.model_fields):
                raise ValueError("says more than this kind carries")
            carried = kind.carries.model_validate(dict(zip(kind.carries.model_fields, values, strict=False)))
            return LinkClaims(kind, head[width:], b85decode(head[:width]), carried, signed_token)
        except (ValueError, TypeError, ValidationError):
            raise LinkInvalid("genuine, but of another layout") from None

    def moved_parts(self, claims: LinkClaims, subject: Subject) -> tuple[StatePart, ...]:
        """Return the bound parts that are not what they were when the link was signed."""
        current_tags = self._tags(claims.kind, subject, claims.signed_token.key)
        return tuple(
            part
            for number, part in enumerate(claims.kind.dies_with)
            if not hmac.compare_digest(_tag_at(current_tags, number), _tag_at(claims.tags, number))
        )

    def expires_at(self, claims: LinkClaims) -> datetime:
        """Return when a link expires. It may have an end of its own (``expires``, seconds since 1970)."""
        expires = getattr(claims.carried, "expires", None)
        by_age = claims.issued_at + self.lifetime(claims.kind)
        return by_age if expires is None else datetime.fromtimestamp(expires, by_age.tzinfo)

    def keep_spent_until(self, expires_at: datetime) -> datetime:
        """Return until when a used id must be kept: no signed link may outlive its mark."""
        return expires_at + LEEWAY + timedelta(seconds=300)

    def _tags(self, kind: LinkKind, subject: Subject, key: Key) -> bytes:
        # Under the very key that signs (or signed) the link, so that dropping a key ends both at once.
        return b"".join(
            self._signer.tag(key, [kind.purpose, subject.id, part.name, part.read(subject)], TAG_BYTES)
            for part in kind.dies_with
        )


def _tag_at(tags: bytes, number: int) -> bytes:
    return tags[number * TAG_BYTES : (number + 1) * TAG_BYTES]
