"""The upgrade that says which accounts were let in, of those that were there before."""

from __future__ import annotations

from sqlalchemy import insert, text

from accounts.core.database import schema
from accounts.core.database.store import Store
from tests.core.database import test_schema
from tests.core.database.test_migrations import NOW, account, reflected, sent

empty = test_schema.empty
EVENT = {"at": NOW, "actor": None, "app": None, "link_id": None, "network": "", "agent": "", "request_id": "r"}


def test_who_accepted_an_invitation_or_was_brought_in_counts_as_invited(empty: Store) -> None:
    schema.upgrade(empty, "0016")
    tables = reflected(empty)
    invites = [
        sent(1, email_key="ana.1@example.org", accepted_at=NOW),
        sent(2, email_key="ana.2@example.org"),
        sent(3, email_key="ana.3@example.org", revoked_at=NOW),
    ]
    kinds = {1: "sign-in", 3: "account.activated", 4: "invite.accepted", 5: "account.imported"}
    with empty.engine.begin() as connection:
        connection.execute(insert(tables["accounts"]), [account(number) for number in range(1, 7)])
        connection.execute(insert(tables["sent_invites"]), invites)
        events = [
            EVENT | {"id": f"event{number}", "kind": kind, "account": f"account{number}", "facts": {}}
            for number, kind in kinds.items()
        ]
        connection.execute(insert(tables["audit"]), [*events, events[-1] | {"id": "event6", "account": None}])
    schema.upgrade(empty)
    with empty.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, invited FROM accounts")).all()
    assert {row.id for row in rows if row.invited} == {"account1", "account4", "account5"}
