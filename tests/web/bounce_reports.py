"""Reports about bounces, signed and sent, and what has become of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.clock import now
from accounts.core.models.audit import AuditRow
from accounts.core.models.bounces import UnreachableAddress
from accounts.flows.helpdesk import mail_trace
from accounts.flows.helpdesk.mail_trace import TracedLetter, TraceMailForm
from tests.people import Person, Service

KEY, OTHER_KEY = (f"whsec_{base64.b64encode(bytes([each]) * 32).decode()}" for each in (7, 8))
PATH = "/mail/bounces"


def sign(
    body: bytes, *, key: str = KEY, id: str = "", at: float | None = None, prefix: str = "webhook"
) -> dict[str, str]:
    id = id or f"msg_{hashlib.sha256(body).hexdigest()[:20]}"
    moment = str(int(now().timestamp() if at is None else at))
    secret = base64.b64decode(key.removeprefix("whsec_"))
    digest = hmac.digest(secret, f"{id}.{moment}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {f"{prefix}-id": id, f"{prefix}-timestamp": moment, f"{prefix}-signature": signature}


def send(service: Service, event: object, media_type: str = "application/json", **how: Any) -> TestResponse:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = how.pop("headers", None) or sign(body, **how)
    return service.app.test_client().post(PATH, data=body, headers=headers, content_type=media_type)


def message_id(service: Service, email: str) -> str:
    """The Message-ID of the newest email to an address, as the mail server got it."""
    return str(service.mails_to(email)[-1].message["Message-ID"]).strip("<>")


def trace(service: Service, email: str) -> TracedLetter:
    found, _ = mail_trace.trace_mail(service.uow(), TraceMailForm.model_validate({"email": email}))
    assert found is not None
    return found.letters[0]


def marks(service: Service) -> set[str]:
    with service.site.store.engine.connect() as connection:
        return set(connection.scalars(select(UnreachableAddress.email_key)))


def events(service: Service, kind: str) -> list[Any]:
    with service.site.store.engine.connect() as connection:
        return list(
            connection.execute(
                select(AuditRow.account_id.label("account_id"), AuditRow.facts).where(AuditRow.kind == kind)
            )
        )


def reset_mail(service: Service, person: Person) -> str:
    assert person.post("/api/forgot-password", {"email": person.email}).status_code == 202
    return message_id(service, person.email)
