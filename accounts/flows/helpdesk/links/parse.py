"""Finding a link in what somebody pasted: mail programs wrap, break, re-spell and cut what was sent.

Nothing here verifies anything, and nothing that was pasted is ever quoted.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from itsdangerous.encoding import base64_decode, bytes_to_int
from itsdangerous.exc import BadData

from accounts.config import LOCALES

SIGNATURE_CHARACTERS = 43
"""Characters of a signature (HMAC-SHA256 in base64url, RFC 4648 section 5)."""
MAX_CANDIDATES = 8
"""How many links of one text are looked at."""
MAX_DECODING_ROUNDS = 3
"""How often an address may have been percent-encoded on its way."""
MAX_HOST_CHARACTERS = 80
PAGE_SEGMENTS = frozenset({"go", "done", "again"})
"""What stands behind a purpose where no token is."""

QUOTED_PRINTABLE, WRAPPED, BROKEN = "quoted-printable", "wrapped", "broken"
APPENDED, NO_TAIL = "appended", "no-tail"
MANGLING_REMARKS = frozenset({BROKEN, APPENDED})
"""After these a link does not open as it stands, however alive it is."""
EMPTY, CUT, LONGER, LOWERED, CHANGED = "empty", "cut", "longer", "lowered", "changed"

_TOKEN_CHARACTER = "[A-Za-z0-9_-]"  # noqa: S105 - a pattern
_PARTIAL_TOKEN = rf"\.?{_TOKEN_CHARACTER}+(?:\.{_TOKEN_CHARACTER}+){{0,2}}"
_WHOLE_TOKEN = rf"\.?{_TOKEN_CHARACTER}+\.{_TOKEN_CHARACTER}{{1,12}}\.{_TOKEN_CHARACTER}{{{SIGNATURE_CHARACTERS}}}"
_PURPOSE_PATH = r"/l/(?P<purpose>[a-z]{1,30}(?:-[a-z]{1,30}){0,5})"
_LINK_SHAPES = (
    rf"{_PURPOSE_PATH}/TOKEN(?P<tail>/go)?",
    rf"{_PURPOSE_PATH}\?(?:[^\s#]{{1,200}}&)?token=TOKEN(?P<tail>)",
    # A link for several people, which has an address of its own.
    r"/join/TOKEN(?P<tail>/go)?",
    r"/join\?(?:[^\s#]{1,200}&)?token=TOKEN(?P<tail>)",
    # A payload is a JSON list that begins with a text: base64 of `["`, or a compressed one.
    r"(?<![\w.%/-])(?=[Ww][Yy]|\.[Ee][Jj])TOKEN(?P<tail>)",
)
_WHOLE_LINK_PATTERNS, _PARTIAL_LINK_PATTERNS = (
    tuple(re.compile(place.replace("TOKEN", f"(?P<token>{token})"), re.ASCII) for place in _LINK_SHAPES)
    for token in (_WHOLE_TOKEN, _PARTIAL_TOKEN)
)
_TOKENLESS_LINK_PATTERN = re.compile(rf"{_PURPOSE_PATH}(?:/+go(?![\w.-])|/(?![\w./-])|(?![\w/?-]))", re.ASCII)
_BASE_PATTERN = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?P<port>:\d{1,5})?(?P<mount>(?:/[A-Za-z0-9_~-]{1,40}){0,4})"
)


@dataclass(frozen=True, slots=True)
class LinkCandidate:
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
class TokenDamage:
    """What a token that nobody here signed looks like. ``missing``: how many characters at least were cut off."""

    kind: str
    missing: int = 0


def find_candidates(text: str) -> list[LinkCandidate]:
    """Return the links in a text, whole ones first, each once."""
    candidates: dict[tuple[str, str], LinkCandidate] = {}
    for view, remarks in _iter_views(text):
        for each in _find_in_view(view, remarks):
            candidates.setdefault((each.purpose, each.token), each)
    # A token alone, and one with an address around it, may be the same: the address tells more.
    named_tokens = {each.token for each in candidates.values() if each.purpose}
    distinct_candidates = [each for each in candidates.values() if each.purpose or each.token not in named_tokens]
    return sorted(distinct_candidates, key=lambda each: (not _is_whole_token(each.token), not each.token))[
        :MAX_CANDIDATES
    ]


def choose_likeliest(candidates: list[LinkCandidate]) -> LinkCandidate:
    """Return the candidate that is most likely meant, where none has a valid signature."""
    return min(candidates, key=lambda each: (BROKEN in each.remarks and not _has_tail(each), not each.token))


def _has_tail(candidate: LinkCandidate) -> bool:
    # Two lines that make a whole token with the tail of an address behind it are no chance.
    return bool(candidate.purpose) and NO_TAIL not in candidate.remarks


def assess_damage(token: str) -> TokenDamage:
    """Return what may have happened to a token without a valid signature."""
    if not token:
        return TokenDamage(EMPTY)
    parts = token.removeprefix(".").split(".")
    signature = parts[2] if len(parts) > 2 else ""
    if len(signature) < SIGNATURE_CHARACTERS:
        return TokenDamage(CUT, SIGNATURE_CHARACTERS - len(signature))
    if len(signature) > SIGNATURE_CHARACTERS or len(parts) > 3:
        return TokenDamage(LONGER)
    return TokenDamage(LOWERED if token in (token.lower(), token.upper()) else CHANGED)


def read_claimed_time(token: str) -> datetime | None:
    """Return when a token says that it was signed. Not verified: anybody may write that."""
    parts = token.removeprefix(".").split(".")
    if len(parts) < 3 or len(parts[1]) > 11:
        return None
    try:
        return datetime.fromtimestamp(bytes_to_int(base64_decode(parts[1])), UTC)
    except (BadData, ValueError, OverflowError, OSError):
        return None


def _iter_views(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the text as it is, and as it may have been before it travelled, with what was undone."""
    yield from _iter_decoded(text, ())
    if re.search(r"=\r?\n|=(?:3D|2E|2F)", text):
        decoded = quopri.decodestring(text.encode()).decode("utf-8", "replace")
        yield from _iter_decoded(decoded, (QUOTED_PRINTABLE,))


def _iter_decoded(text: str, remarks: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield text, remarks
    was_wrapped = False
    for _ in range(MAX_DECODING_ROUNDS):
        unwrapped = _unwrap(text)
        if unwrapped == text:
            break
        text, remarks, was_wrapped = unwrapped, remarks if was_wrapped else (*remarks, WRAPPED), True
        yield text, remarks
    joined = re.sub(r"\s*\n[\s>|]*|\s+", "", text)
    if joined != text:
        yield joined, (*remarks, BROKEN)


def _unwrap(text: str) -> str:
    if "-3A_" in text:
        # One gateway has an encoding of its own: - for %, _ for /.
        text = re.sub(r"(?<=[?&]u=)[^&\s]+", lambda found: found[0].replace("_", "/").replace("-", "%"), text)
    return unquote(text)


def _find_in_view(view: str, remarks: tuple[str, ...]) -> Iterator[LinkCandidate]:
    # Lines are joined on suspicion: only a whole token shows that they belonged together.
    for pattern in _WHOLE_LINK_PATTERNS if BROKEN in remarks else (*_WHOLE_LINK_PATTERNS, *_PARTIAL_LINK_PATTERNS):
        for match in pattern.finditer(view):
            yield _build_candidate(view, match, remarks)
    if BROKEN not in remarks:
        for match in _TOKENLESS_LINK_PATTERN.finditer(view):
            yield LinkCandidate("", match["purpose"], _parse_base(view, match), remarks)


def _build_candidate(view: str, match: re.Match[str], remarks: tuple[str, ...]) -> LinkCandidate:
    groups = match.groupdict()
    token, purpose, tail = groups["token"], groups.get("purpose") or "", groups["tail"]
    if token in PAGE_SEGMENTS:
        return LinkCandidate("", purpose, _parse_base(view, match), remarks)
    if tail is None:
        remarks = (*remarks, NO_TAIL)
    if not tail and BROKEN not in remarks and re.match(_TOKEN_CHARACTER, view[match.end() :]):
        remarks = (*remarks, APPENDED)
    return LinkCandidate(token, purpose, _parse_base(view, match) if purpose else "", remarks)


def _is_whole_token(token: str) -> bool:
    return re.fullmatch(_WHOLE_TOKEN, token, re.ASCII) is not None


def _parse_base(view: str, match: re.Match[str]) -> str:
    preceding_text = view[max(0, match.start() - 300) : match.start()]
    start, _, rest = preceding_text.rpartition("://")
    scheme = re.search(r"https?$", start, re.IGNORECASE)
    base = _BASE_PATTERN.fullmatch(rest)
    # No token is as short as this: a host that is shown cannot smuggle one out.
    if scheme is None or base is None or len(rest) > MAX_HOST_CHARACTERS:
        return ""
    origin = f"{scheme[0]}://{base['host']}{base['port'] or ''}".lower()
    parts = base["mount"].split("/")
    return origin + "/".join(parts[:-1] if parts[-1] in (*LOCALES, "api") else parts)
