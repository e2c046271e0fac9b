"""How the databases find the rows of what admins and users look at: by an index, never by reading a large table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts.core import logout_events, outbox, outbox_claims
from accounts.core.audit import address_index
from accounts.core.database import page, spent
from accounts.core.mail_lanes import MAIL_LANES
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.people import find_people
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import bulk, dead_letters, mail_trace, outbox_counts, overview, unreachable_addresses
from accounts.flows.helpdesk.account_filter import AccountFilter
from accounts.flows.helpdesk.bulk_form import BULK_ACTS, BulkRowsForm
from accounts.flows.helpdesk.bulk_freeze import count_matches
from accounts.flows.helpdesk.unreachable_addresses import UnreachableSearchForm
from accounts.flows.invites import search as invite_search
from accounts.flows.invites import send as send_invites
from accounts.flows.sessions import session_list
from accounts.flows.shared import grants
from accounts.flows.shared.fields import PageForm
from accounts.flows.shared.groups import list_known_groups
from tests.conftest import on_both_databases
from tests.flows.helpdesk.bulk_acts import do_act, make_act
from tests.flows.steps import Member, create_first_admin
from tests.kit.statements import Statements, record_statements
from tests.people import Service

LARGE_TABLES = ("accounts", "audit", "sent_invites", "outbox", "spent", "grants", "memberships", "account_terms",
    "invite_terms", "app_logouts", "bulk_acts", "bulk_act_accounts")  # fmt: skip
READ_IN_ORDER = {"sqlite_autoindex_accounts_2", "ix_audit_at_id", "ix_sent_invites_created_at", "ix_outbox_dead",
    "ix_accounts_locked", "ix_accounts_unsearchable", "ix_sent_invites_unsearchable", "ix_sent_invites_undecided",
    "ix_sent_invites_accepted", "ix_sent_invites_revoked", "ix_bulk_acts_created_at_id",
    "ix_unreachable_addresses_since_mail"}  # fmt: skip
"""Indexes that are read from one end: in the order of a list, or because they hold nothing but what is looked for."""
SQLITE_NAMES = {"uq_accounts_email_key": "sqlite_autoindex_accounts_2", "pk_account_terms": "PRIMARY KEY",
    "pk_invite_terms": "PRIMARY KEY", "pk_bulk_act_accounts": "sqlite_autoindex_bulk_act_accounts_1"}  # fmt: skip
Work = Callable[[UnitOfWork, Member], object]


def accounts(**data: Any) -> Work:
    form = helpdesk_accounts.AccountSearchForm.model_validate
    return lambda uow, admin: helpdesk_accounts.search_accounts(
        uow,
        form({name: value.format(admin=admin) if isinstance(value, str) else value for name, value in data.items()}),
    )


def events(**data: Any) -> Work:
    form = audit_search.AuditSearchForm.model_validate
    return lambda uow, admin: audit_search.search_events(
        uow, form({name: value.format(admin=admin) for name, value in data.items()})
    )


def invites(**data: Any) -> Work:
    form = invite_search.InviteSearchForm.model_validate(data)
    return lambda uow, admin: invite_search.search_invites(uow, form)


def act(**data: Any) -> Work:
    """Freeze and judge the accounts that match, do an act on them, and look at what became of them."""

    def work(uow: UnitOfWork, admin: Member) -> None:
        act_id = make_act(uow, "sign-out", **data).id
        do_act(uow, act_id)
        BULK_ACTS.fetch_page(uow)
        bulk.list_bulk_rows(uow, act_id, BulkRowsForm(after="1"))

    return work


def trace(uow: UnitOfWork, admin: Member) -> object:
    return mail_trace.trace_address(uow, admin.email)


def claim_letter(uow: UnitOfWork, admin: Member) -> object:
    with uow:
        return outbox_claims.claim_item(uow.executor, MAIL_LANES)


CASES: dict[str, tuple[str, Work]] = {
    "accounts": ("uq_accounts_email_key", accounts()),
    "accounts, next page": ("uq_accounts_email_key", accounts(after="{admin.id}")),
    "an address": ("uq_accounts_email_key", accounts(q="{admin.email}")),
    "a part": ("pk_account_terms", accounts(q="ann")),
    "a part, next page": ("pk_account_terms", accounts(q="example.org", after="{admin.id}")),
    "two parts": ("pk_account_terms", accounts(q="ann miller")),
    "a group": ("ix_memberships_group_account", accounts(group="admins")),
    "a part, active": ("pk_account_terms", accounts(q="ann", state="active")),
    "a group, active": ("ix_memberships_group_account", accounts(group="admins", state="active")),
    "disabled": ("ix_accounts_status_email_key", accounts(state="disabled")),
    "locked": ("ix_accounts_locked", accounts(state="locked")),
    "an account": (
        "ix_audit_account_kind_at",
        lambda uow, admin: helpdesk_accounts.get_account_details(uow, admin.id),
    ),
    "sessions": ("ix_audit_account_kind_at", lambda uow, admin: session_list.list_sessions(uow, admin.id)),
    "events": ("ix_audit_at_id", events()),
    "events, next page": ("ix_audit_at_id", events(after="1700000000000000.x")),
    "of an account": ("ix_audit_account_at", events(account="{admin.id}")),
    "of an address": ("ix_audit_address_tag_at", events(account="{admin.email}")),
    "of an account, of a kind": ("ix_audit_account_kind_at", events(account="{admin.id}", kind="sign-in")),
    "by an actor": ("ix_audit_actor_at", events(actor="{admin.id}")),
    "from a network": ("ix_audit_network_at", events(network="192.0.2.1", after="1700000000000000.x")),
    "of a kind": ("ix_audit_kind_at", events(kind="account")),
    "mail": ("ix_audit_address_tag_at", trace),
    "dead letters": ("ix_outbox_dead", lambda uow, admin: dead_letters.list_dead_letters(uow, PageForm())),
    "invitations": ("ix_sent_invites_created_at", invites()),
    "oldest invitations": ("ix_sent_invites_created_at", invites(sort="oldest")),
    "counts of states": (
        "ix_sent_invites_undecided",
        lambda uow, admin: invite_search.count_invite_states(uow),
    ),
    "known groups": ("ix_memberships_group_account", lambda uow, admin: list_known_groups(uow)),
    "invitations to an address": ("ix_sent_invites_email_key", invites(q="ann@example.org")),
    "invitations by a part": ("pk_invite_terms", invites(q="ann")),
    "pending": ("ix_sent_invites_undecided", invites(state="pending")),
    "expired": ("ix_sent_invites_undecided", invites(state="expired")),
    "accepted": ("ix_sent_invites_accepted", invites(state="accepted")),
    "revoked": ("ix_sent_invites_revoked", invites(state="revoked")),
    "of a batch": ("ix_sent_invites_batch_created_at", invites(batch="batch")),
    "unreachable": (
        "ix_unreachable_addresses_since_mail",
        lambda uow, admin: unreachable_addresses.list_unreachable(uow, UnreachableSearchForm()),
    ),
    "count of matches": (
        "pk_account_terms",
        lambda uow, admin: count_matches(uow, AccountFilter(q="ann"), page.FEW_ROWS),
    ),
    "act, all": ("pk_bulk_act_accounts", act()),
    "act, a part": ("pk_account_terms", act(q="admin")),
    "act, a group": ("ix_memberships_group_account", act(group="admins", state="active")),
    "act, next accounts": ("ix_bulk_act_accounts_act_verdict_number", act(q="admin example")),
    "old acts": ("ix_bulk_acts_touched_at", lambda uow, admin: bulk.delete_stale_bulk_acts(uow.site)),
    "spent": ("ix_spent_keep_until", lambda uow, admin: spent.delete_expired(uow.site.store.engine)),
    "tags": ("ix_audit_tagged_at", lambda uow, admin: address_index.clear_old_tags(uow.site.store.engine)),
    "logouts": ("ix_app_logouts_at", lambda uow, admin: logout_events.delete_old_logouts(uow.site.store.engine)),
    "next letter": ("ix_outbox_lane_dead_at_not_before", claim_letter),
    "next letter of a batch": ("ix_outbox_batch", claim_letter),
    "oldest letter": (
        "ix_outbox_lane_dead_at_not_before",
        lambda uow, admin: outbox_claims.find_oldest_due(uow.site.store.engine),
    ),
    "counts of the outbox": (
        "ix_outbox_lane_dead_at_not_before",
        lambda uow, admin: outbox_counts.count_outbox(uow.site.store.engine),
    ),
    "overview": ("ix_audit_kind_at", lambda uow, admin: overview.get_overview(uow, overview.OverviewForm())),
    "overview, accounts": (
        "ix_accounts_status_email_key",
        lambda uow, admin: overview.get_overview(uow, overview.OverviewForm(days="30")),
    ),
    "people of events": (
        "sqlite_autoindex_accounts_1",
        lambda uow, admin: find_people(uow, audit_search.search_events(uow, audit_search.AuditSearchForm()).rows),
    ),
    "kinds of events": ("ix_audit_kind_at", lambda uow, admin: audit_search.list_kinds(uow)),
    "events, oldest first": ("ix_audit_at_id", events(order="oldest")),
    "of an address, oldest first": ("ix_audit_address_tag_at", events(account="{admin.email}", order="oldest")),
    "cancelled batch": ("ix_outbox_batch", lambda uow, admin: outbox.cancel_batch(uow.executor, "b")),
    "grants": ("ix_grants_expires_at", lambda uow, admin: grants.delete_expired_grants(uow.site.store.engine)),
}


def explain(service: Service, statements: Statements, *, is_free: bool = False) -> list[str]:
    """The steps of the plans of statements that read.

    :param is_free: whether the planner may do as it likes: where tables hold as much as in use.
    """
    is_sqlite = service.site.store.is_sqlite
    steps: list[str] = []
    with service.site.store.engine.connect() as connection:
        if not is_sqlite and not is_free:
            # A table of two rows is read whole and sorted, whatever there is.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        for statement, parameters in zip(statements, statements.parameters, strict=True):
            if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT INTO bulk_act_accounts)", statement):
                # Statements that are compiled once hand the driver a list, which SQLAlchemy takes for many sets.
                bound = tuple(parameters) if isinstance(parameters, list) else parameters
                words = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN (COSTS OFF)"
                steps += [row[-1].strip() for row in connection.exec_driver_sql(f"{words} {statement}", bound)]
    return steps


@on_both_databases
@pytest.mark.parametrize("name", CASES)
def test_rows_are_found_by_an_index(service: Service, name: str) -> None:
    """On SQLite, plans do not depend on what a table holds.

    On PostgreSQL, reading all of it is forbidden here. Which of several indexes it takes depends on what
    it has counted.
    """
    admin = create_first_admin(service)
    index, work = CASES[name]
    with record_statements(service.site.store.engine) as statements:
        work(service.uow(), admin)
    steps = explain(service, statements)
    if service.site.store.is_sqlite:
        index = SQLITE_NAMES.get(index, index)
        scanned = {match[2] for step in steps if (match := re.match(r"SCAN (\w+)(?: USING .*INDEX (\w+))?$", step))
                   and match[1] in LARGE_TABLES}  # fmt: skip
        assert scanned <= READ_IN_ORDER
        assert any(re.search(rf"\b{index}\b", step) for step in steps), steps
    else:
        assert not [step for step in steps if re.search(rf"Seq Scan on ({'|'.join(LARGE_TABLES)})\b", step)]


@on_both_databases
def test_many_matches_are_read_in_the_order_of_an_index(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more matches than are sorted: nothing is sorted but what has the same time."""
    monkeypatch.setattr(page, "FEW_ROWS", 0)
    admin = create_first_admin(service)
    send_invites.send_invite(service.uow(), send_invites.InviteForm.model_validate({"email": "ann@example.org"}))
    for work in (accounts(group="admins"), accounts(q="example.org"), invites(q="ann")):
        with record_statements(service.site.store.engine) as statements:
            work(service.uow(), admin)
        (listing,) = [number for number, each in enumerate(statements) if "ORDER BY" in each]
        del statements[listing + 1 :], statements[:listing]
        del statements.parameters[listing + 1 :], statements.parameters[:listing]
        steps = explain(service, statements)
        assert not {"USE TEMP B-TREE FOR ORDER BY", "Sort"}.intersection(steps), steps
