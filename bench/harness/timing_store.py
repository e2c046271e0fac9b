"""An installation with accounts in every state, and with hashes of every system, for ``bench/timing.py``."""

from __future__ import annotations

import base64
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import bcrypt
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import insert, update

from accounts import Settings, create_app
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.ids import new_id
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.apps import NO_CLIENT_SECRET, App
from accounts.core.security.foreign_hashes import DEVISE, FIREBASE, FLASK_SECURITY, ForeignSecrets
from accounts.core.security.passwords import Passwords
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state

OWN_PASSWORD = "ten tired ferrets in a lift"
SECRETS = ForeignSecrets(
    devise_pepper="p" * 64, flask_security_salt="s" * 32, firebase_signer_key=base64.b64encode(b"k" * 64).decode()
)
CHEAP_MEMORY_KIB, CHEAP_PASSES = 4096, 1
"""Of our own hashes here. All kinds are made cheap alike: what has to differ is their cost, not how dear they are."""
ACCOUNTS, ACCOUNTS_PER_STATE = 4000, 200
REDIRECT_URI = "https://app.example.org/cb"


def _encode(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


def _passlib(size: int) -> str:
    return _encode(size).rstrip("=").replace("+", ".")


def _bcrypt(cost: int, letter: str = "b") -> str:
    made = bcrypt.hashpw(secrets.token_hex(8).encode(), bcrypt.gensalt(cost)).decode()
    return made.replace("$2b", f"$2{letter}")


def _argon2(memory_kib: int) -> str:
    return PasswordHasher(memory_cost=memory_kib, time_cost=2, parallelism=1).hash(secrets.token_hex(8))


FOREIGN_HASHES: dict[str, Callable[[], str]] = {
    "bcrypt": lambda: _bcrypt(6, "y"),
    "Django pbkdf2_sha256": lambda: f"pbkdf2_sha256$20000${secrets.token_hex(8)}${_encode(32)}",
    "Django pbkdf2_sha1": lambda: f"pbkdf2_sha1$9000${secrets.token_hex(8)}${_encode(20)}",
    "Django bcrypt_sha256": lambda: f"bcrypt_sha256${_bcrypt(5)}",
    "Django scrypt": lambda: f"scrypt$2048${secrets.token_hex(8)}$8$1${_encode(64)}",
    "Django argon2": lambda: f"argon2{_argon2(8192)}",
    "Werkzeug scrypt": lambda: f"scrypt:1024:8:1${secrets.token_hex(8)}${secrets.token_hex(64)}",
    "Werkzeug pbkdf2": lambda: f"pbkdf2:sha512:9000${secrets.token_hex(8)}${secrets.token_hex(64)}",
    "passlib pbkdf2-sha512": lambda: f"$pbkdf2-sha512$12000${_passlib(16)}${_passlib(64)}",
    "Devise": lambda: f"{DEVISE}{_bcrypt(7, 'a')}",
    "Flask-Security": lambda: f"{FLASK_SECURITY}{_argon2(6144)}",
    "Firebase": lambda: f"{FIREBASE}$11$8$Bw==${_encode(10)}${_encode(64)}",
}
"""A hash of each system, of a password that nobody types: all that matters is how long it takes to refuse another."""
STATES = ("active", "disabled", "locked", "no password")


@dataclass(frozen=True)
class TimedService:
    """A service to be timed, and the addresses of its accounts by state or by the kind of their hash."""

    app: Flask
    site: Site
    emails: dict[str, list[str]]
    account_ids: dict[str, str]
    client_id: str
    admin: str

    def clear_failures(self) -> None:
        """Forget wrong passwords, before twenty of them lock an account that is to be timed as one that is not."""
        with self.site.store.engine.begin() as connection:
            connection.execute(update(Account).where(Account.failures > 0).values(failures=0))


def make_email() -> str:
    """Return an address that is nobody's so far. All of them have one length."""
    return f"{secrets.token_hex(6)}@example.org"


@contextmanager
def timed_service() -> Iterator[TimedService]:
    """Run a service on an SQLite file of its own. No worker runs beside it: nobody waits for one."""
    with tempfile.TemporaryDirectory() as folder:
        values = {
            "ACCOUNTS_ENV": "development",
            "ACCOUNTS_INSTANCE": folder,
            "ACCOUNTS_DATABASE_URL": f"sqlite:///{Path(folder, 'accounts.db')}",
            "ACCOUNTS_MAIL_SERVER": "127.0.0.1",
            "ACCOUNTS_DEVELOPMENT_NO_LIMITS": "true",
        }
        app = create_app(Settings.load(values))
        site = get_app_state(app).site
        site.passwords = Passwords(
            threads=1, memory_kib=CHEAP_MEMORY_KIB, passes=CHEAP_PASSES, foreign_secrets=SECRETS
        )
        schema.upgrade(site.store)
        emails, ids = _fill(site)
        yield TimedService(app, site, emails, ids, _add_client(site), emails["active"][0])
        site.store.close()


def _fill(site: Site) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Make accounts: 200 of each state with hashes of our own, and as many of each other system as fill the rest."""
    each = (ACCOUNTS - ACCOUNTS_PER_STATE * len(STATES)) // len(FOREIGN_HASHES)
    rows: list[dict[str, Any]] = []
    emails: dict[str, list[str]] = {}
    for name in (*STATES, *FOREIGN_HASHES):
        make = FOREIGN_HASHES.get(name)
        stored = make() if make else site.passwords.hash(OWN_PASSWORD)
        made = [_account(name, stored) for _ in range(each if make else ACCOUNTS_PER_STATE)]
        emails[name] = [row["email"] for row in made]
        rows += made
    admin = rows[0]["id"]
    with site.store.engine.begin() as connection:
        connection.execute(insert(Account.__table__), rows)  # type: ignore[arg-type] # a Table, which it takes
        connection.execute(insert(Membership.__table__), [{"account": admin, "group": ADMIN_GROUP}])  # type: ignore[arg-type] # the same
    return emails, {row["email"]: row["id"] for row in rows}


def _account(name: str, stored: str) -> dict[str, Any]:
    email = make_email()
    return {
        "id": new_id(),
        "email": email,
        "email_key": email,
        "name": "",
        "locale": "en",
        "password_hash": None if name == "no password" else stored,
        "status": "disabled" if name == "disabled" else "active",
        "locked_at": now() + timedelta(minutes=30) if name == "locked" else None,
        "auth_epoch": 1,
        "sign_in_serial": 0,
        "created_at": now(),
        "version": 1,
        "searchable": True,
    }


def _add_client(site: Site) -> str:
    app = App(
        id=new_id(),
        name="App",
        redirect_uris=[REDIRECT_URI],
        scopes=["email"],
        token_endpoint_auth_method=NO_CLIENT_SECRET,
    )
    client_id = app.id
    with UnitOfWork(site) as uow:
        uow.session.add(app)
    return client_id
