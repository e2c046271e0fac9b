"""The chain over the audit log: whoever changes, removes or slips in a line is found out, pruning is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from accounts.core.audit import chain
from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import retention as audit_retention
from accounts.flows.audit import upkeep as audit_upkeep
from accounts.flows.audit import verify as audit_verify
from tests.conftest import KEY, on_both_databases
from tests.core.sites import make_site
from tests.kit.concurrency import run_concurrently

OTHER_KEY = "Zt1mX7rB5nW9cY2pL6dF4hJ0sGakQ3v8-other"


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    made = make_site(database)
    yield made
    made.store.close()


def write(site: Site, count: int, *, age: timedelta = timedelta(hours=1), first: int = 0) -> list[str]:
    """Lines of that age, in order; their ids."""
    rows = [
        {
            "id": f"line{number:08}",
            "at": now() - age + timedelta(seconds=number),
            "kind": "sign-in",
            "account_id": f"account{number % 3}",
            "actor": f"account{number % 3}",
            "network": f"192.0.2.{number % 7}",
            "agent": "Firefox",
            "request_id": "r",
            "facts": {"session": f"s{number}", "amr": ["pwd"], "n": 1.5, "ü": None},
        }
        for number in range(first, first + count)
    ]
    with site.store.engine.begin() as connection:
        connection.execute(insert(AuditRow), [{**row, "account": row.pop("account_id")} for row in rows])
    return [str(row["id"]) for row in rows]


def verdict(site: Site, noted: str = "") -> list[tuple[str, str]]:
    """What was found wrong, and with which line."""
    return [(each.kind, each.audit_id) for each in audit_verify.verify_chain(UnitOfWork(site), noted).findings]


def tamper(site: Site, statement: Any) -> None:
    with site.store.engine.begin() as connection:
        connection.execute(statement)


@on_both_databases
def test_what_was_sealed_and_left_alone_is_right(site: Site) -> None:
    write(site, 1203)
    assert chain.close_chain(site) == 1203
    assert chain.close_chain(site) == 0
    found = audit_verify.verify_chain(UnitOfWork(site))
    assert (found.sealed, found.unsealed, found.finding_count) == (1203, 0, 0)
    assert found.head == chain.describe_head(site)
    write(site, 1, age=timedelta(0), first=5000)
    assert chain.close_chain(site) == 0, "a line that may still have neighbours on their way is not sealed"
    assert audit_verify.verify_chain(UnitOfWork(site)).unsealed == 1


CHANGES: dict[str, Callable[[], Any]] = {
    "kind": lambda: {"kind": "sign-out"},
    "account": lambda: {"account_id": "account9"},
    "nobody": lambda: {"account_id": None},
    "actor": lambda: {"actor": "account9"},
    "network": lambda: {"network": "192.0.2.77"},
    "agent": lambda: {"agent": ""},
    "facts": lambda: {"facts": {"session": "other"}},
    "time": lambda: {"at": now() - timedelta(minutes=59, microseconds=1)},
    "app": lambda: {"app": "x"},
    "link": lambda: {"link_id": "x"},
    "request": lambda: {"request_id": "x"},
    "pseudonym": lambda: {"account_id": "~abc", "actor": "~abc", "network": "~abc", "agent": "", "request_id": ""},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_line_is_named_and_only_that_one(site: Site, what: str) -> None:
    ids = write(site, 12)
    chain.close_chain(site)
    tamper(site, update(AuditRow).where(AuditRow.id == ids[4]).values(**CHANGES[what]()))
    assert verdict(site) == [("changed", ids[4])]


@on_both_databases
def test_missing_and_inserted_lines_are_named(site: Site) -> None:
    ids = write(site, 12)
    chain.close_chain(site)
    tamper(site, delete(AuditRow).where(AuditRow.id.in_([ids[0], ids[7], ids[11]])))
    assert verdict(site) == [("missing", ids[0]), ("missing", ids[7]), ("missing", ids[11])]
    row = {"id": "slipped", "at": now() - timedelta(minutes=59, seconds=57), "kind": "x", "network": "", "agent": ""}
    tamper(site, insert(AuditRow).values(**row, request_id="", facts={}))
    assert ("inserted", "slipped") in verdict(site)


def test_a_line_removed_with_its_seal_leaves_a_gap_and_breaks_the_link(site: Site) -> None:
    ids = write(site, 12)
    chain.close_chain(site)
    tamper(site, delete(AuditRow).where(AuditRow.id == ids[5]))
    tamper(site, delete(AuditChainRow).where(AuditChainRow.audit_id == ids[5]))
    assert verdict(site) == [("unlinked", ids[6]), ("changed", ids[6])]


def test_a_chain_made_anew_by_somebody_without_the_key_is_not_proven(site: Site, database: str) -> None:
    ids = write(site, 12)
    chain.close_chain(site)
    tamper(site, update(AuditRow).where(AuditRow.id == ids[4]).values(kind="harmless"))
    tamper(site, delete(AuditChainRow))
    forger = make_site(database, secret_keys=[OTHER_KEY])
    assert chain.close_chain(forger) == 12
    forger.store.close()
    assert verdict(site) == [("unproven", ids[11])]
    tamper(site, update(AuditChainRow).where(AuditChainRow.key.is_not(None)).values(key=site.ring.signing.name))
    assert verdict(site)[0] == ("unproven", ids[11])
    tamper(site, update(AuditChainRow).values(key=None, proof=None))
    assert verdict(site) == [("unproven", ids[11])]


def test_only_a_head_noted_elsewhere_shows_that_the_end_was_cut_off(site: Site) -> None:
    write(site, 500)
    chain.close_chain(site)
    early = chain.describe_head(site)
    write(site, 5, first=500, age=timedelta(minutes=50))
    chain.close_chain(site)
    late = chain.describe_head(site)
    assert verdict(site, early) == verdict(site, late) == []
    tamper(site, delete(AuditRow).where(AuditRow.id >= "line00000500"))
    tamper(site, delete(AuditChainRow).where(AuditChainRow.number > 500))
    assert verdict(site) == [], "the chain alone cannot know"
    assert verdict(site, early) == []
    assert verdict(site, late) == [("other-head", "")]
    assert verdict(site, "junk") == [("other-head", "")]


def test_after_a_rotation_the_end_is_proven_by_the_new_key(site: Site, database: str) -> None:
    write(site, 3)
    chain.close_chain(site)
    rotated = make_site(database, secret_keys=[KEY, OTHER_KEY])
    assert verdict(rotated) == []
    chain.close_chain(rotated)
    alone = make_site(database, secret_keys=[OTHER_KEY])
    assert verdict(alone) == [], "the old key may go"
    for each in (rotated, alone):
        each.store.close()


@on_both_databases
def test_many_who_seal_at_once_seal_every_line_once(site: Site) -> None:
    write(site, 700)
    run_concurrently(8, lambda number: chain.close_chain(site))
    chain.close_chain(site)
    found = audit_verify.verify_chain(UnitOfWork(site))
    assert (found.sealed, found.finding_count) == (700, 0)


@on_both_databases
def test_pruned_lines_say_no_more_who_it_was_and_the_chain_holds(site: Site) -> None:
    old = write(site, 620, age=timedelta(days=100))
    young = write(site, 3, first=800, age=timedelta(days=20))
    chain.close_chain(site)
    head = chain.describe_head(site)
    assert audit_retention.pseudonymize_events(UnitOfWork(site), 90) == 620
    assert audit_retention.pseudonymize_events(UnitOfWork(site), 90) == 0, "twice changes nothing"
    with site.store.engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(AuditRow.__table__))}
        salts = connection.execute(select(func.count(AuditChainRow.salt))).scalar_one()
    assert salts == 3
    for id in old:
        row = rows[id]
        assert row.account.startswith("~")
        assert row.actor == row.account
        assert row.network.startswith("~")
        assert (row.agent, row.request_id, row.facts) == ("", "", {"amr": ["pwd"]})
    assert len({rows[id].account for id in old}) == 3, "lines of one account still belong together"
    assert rows[young[0]].account == "account2"
    assert verdict(site, head) == [], "also against a head from before"
    assert [row.kind for row in rows.values()].count("audit.pruned") == 1
    tamper(site, update(AuditRow).where(AuditRow.id == old[3]).values(kind="other"))
    assert verdict(site) == [("changed", old[3])]


def test_younger_lines_than_sessions_live_are_never_pruned(site: Site) -> None:
    write(site, 2, age=timedelta(days=30))
    assert audit_retention.pseudonymize_events(UnitOfWork(site), 1) == 0


def test_a_line_pruned_by_hand_is_told_from_one_that_was_pruned_by_age(site: Site) -> None:
    ids = write(site, 3)
    chain.close_chain(site)
    tamper(site, update(AuditChainRow).where(AuditChainRow.audit_id == ids[1]).values(salt=None))
    tamper(site, update(AuditRow).where(AuditRow.id == ids[1]).values(account_id="~a", actor="~a", network="~a"))
    assert verdict(site) == [("changed", ids[1])]


def test_pseudonyms_cannot_be_had_without_the_key(site: Site, database: str) -> None:
    other = make_site(database, secret_keys=[OTHER_KEY])
    assert chain.make_pseudonym(site, "account1") != chain.make_pseudonym(other, "account1")
    assert len(chain.make_pseudonym(site, "192.0.2.1")) == 16
    assert chain.make_pseudonym(site, chain.make_pseudonym(site, "account1")) == chain.make_pseudonym(
        site, "account1"
    )
    other.store.close()


def test_the_worker_does_so_where_the_settings_ask_for_it(database: str) -> None:
    silent = make_site(database)
    write(silent, 2, age=timedelta(days=50))
    audit_upkeep.maintain_audit_log(silent)
    assert chain.describe_head(silent) == ""
    asked = make_site(database, audit_sealed="true", audit_pseudonyms_after="40")
    audit_upkeep.maintain_audit_log(asked)
    found = audit_verify.verify_chain(UnitOfWork(asked))
    assert (found.sealed, found.pseudonymized, found.finding_count) == (2, 2, 0)
    for each in (silent, asked):
        each.store.close()


def test_lines_of_real_work_are_sealed_too(site: Site) -> None:
    uow = UnitOfWork(site, RequestInfo(account_id="account1", network="192.0.2.1", agent="Firefox on Linux"))
    with uow:
        uow.record_event("account.disabled", account_id="account2", facts={"ä": "ö", "list": [1, 2]})
    tamper(site, update(AuditRow).values(at=now() - timedelta(hours=2)))
    assert chain.close_chain(site) == 1
    assert verdict(site) == []
