"""An account, a declared link and a payload to try signatures with; nothing is stored."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel

from accounts.core.ids import new_id
from accounts.core.link_kinds import parts
from accounts.core.links.link import ActResult, Link
from accounts.core.models.account import Account
from accounts.core.security.passwords import Passwords

HASH = Passwords().hash("correct horse battery staple")


class Dated(BaseModel):
    """Values that JSON does not know, and an end of its own."""

    on: date
    expires: int | None = None


def somebody(**changes: Any) -> Account:
    known: dict[str, Any] = {"id": new_id(), "email": "Ann@example.org", "email_key": "ann@example.org"}
    return Account(**known | {"password_hash": HASH, "auth_epoch": 1, "sign_in_serial": 0} | changes)


def declared(**changes: Any) -> Link:
    words = dict.fromkeys(("title", "explanation", "button", "done"), "x")
    given: dict[str, Any] = {"purpose": "host-thing", "lifetime": timedelta(hours=1), "about": "account", **words}
    given |= {"act": lambda *all: ActResult(""), "letter": lambda *all: None, "dies_with": (parts.auth_epoch,)}
    return Link(**given | changes)
