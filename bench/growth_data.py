"""Two installations that differ in size alone: what the measured pages show is the same in both, the rest is more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, event

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.database import schema, sql, terms
from accounts.core.models.base import Base
from accounts.core.site import Site

ROWS_PER_INSERT = 5000
MEMBER = "member00000000aa"
ADMIN = "admin000000000aa"
ADMIN_EMAIL = "boss@members.example"
MEMBER_EMAIL = "zebulon.quagga@members.example"
FIRST_NAMES = ("Ann", "Ben", "Cleo", "Dora", "Emil", "Finn", "Greta", "Hugo", "Ines", "Jan", "Kira", "Lars", "Mona")
LAST_NAMES = ("Miller", "Schmidt", "Novak", "Rossi", "Garcia", "Jensen", "Kowalski", "Dubois", "Silva", "Ivanova")
KINDS = (
    *["sign-in"] * 10,
    *["sign-in.failed"] * 5,
    *["mail.sent"] * 3,
    *("password.reset-asked", "account.activated", "account.groups", "link.opened", "email.changed"),
)
MOMENT = now().replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows an installation has."""

    accounts: int
    audit: int
    invites: int
    outbox: int
    spent: int

    def scaled(self, factor: float) -> Size:
        """Return a size so many times as large."""
        return Size(*(round(getattr(self, field) * factor) for field in self.__dataclass_fields__))


SMALL = Size(2_000, 6_000, 1_000, 500, 2_000)
LARGE = Size(1_000_000, 3_000_000, 100_000, 50_000, 1_000_000)
Rows = Iterator[dict[str, Any]]


def fill(site: Site, size: Size) -> None:
    """Make the tables and fill them. Indexes are made afterwards: that takes a tenth of the time."""
    schema.upgrade(site.store)
    if site.store.is_sqlite:
        event.listen(site.store.engine, "connect", _hurry)
    tables = Base.metadata.tables
    sources = {
        "accounts": iter_accounts(size),
        "memberships": iter_memberships(size),
        "audit": iter_events(site, size),
        "invite_batches": iter_batches(size),
        "sent_invites": iter_invites(size),
        "outbox": iter_letters(size),
        "spent": iter_spent(size),
    }
    with site.store.engine.begin() as connection:
        indexes = [index for name in sources for index in tables[name].indexes]
        for index in indexes:
            index.drop(connection)
        for name, rows in sources.items():
            _insert(connection, tables[name], rows)
        for index in indexes:
            index.create(connection)
    terms.update_all_terms(site.store.engine)
    with site.store.engine.begin() as connection:
        if not site.store.is_sqlite:
            connection.exec_driver_sql("ANALYZE")
    site.store.close()


def _hurry(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")


def _insert(connection: Connection, table: Table, rows: Rows) -> None:
    while batch := list(islice(rows, ROWS_PER_INSERT)):
        sql.insert_rows(connection, table, batch)


def iter_accounts(size: Size) -> Rows:
    yield _account(ADMIN, ADMIN_EMAIL, "Yolanda Quirk")
    yield _account(MEMBER, MEMBER_EMAIL, "Zebulon Quagga")
    for number in range(size.accounts - 2):
        first, last = FIRST_NAMES[number % 13], LAST_NAMES[number * 7 % 10]
        email = f"{first}.{last}{number}@domain{number % 97}.example".lower()
        status = "disabled" if number % 25 == 7 else "active"
        yield _account(f"account{number:09}", email, f"{first} {last}") | {
            "status": status,
            # In both, as many: a lock lasts for an hour.
            "locked_at": MOMENT if number < 60 else None,
        }


def _account(id: str, email: str, name: str) -> dict[str, Any]:
    return {
        "id": id, "email": email, "email_key": email, "name": name, "locale": "en", "status": "active",
        "created_at": MOMENT - timedelta(days=300), "version": 1,
    }  # fmt: skip


def iter_memberships(size: Size) -> Rows:
    yield {"account": ADMIN, "group": "admins"}
    for number in range(size.accounts - 2):
        if number % 20 == 0:
            yield {"account": f"account{number:09}", "group": "staff"}
        if number < 60:
            yield {"account": f"account{number:09}", "group": "board"}


def iter_events(site: Site, size: Size) -> Rows:
    """Yield the log of 400 days. The member's own 300 lines are the same in both, and spread over all of it."""
    tag = address_index.make_tag(site, MEMBER_EMAIL)
    own_every = size.audit // 300
    step = timedelta(days=400) / size.audit
    for number in range(size.audit):
        at = MOMENT - timedelta(days=400) + step * number
        kind = KINDS[number * 7 % len(KINDS)]
        if number % own_every == 0:
            own = number // own_every
            kind, account = KINDS[own % len(KINDS)], MEMBER
            network = "198.51.100.7"
        else:
            account, network = (
                f"account{number * 7919 % (size.accounts - 2):09}",
                f"10.{number % 200}.{number % 251}.1",
            )
        facts = {
            "session": f"s{number:015}",
            "epoch": 1,
            "ends": (at + timedelta(days=30)).timestamp(),
            "amr": ["pwd"],
        }
        if kind.startswith("mail."):
            facts = {"mail": f"m{number:015}", "purpose": "activate", "try": 1}
        yield {
            "id": f"line{number:012}",
            "at": at,
            "kind": "board.met" if number % own_every == 1 else kind,
            "account": account,
            "actor": (ADMIN if kind == "account.groups" else account) if number % 2 or account == MEMBER else None,
            "network": network,
            "agent": "Firefox on Linux",
            "facts": facts,
            "address_tag": tag if account == MEMBER and kind.startswith("mail.") else None,
        }


def iter_batches(size: Size) -> Rows:
    for number in range(size.invites // 500):
        moment = MOMENT - timedelta(days=number)
        yield {
            "id": f"batch{number:011}", "name": f"Batch {number}", "made_by": ADMIN, "unused": [],
            "created_at": moment, "touched_at": moment, "ready_at": moment, "sent_at": moment,
        }  # fmt: skip


def iter_invites(size: Size) -> Rows:
    for number in range(size.invites):
        first, last = FIRST_NAMES[number % 13], LAST_NAMES[number * 7 % 10]
        name = "Zebulon Quagga" if number == size.invites // 2 else f"{first} {last}"
        email = MEMBER_EMAIL if number == size.invites // 2 else f"{first}{number}@guests.example".lower()
        moment = MOMENT - timedelta(minutes=number)
        yield {
            "id": f"invite{number:010}", "email": email, "email_key": email, "name": name,
            "search": f"{email} {name}".casefold(), "batch": f"batch{number // 500:011}", "groups": ["staff"],
            "locale": "en", "inviter_id": ADMIN, "created_at": moment,
            # By turns, so that each state is anywhere in the list.
            "expires_at": moment + timedelta(days=365 if number % 4 == 0 else -1),
            "accepted_at": moment if number % 4 == 1 else None,
            "revoked_at": moment if number % 4 == 2 else None,
        }  # fmt: skip


def iter_letters(size: Size) -> Rows:
    """Yield letters that wait, and a hundred that were given up, in both."""
    for number in range(size.outbox):
        yield {
            "id": f"letter{number:010}", "purpose": "reset-password", "subject": f"account{number:09}",
            "facts": {"asked": {"network": "10.0.0.1", "agent": ""}}, "locale": "en", "created_at": MOMENT,
            "not_before": MOMENT + timedelta(days=1),
            "dead_at": MOMENT if number % (size.outbox // 100) == 0 else None,
        }  # fmt: skip


def iter_spent(size: Size) -> Rows:
    for number in range(size.spent):
        # Half of them are expired, for the sweep.
        yield {
            "id": f"session:{number * 7919 % 10_000_019:016}",
            "keep_until": MOMENT + timedelta(days=number % 60 - 30),
        }
