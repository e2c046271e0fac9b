"""The tags by which the lines about an address are found."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.models.audit import AuditRow
from accounts.core.models.base import Base
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.accounts import DeleteAccountForm
from tests.conftest import on_both_databases
from tests.people import Service

OLD_ROWS = Base.metadata.tables["audit_marks"]


@on_both_databases
def test_what_the_version_before_wrote_is_found_after_the_next_sweep_and_goes_with_the_account(
    service: Service,
) -> None:
    service.admin()
    member = service.member_by_mail()
    tag = address_index.make_tag(service.site, member.email)
    engine = service.site.store.engine
    with engine.begin() as connection:
        ids = connection.scalars(update(AuditRow).values(address_tag=None).returning(AuditRow.id)).all()
        connection.execute(insert(OLD_ROWS), [{"mark": tag, "audit": id, "at": now()} for id in ids])
    address_index.clear_old_tags(engine)
    with engine.connect() as connection:
        assert set(connection.scalars(select(AuditRow.address_tag))) == {tag}
        assert connection.execute(select(OLD_ROWS)).all() == []
    with engine.begin() as connection:
        connection.execute(insert(OLD_ROWS), {"mark": tag, "audit": "not swept", "at": now()})
    helpdesk_accounts.delete_account_as_admin(
        service.uow(),
        member.get("/api/account").get_json()["id"],
        DeleteAccountForm.model_validate({"email": member.email}),
    )
    with engine.connect() as connection:
        assert set(connection.scalars(select(AuditRow.address_tag))) == {None}
        assert connection.execute(select(OLD_ROWS)).all() == []
