"""Finding a link in what somebody pasted: mail programs wrap, break, re-spell and cut what was sent.

Nothing here verifies anything, and nothing that was pasted is ever quoted.
"""

from __future__ import annotations

import html
import quopri
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from itsdangerous.encoding import base64_decode, bytes_to_int
from itsdangerous.exc import BadData

from accounts.config import LOCALES

SIGNATURE = 43
"""Characters of a signature (HMAC-SHA256 in base64url, RFC 4648 section 5)."""
MOST = 8
"""How many links of one text are looked at."""
ROUNDS = 3
"""How often an address may have been percent-encoded on its way."""
MAX_HOST = 80
PAGES = frozenset({"go", "done", "again"})
"""What stands behind a purpose where no token is."""

QUOTED_PRINTABLE, ENTITIES, WRAPPED, BROKEN = "quoted-printable", "entities", "wrapped", "broken"
INVISIBLE, DASHES, APPENDED, NO_TAIL = "invisible", "dashes", "appended", "no-tail"
MANGLED = frozenset({BROKEN, INVISIBLE, DASHES, APPENDED, NO_TAIL})
"""After these a link does not open as it stands, however alive it is."""
EMPTY, CUT, LONGER, LOWERED, CHANGED = "empty", "cut", "longer", "lowered", "changed"

_W = "[A-Za-z0-9_-]"
_SHORTENED = rf"\.?{_W}+(?:\.{_W}+){{0,2}}"
_WHOLE = rf"\.?{_W}+\.{_W}{{1,12}}\.{_W}{{{SIGNATURE}}}"
_PURPOSE = r"/l/(?P<purpose>[a-z]{1,30}(?:-[a-z]{1,30}){0,5})"
_PLACES = (
    rf"{_PURPOSE}/TOKEN(?P<tail>/go)?",
    rf"{_PURPOSE}\?(?:[^\s#]{{1,200}}&)?token=TOKEN(?P<tail>)",
    # A payload is a JSON list that begins with a text: base64 of `["`, or a compressed one.
    r"(?<![\w.%/-])(?=[Ww][Yy]|\.[Ee][Jj])TOKEN(?P<tail>)",
)
_WHOLE_ONES, _ANY = (
    tuple(re.compile(place.replace("TOKEN", f"(?P<token>{token})"), re.ASCII) for place in _PLACES)
    for token in (_WHOLE, _SHORTENED)
)
_NOTHING_LEFT = re.compile(rf"{_PURPOSE}(?:/+go(?![\w.-])|/(?![\w./-])|(?![\w/?-]))", re.ASCII)
_BASE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?P<port>:\d{1,5})?(?P<mount>(?:/[A-Za-z0-9_~-]{1,40}){0,4})"
)
_DASHES = {ord(each): "-" for each in "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"}


@dataclass(frozen=True, slots=True)
class Found:
    """One link of a text.

    :ivar token: what is left of it; "" where all of it was cut away.
    :ivar purpose: the kind that its address names; "" for a token alone.
    :ivar base: origin and mount of its address, without language; "" where none was there.
    :ivar remarks: what happened to it on its way, and was undone here.
    """

    token: str = field(repr=False)
    purpose: str = ""
    base: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Damage:
    """What a token that nobody here signed looks like. ``missing``: how many characters at least were cut off."""

    kind: str
    missing: int = 0


def find(text: str) -> list[Found]:
    """The links of a text, whole ones first, each once."""
    found: dict[tuple[str, str], Found] = {}
    for view, remarks in _views(text):
        for each in _in_view(view, remarks):
            found.setdefault((each.purpose, each.token), each)
    # A token alone, and one with an address around it, may be the same: the address tells more.
    named = {each.token for each in found.values() if each.purpose}
    kept = [each for each in found.values() if each.purpose or each.token not in named]
    return sorted(kept, key=lambda each: (not _is_whole(each.token), not each.token))[:MOST]


def likeliest(found: list[Found]) -> Found:
    """The one that somebody most likely means, where none is genuine."""
    return min(found, key=lambda each: (BROKEN in each.remarks and not _ends_well(each), not each.token))


def _ends_well(found: Found) -> bool:
    # Two lines that make a whole token with the tail of an address behind it are no chance.
    return bool(found.purpose) and NO_TAIL not in found.remarks


def damage(token: str) -> Damage:
    """What may have happened to a token that is not genuine."""
    if not token:
        return Damage(EMPTY)
    parts = token.removeprefix(".").split(".")
    signature = parts[2] if len(parts) > 2 else ""
    if len(signature) < SIGNATURE:
        return Damage(CUT, SIGNATURE - len(signature))
    if len(signature) > SIGNATURE or len(parts) > 3:
        return Damage(LONGER)
    return Damage(LOWERED if token in (token.lower(), token.upper()) else CHANGED)


def claimed_at(token: str) -> datetime | None:
    """When a token says that it was signed. Not verified: anybody may write such a moment."""
    parts = token.removeprefix(".").split(".")
    if len(parts) < 3 or len(parts[1]) > 11:
        return None
    try:
        return datetime.fromtimestamp(bytes_to_int(base64_decode(parts[1])), UTC)
    except (BadData, ValueError, OverflowError, OSError):
        return None


def _views(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The text as it is, and as it may have been before it travelled, with what was undone."""
    yield from _undone(text, ())
    if re.search(r"=\r?\n|=(?:3D|2E|2F)", text):
        plain = quopri.decodestring(text.encode()).decode("utf-8", "replace")
        yield from _undone(plain, (QUOTED_PRINTABLE,))


def _undone(text: str, remarks: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield text, remarks
    for undo, remark in ((_visible, INVISIBLE), (_dashed, DASHES), (_unescaped, ENTITIES), (_unwrapped, WRAPPED)):
        for _ in range(ROUNDS):
            plain = undo(text)
            if plain == text:
                break
            text, remarks = plain, (*remarks, remark) if remark not in remarks else remarks
            yield text, remarks
    joined = re.sub(r"\s*\n[\s>|]*|\s+", "", text)
    if joined != text:
        yield joined, (*remarks, BROKEN)


def _visible(text: str) -> str:
    return "".join(each for each in text if unicodedata.category(each) != "Cf")


def _dashed(text: str) -> str:
    return text.translate(_DASHES)


def _unescaped(text: str) -> str:
    # JSON may write a slash as \/ and any letter as \u002f.
    plain = re.sub(r"\\u00([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), text)
    return html.unescape(plain.replace("\\/", "/"))


def _unwrapped(text: str) -> str:
    if "-3A_" in text:
        # One gateway has an encoding of its own: - for %, _ for /.
        text = re.sub(r"(?<=[?&]u=)[^&\s]+", lambda found: found[0].replace("_", "/").replace("-", "%"), text)
    return unquote(text)


def _in_view(view: str, remarks: tuple[str, ...]) -> Iterator[Found]:
    # Lines are joined on suspicion: only a whole token shows that they belonged together.
    for form in _WHOLE_ONES if BROKEN in remarks else (*_WHOLE_ONES, *_ANY):
        for match in form.finditer(view):
            yield _found(view, match, remarks)
    if BROKEN not in remarks:
        for match in _NOTHING_LEFT.finditer(view):
            yield Found("", match["purpose"], _base(view, match), remarks)


def _found(view: str, match: re.Match[str], remarks: tuple[str, ...]) -> Found:
    groups = match.groupdict()
    token, purpose, tail = groups["token"], groups.get("purpose") or "", groups["tail"]
    if token in PAGES:
        return Found("", purpose, _base(view, match), remarks)
    if tail is None:
        remarks = (*remarks, NO_TAIL)
    if not tail and BROKEN not in remarks and re.match(_W, view[match.end() :]):
        remarks = (*remarks, APPENDED)
    return Found(token, purpose, _base(view, match) if purpose else "", remarks)


def _is_whole(token: str) -> bool:
    return re.fullmatch(_WHOLE, token, re.ASCII) is not None


def _base(view: str, match: re.Match[str]) -> str:
    before = view[max(0, match.start() - 300) : match.start()]
    start, _, rest = before.rpartition("://")
    scheme = re.search(r"https?$", start, re.IGNORECASE)
    base = _BASE.fullmatch(rest)
    # No token is as short as this: a host that is shown cannot smuggle one out.
    if scheme is None or base is None or len(rest) > MAX_HOST:
        return ""
    origin = f"{scheme[0]}://{base['host']}{base['port'] or ''}".lower()
    parts = base["mount"].split("/")
    return origin + "/".join(parts[:-1] if parts[-1] in (*LOCALES, "api") else parts)
