"""Names that people give their devices: they belong to a session, and go with it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from sqlalchemy import Engine, bindparam, delete, update

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.database.sweep import sweep_rows
from accounts.core.messages import N_
from accounts.core.models.session_names import SessionName
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import Form, Name


class SessionNameForm(Form):
    """What the device of a session is called; "" for its browser and system."""

    name: Name = Field(
        default="", title=N_("Device name"), max_length=60, json_schema_extra={"input": "text", "maxlength": 60}
    )


_MOVE_NAME = CompiledStatement(
    update(SessionName).where(SessionName.session_id == bindparam("old")).values(session_id=bindparam("new"))
)


def move_name(uow: UnitOfWork, old_session_id: str, new_session_id: str) -> None:
    """Keep the name of a device whose session gets a new id."""
    uow.execute(_MOVE_NAME, {"old": old_session_id, "new": new_session_id})


def set_name(uow: UnitOfWork, account_id: str, session_id: str, name: str, expires_at: datetime) -> None:
    """Set the name of a session, or remove it, in a transaction under way."""
    row = uow.session.get(SessionName, session_id)
    if row is not None and not name:
        uow.session.delete(row)
    elif row is not None:
        row.name = name
    elif name:
        uow.session.add(SessionName(session_id=session_id, account_id=account_id, name=name, expires_at=expires_at))


def delete_old_names(engine: Engine) -> int:
    """Delete the names of sessions that have expired."""
    return sweep_rows(engine, delete(SessionName), SessionName.session_id, SessionName.expires_at < now())
