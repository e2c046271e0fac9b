"""A mailed link, and what becomes of its text on the way: rewritten, cut, with a full stop at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

GATEWAY_URL = "https://gateway.example/v2/"
MIN_TOKEN_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class MailedLink:
    """A link as it stands in a mail.

    :ivar token: the secret part, as it stands decoded.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str, token: str | None = None) -> MailedLink:
        """Return a link whose token is the longest part of its path and query, unless it is given.

        :raises ValueError: no whole address, or nothing in it looks like a token.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the link is no whole http(s) address")
        pieces = [unquote(each) for each in parts.path.split("/")]
        pieces += [value for _, value in parse_qsl(parts.query)]
        secret = token or max(pieces, key=len)
        if len(secret) < MIN_TOKEN_CHARACTERS:
            raise ValueError("nothing in the link looks like a token; say which part it is: token=...")
        return cls(url, secret)

    def is_token_in(self, text: str) -> bool:
        """Whether the token can be read in a text, as it is or percent-encoded."""
        return self.token in text or (self.token in unquote(text))

    def redact(self, text: str) -> str:
        """Return a text without the token."""
        for secret in (self.token, quote(self.token, safe="")):
            text = text.replace(secret, "<token>")
        # Cut ones, too: two thirds of a token are still most of a secret.
        start = self.token[: max(MIN_TOKEN_CHARACTERS, len(self.token) // 2)]
        return re.sub(re.escape(start) + r"[\w.~%:=-]*", "<part of token>", text)

    def iter_rewritten(self) -> Iterator[tuple[str, str]]:
        """Yield the link as rewriting gateways hand it on: what they did, and the address that is asked."""
        wrapped = (
            f"{GATEWAY_URL}?{urlencode({'url': self.url, 'data': '05|02|someone@example.org', 'reserved': '0'})}"
        )
        unwrapped = parse_qs(urlsplit(wrapped).query)["url"][0]
        yield "wrapped and unwrapped", unwrapped
        yield "with a campaign parameter", add_query(unwrapped, utm_source="newsletter")
        yield "with the gateway's own parameters", add_query(unwrapped, data="05|02|x", sdata="x/y=", reserved="0")
        yield "percent-escapes in lower case", re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), self.url)
        parts = urlsplit(self.url)
        escapes = {character: f"%{ord(character):02x}" for character in "-_.~"}
        escaped = "".join(escapes.get(each, each) for each in parts.path)
        # RFC 3986 6.2.2.2: the same address, spelt otherwise.
        yield "unreserved characters escaped", urlunsplit(parts._replace(path=escaped))

    def iter_cut(self) -> Iterator[tuple[str, str]]:
        """Yield the link with its end missing: what is missing, and the address that is asked."""
        origin_characters = len(urlsplit(self.url).scheme + "://" + urlsplit(self.url).netloc) + 1
        for missing in range(1, 11):
            if len(self.url) - missing > origin_characters:
                yield f"{missing} at the end missing", self.url[:-missing]
        start = self.url.find(self.token)
        token_indexes = range(start, start + len(self.token)) if start >= 0 else range(0)
        for index in [each for each in token_indexes if self.url[each] in "-_"][-6:]:
            yield f"cut at a {self.url[index]!r}", self.url[:index]

    def iter_with_punctuation(self) -> Iterator[tuple[str, str]]:
        """Yield the link with punctuation of the text around it."""
        for character in ".>),":
            yield f"with a {character!r} at its end", self.url + character


def add_query(url: str, **params: str) -> str:
    """Return an address with further query parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(params))))))
