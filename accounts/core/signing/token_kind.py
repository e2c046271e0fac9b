"""Declare kinds of signed tokens: what one says, how that is laid out, and how long it is valid."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, get_origin, get_type_hints

from accounts.core.clock import now
from accounts.core.signing.keys import Key

T = TypeVar("T")


class BadToken(Exception):
    """Raised for a text that is no token of this kind, issuer and ring, or too old. The message never quotes it."""


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A verified token: its payload, when it was signed, and by which key.

    :ivar signed_part: the part of its text before the signature. Never the whole: an id must not depend on how a
        signature is spelled.
    """

    payload: Any
    issued_at: datetime
    key: Key
    signed_part: str = field(repr=False)

    @property
    def id(self) -> str:
        """An id of the token that is safe to log."""
        digest = hmac.digest(self.key.derive("id"), self.signed_part.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest[:9]).decode()


def _is_always_current(payload: object) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind(Generic[T]):
    """One kind of signed token, declared once as a constant next to what uses it.

    Purpose, version and layout may never change while tokens are valid: raising the version invalidates them all.

    :ivar purpose: part of the salt of the signature; no other kind of token and no kind of link has it.
    :ivar payload: a dataclass. Where neither ``encode`` nor ``decode`` is given, its fields in order are the layout,
        nested dataclasses and tuples as lists.
    :ivar lifetime: how long it is valid after signing; None where ``is_current`` or other state decides.
    :ivar encode: returns a payload as a JSON value.
    :ivar decode: returns the payload of a token, raising TypeError or ValueError where it is laid out otherwise.
    :ivar is_current: whether a payload has not expired by its own word.
    :ivar is_repeated: whether a client shows the same token again and again: its signature is verified once. What
        its text says stands in memory meanwhile and is shared by all who read it.
    """

    purpose: str
    payload: type[T]
    lifetime: timedelta | None = None
    encode: Callable[[T], Any] | None = None
    decode: Callable[[SignedToken], T] | None = None
    is_current: Callable[[T], bool] = _is_always_current
    version: int = 1
    is_repeated: bool = False

    def to_json(self, payload: T) -> Any:
        """Return the JSON value that is signed."""
        if self.encode is not None:
            return self.encode(payload)
        return list(astuple(payload))  # type: ignore[call-overload] # a dataclass, as the declaration says

    def from_signed(self, token: SignedToken) -> T:
        """Return what a verified token says.

        :raises BadToken: it is laid out otherwise, or too old.
        """
        if self.lifetime is not None and now() > token.issued_at + self.lifetime:
            raise BadToken("too old")
        try:
            payload = self.decode(token) if self.decode is not None else _from_list(self.payload, token.payload)
            is_current = self.is_current(payload)
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise BadToken("genuine, but of another layout") from None
        if not is_current:
            raise BadToken("too old")
        return payload


_field_types: dict[type[Any], dict[str, Any]] = {}


def _types_of_fields(payload: type[Any]) -> dict[str, Any]:
    # Asked with every request to an app behind a proxy: resolving annotations takes longer than all the rest.
    types = _field_types.get(payload)
    if types is None:
        hints = get_type_hints(payload)
        types = _field_types[payload] = {each.name: hints[each.name] for each in fields(payload)}
    return types


def _from_list(payload: type[T], values: Any) -> T:
    types = _types_of_fields(payload)
    if not isinstance(values, list) or len(values) != len(types):
        raise ValueError("not a list of its fields")
    return payload(**{name: _from_json(types[name], value) for name, value in zip(types, values, strict=True)})


def _from_json(hint: Any, value: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return _from_list(hint, value)
    origin = get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if isinstance(hint, type) and origin is None and not isinstance(value, hint):
        raise ValueError("a field of another type")
    return value
