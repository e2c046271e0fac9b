"""fastapi-users as its documentation has it: cookie and JWT, sign-up with verification, recovery; on SQLite.

``python app.py`` makes the database; uvicorn then serves ``app:application``. Messages are built whole and not
delivered; the link of each goes into the file that LETTERS names.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = "a secret of a benchmark, on loopback"
MEMORY, PASSES = (int(part) for part in os.environ["ARGON2"].split(","))
HELPER = PasswordHelper(PasswordHash((Argon2Hasher(memory_cost=MEMORY, time_cost=PASSES, parallelism=1),)))
engine = create_async_engine(f"sqlite+aiosqlite:///{os.environ['DATABASE']}")
make_session = async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine.sync_engine, "connect")
def set_pragmas(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


def build_letter(to: str, subject: str, link: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "peer@example.org", to, subject
    letter.set_content(f"Hello,\n\nopen this link:\n\n{link}\n\nIf that was not you, do nothing.\n")
    letter.add_alternative(f'<p>Hello,</p><p>open this link:</p><p><a href="{link}">{link}</a></p>', subtype="html")
    letter.as_bytes()
    with Path(os.environ["LETTERS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"to": to, "link": link}) + "\n")


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET

    async def on_after_forgot_password(self, user: User, token: str, request: Request | None = None) -> None:
        build_letter(user.email, "Reset your password", f"http://127.0.0.1/reset?token={token}")

    async def on_after_register(self, user: User, request: Request | None = None) -> None:
        await self.request_verify(user, request)

    async def on_after_request_verify(self, user: User, token: str, request: Request | None = None) -> None:
        build_letter(user.email, "Confirm your email address", f"http://127.0.0.1/verify?token={token}")


async def get_manager() -> AsyncIterator[UserManager]:
    async with make_session() as session:
        yield UserManager(SQLAlchemyUserDatabase(session, User), HELPER)


backend = AuthenticationBackend(
    name="cookie",
    transport=CookieTransport(cookie_secure=False),
    get_strategy=lambda: JWTStrategy(secret=SECRET, lifetime_seconds=86400),
)
users = FastAPIUsers[User, uuid.UUID](get_manager, [backend])
Read, Create = schemas.BaseUser[uuid.UUID], schemas.BaseUserCreate

application = FastAPI()
application.include_router(users.get_auth_router(backend), prefix="/auth")
application.include_router(users.get_register_router(Read, Create), prefix="/auth")
application.include_router(users.get_reset_password_router(), prefix="/auth")
application.include_router(users.get_verify_router(Read), prefix="/auth")


@application.get("/api/account")
async def account(user: User = Depends(users.current_user(active=True))) -> dict[str, str]:  # noqa: B008 - FastAPI's way
    return {"id": str(user.id), "email": user.email}


async def make_database() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    stored = HELPER.hash(os.environ["PASSWORD"])
    rows = [
        {
            "id": uuid.uuid4(),
            "email": f"person{number}@example.org",
            "hashed_password": stored,
            "is_active": True,
            "is_verified": True,
            "is_superuser": False,
        }
        for number in range(int(os.environ["PEOPLE"]))
    ]
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(insert(User), rows)


if __name__ == "__main__":
    asyncio.run(make_database())
