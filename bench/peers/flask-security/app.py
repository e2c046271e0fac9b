"""Flask-Security as its quick start has it: sign-in, sign-up with confirmation, recovery, CSRF; on SQLite.

``python app.py`` makes the database; a WSGI server then serves ``app:application``. Messages are built whole and not
delivered; the link of each goes into the file that LETTERS names.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask_mailman import EmailMultiAlternatives, Mail
from flask_security import (
    MailUtil,
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
)
from flask_security.models import fsqla_v3 as models
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event

MEMORY, PASSES = (int(part) for part in os.environ["ARGON2"].split(","))


class LetterUtil(MailUtil):
    """Builds the message as Flask-Mailman would send it."""

    def send_mail(
        self, template: str, subject: Any, recipient: Any, sender: Any, body: Any, html: Any, **context: Any
    ) -> None:
        letter = EmailMultiAlternatives(str(subject), body=body, from_email=str(sender), to=[recipient])
        if html:
            letter.attach_alternative(html, "text/html")
        letter.message().as_bytes()
        link = context.get("reset_link") or context.get("confirmation_link") or ""
        with Path(os.environ["LETTERS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"to": recipient, "link": link}) + "\n")


application = Flask(__name__)
application.config.update(
    SECRET_KEY="a secret of a benchmark, on loopback",
    SECURITY_PASSWORD_SALT="a salt of a benchmark",
    SECURITY_PASSWORD_HASH="argon2",
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
        "argon2__memory_cost": MEMORY,
        "argon2__time_cost": PASSES,
        "argon2__parallelism": 1,
    },
    # Its default hashes every link by 535,000 rounds of sha256_crypt: a quarter of a second of CPU.
    SECURITY_HASHING_SCHEMES=["hex_md5"],
    SECURITY_DEPRECATED_HASHING_SCHEMES=[],
    SECURITY_REGISTERABLE=True,
    SECURITY_CONFIRMABLE=True,
    SECURITY_RECOVERABLE=True,
    SECURITY_PASSWORD_CONFIRM_REQUIRED=False,
    SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
    MAIL_BACKEND="dummy",
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{os.environ['DATABASE']}",
)
CSRFProtect(application)
Mail(application)
db = SQLAlchemy(application)
models.FsModels.set_db_info(db)


class Role(db.Model, models.FsRoleMixin):  # type: ignore[name-defined] # made by Flask-SQLAlchemy when it runs
    pass


class User(db.Model, models.FsUserMixin):  # type: ignore[name-defined] # made by Flask-SQLAlchemy when it runs
    pass


people = SQLAlchemyUserDatastore(db, User, Role)
Security(application, people, mail_util_cls=LetterUtil)

with application.app_context():

    @event.listens_for(db.engine, "connect")
    def set_pragmas(connection: Any, record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")


@application.get("/api/account")
@auth_required("session")
def account() -> dict[str, Any]:
    return {"id": current_user.fs_uniquifier, "email": current_user.email}


if __name__ == "__main__":
    with application.app_context():
        db.create_all()
        stored = hash_password(os.environ["PASSWORD"])
        for number in range(int(os.environ["PEOPLE"])):
            people.create_user(
                email=f"person{number}@example.org", password=stored, active=True, confirmed_at=datetime.now(UTC)
            )
        db.session.commit()
