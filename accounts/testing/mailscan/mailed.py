"""A mailed link, and what becomes of its text on the way: rewritten, cut, with a full stop at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

GATEWAY = "https://gateway.example/v2/"
SHORTEST_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Mailed:
    """A link as it stands in a mail.

    :ivar token: the secret part, as it stands decoded.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of(cls, url: str, token: str | None = None) -> Mailed:
        """A link whose token is the longest part of its path and query, unless it is given.

        :raises ValueError: no whole address, or nothing in it looks like a token.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the link is no whole http(s) address")
        pieces = [unquote(each) for each in parts.path.split("/")]
        pieces += [value for _, value in parse_qsl(parts.query)]
        found = token or max(pieces, key=len)
        if len(found) < SHORTEST_TOKEN:
            raise ValueError("nothing in the link looks like a token; say which part it is: token=...")
        return cls(url, found)

    def stands_in(self, text: str) -> bool:
        """Whether the token can be read in a text, as it is or percent-encoded."""
        return self.token in text or (self.token in unquote(text))

    def blot(self, text: str) -> str:
        """A text without the token."""
        for secret in (self.token, quote(self.token, safe="")):
            text = text.replace(secret, "<token>")
        # Cut ones, too: two thirds of a token are still most of a secret.
        start = self.token[: max(SHORTEST_TOKEN, len(self.token) // 2)]
        return re.sub(re.escape(start) + r"[\w.~%:=-]*", "<part of token>", text)

    def rewritten(self) -> Iterator[tuple[str, str]]:
        """The link as rewriting gateways hand it on: what they did, and the address that is asked."""
        wrapped = f"{GATEWAY}?{urlencode({'url': self.url, 'data': '05|02|someone@example.org', 'reserved': '0'})}"
        given = parse_qs(urlsplit(wrapped).query)["url"][0]
        yield "wrapped and unwrapped", given
        yield "with a campaign parameter", with_query(given, utm_source="newsletter")
        yield "with the gateway's own parameters", with_query(given, data="05|02|x", sdata="x/y=", reserved="0")
        yield "percent-escapes in lower case", re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), self.url)
        parts = urlsplit(self.url)
        marks = {mark: f"%{ord(mark):02x}" for mark in "-_.~"}
        escaped = "".join(marks.get(each, each) for each in parts.path)
        # RFC 3986 6.2.2.2: the same address, spelt otherwise.
        yield "unreserved characters escaped", urlunsplit(parts._replace(path=escaped))

    def cut(self) -> Iterator[tuple[str, str]]:
        """The link with its end missing: what is missing, and the address that is asked."""
        whole = len(urlsplit(self.url).scheme + "://" + urlsplit(self.url).netloc) + 1
        for missing in range(1, 11):
            if len(self.url) - missing > whole:
                yield f"{missing} at the end missing", self.url[:-missing]
        start = self.url.find(self.token)
        within = range(start, start + len(self.token)) if start >= 0 else range(0)
        for at in [each for each in within if self.url[each] in "-_"][-6:]:
            yield f"cut at a {self.url[at]!r}", self.url[:at]

    def with_tail(self) -> Iterator[tuple[str, str]]:
        """The link with punctuation of the text around it."""
        for mark in ".>),":
            yield f"with a {mark!r} at its end", self.url + mark


def with_query(url: str, **more: str) -> str:
    """An address with further query parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(more))))))
