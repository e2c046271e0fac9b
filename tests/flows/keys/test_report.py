"""The life of keys: what is counted, when a key may go, whose links and sessions die with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from accounts import Settings, create_app
from accounts.core.clock import LEEWAY, now
from accounts.core.errors import Conflict, NotFound
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import KeyUse
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import Key, new_key
from accounts.extension import get_app_state
from accounts.flows.keys import impact as key_impact
from accounts.flows.keys import report as key_report
from accounts.flows.keys.impact import KeyImpact
from accounts.flows.keys.report import KeyReport, KeyUseReport
from accounts.flows.sessions import session as sessions
from tests.conftest import KEY, on_both_databases
from tests.people import AppPool, Person, Service
from tests.servers.smtp import SmtpSink

DAY = 86400
OLD = "vN3x9Rt5mK2rB8nQ4cY7pL1dF6hJ0sWz-older"


@pytest.fixture
def kept(settings: Callable[..., Settings], sink: SmtpSink, apps: AppPool) -> Iterator[Service]:
    """A service whose ring is in a file."""
    app = apps.acquire(settings().model_copy(update={"secret_keys": ()}))
    app.testing = True
    yield Service(app, sink)
    apps.release(app)


def ring_of(service: Service) -> FileKeyRing:
    ring = service.site.ring
    assert isinstance(ring, FileKeyRing)
    return ring


def write_ring(service: Service, *lines: str) -> None:
    ring = ring_of(service)
    ring.path.write_text("".join(f"{line}\n" for line in lines))
    list(ring.newest_first())
    assert len(ring) == len(lines)


def first_line(service: Service) -> str:
    return ring_of(service).path.read_text().splitlines()[0].split()[0]


def lives(service: Service) -> list[KeyReport]:
    uow = service.uow()
    try:
        return key_report.report_keys(uow)
    finally:
        uow.close()


def uses(life: KeyReport) -> dict[str, KeyUseReport]:
    return {use.purpose: use for use in life.uses}


def toll(service: Service, number: int) -> KeyImpact:
    uow = service.uow()
    try:
        return key_impact.impact_of(uow, key_report.report_keys(uow)[number])
    finally:
        uow.close()


def about(moment: datetime | None, expected: datetime) -> bool:
    return moment is not None and abs(moment - expected) < timedelta(seconds=30)


def take_over(service: Service) -> Key:
    """Rotate, with a new key that signs at once."""
    return key_report.rotate_key(service.uow(), ring_of(service), 0).key


def audited(service: Service, kind: str) -> list[dict[str, object]]:
    uow = service.uow()
    try:
        return list(uow.session.scalars(select(AuditRow.facts).where(AuditRow.kind == kind)))
    finally:
        uow.close()


def test_what_a_key_signs_is_counted_by_purpose(kept: Service) -> None:
    for _ in range(2):
        kept.member()
    (life,) = lives(kept)
    assert (life.number, life.state, life.safe_to_drop_from, life.ceased_at) == (1, "signs", None, None)
    activate, session = uses(life)["activate"], uses(life)["session"]
    assert (activate.signed, activate.opened) == (2, 2)
    assert about(activate.last_opened_at, now())
    assert about(activate.alive_until, now() + timedelta(hours=48))
    assert session.signed == 2
    assert about(session.alive_until, now() + sessions.ABSOLUTE_TIMEOUT)


def test_a_thousand_links_cost_no_row_each(kept: Service) -> None:
    member = kept.member()
    uow = kept.uow()
    before = len(uow.session.scalars(select(KeyUse)).all())
    assert member.sign_in().status_code == 200
    uow.close()
    assert len(uow.session.scalars(select(KeyUse)).all()) == before
    uow.close()


def test_a_link_printed_for_the_operator_is_counted_too(kept: Service) -> None:
    kept.admin()
    assert uses(lives(kept)[0])["invite"].signed == 1


def test_a_key_that_waits_can_go_and_so_can_one_that_was_overtaken_before_it_signed(kept: Service) -> None:
    kept.member()
    first = first_line(kept)
    write_ring(kept, first, f"{new_key()} {int(time.time()) + 60}")
    assert [life.state for life in lives(kept)] == ["signs", "waits"]
    assert lives(kept)[1].is_safe_to_drop
    same = int(time.time()) - 5
    write_ring(kept, first, f"{new_key()} {same}", f"{new_key()} {same}")
    assert [life.state for life in lives(kept)] == ["opens", "opens", "signs"]
    assert [life.is_safe_to_drop for life in lives(kept)] == [False, True, False]


def test_an_old_key_is_safe_when_the_longest_session_of_its_last_day_is_over(kept: Service) -> None:
    kept.member()
    first = first_line(kept)
    ceased = int(time.time()) - 3 * DAY
    write_ring(kept, first, f"{new_key()} {ceased}")
    old, new = lives(kept)
    assert (old.state, new.state) == ("opens", "signs")
    assert old.ceased_at is not None
    assert old.ceased_at.timestamp() == ceased
    assert old.safe_to_drop_from == old.ceased_at + timedelta(days=30) + LEEWAY
    assert not old.is_safe_to_drop
    assert uses(old)["session"].alive_until == old.ceased_at + timedelta(days=30)


def test_an_old_key_is_not_safe_before_the_last_link_it_counted_is_too_old(kept: Service) -> None:
    kept.admin().post("/api/admin/invites", {"email": "far@example.org", "days": 90})
    kept.link_token("far@example.org", "invite")
    write_ring(kept, first_line(kept), f"{new_key()} {int(time.time()) - 40 * DAY}")
    old = lives(kept)[0]
    assert about(old.safe_to_drop_from, now() + timedelta(days=90) + LEEWAY)


def test_a_lifetime_that_was_raised_later_holds_for_old_links_too(
    kept: Service, settings: Callable[..., Settings], sink: SmtpSink
) -> None:
    member = kept.member()
    member.post("/api/forgot-password", {"email": member.email})
    kept.link_token(member.email, "reset-password")
    write_ring(kept, first_line(kept), f"{new_key()} {int(time.time())}")
    raised = settings(lifetime_reset_password=60 * DAY).model_copy(update={"secret_keys": ()})
    service = Service(create_app(raised), sink)
    assert about(lives(service)[0].safe_to_drop_from, now() + timedelta(days=60) + LEEWAY)
    get_app_state(service.app).site.store.close()


def test_a_ring_in_the_environment_is_judged_by_what_was_counted(make_service: Callable[..., Service]) -> None:
    before = make_service(secret_keys=[OLD])
    before.member()
    service = make_service(secret_keys=[OLD, KEY])
    old, new = lives(service)
    assert (old.state, new.state) == ("opens", "signs")
    assert old.safe_to_drop_from is None, "nobody knows yet whether every process signs with the new key"
    service.member()
    assert about(lives(service)[0].safe_to_drop_from, now() + timedelta(days=30) + LEEWAY)


@on_both_databases
def test_the_toll_names_whose_sessions_and_invitations_die(kept: Service) -> None:
    admin = kept.admin()
    here, left, ended, off = (kept.member() for _ in range(4))
    assert here.sign_in().status_code == 200, "a second session counts its account once"
    assert left.post("/api/sign-out").status_code == 204
    assert ended.post("/api/sign-out", {"everywhere": True}).status_code == 204
    disable(kept, off)
    admin.post("/api/admin/invites", {"email": "open@example.org"})
    admin.post("/api/admin/invites", {"email": "gone@example.org"})
    kept.link_token("open@example.org", "invite")
    kept.link_token("gone@example.org", "invite")
    invites = admin.get("/api/admin/invites").json
    assert invites is not None
    (gone,) = [each["id"] for each in invites["invites"] if each["email"] == "gone@example.org"]
    assert admin.post(f"/api/admin/invites/{gone}/revoke").status_code == 200
    found = toll(kept, 0)
    assert (found.sign_ins_begun, found.sign_ins_older) == (2, 0)
    assert found.owners == tuple(sorted([admin.email, here.email]))
    assert (found.invited, found.invitees) == (1, ("open@example.org",))
    assert [(links.purpose, links.unused) for links in found.links] == [("activate", 0), ("invite", 2)]


def disable(service: Service, person: Person) -> None:
    from accounts.flows.shared import accounts

    uow = service.uow()
    accounts.disable_account(uow, accounts.find_account(uow, person.email).id)
    uow.close()


def test_sessions_from_before_may_be_signed_by_the_new_key_by_now(kept: Service) -> None:
    early = kept.member()
    take_over(kept)
    late = kept.member()
    old, new = toll(kept, 0), toll(kept, 1)
    assert (new.sign_ins_begun, new.sign_ins_older) == (1, 1)
    assert new.owners == tuple(sorted([early.email, late.email]))
    assert old.sign_ins_begun == 1
    assert early.email in old.owners


def test_a_sign_in_of_an_older_release_names_no_key_and_counts_all_the_same(kept: Service) -> None:
    kept.member()
    with kept.uow() as uow:
        for row in uow.session.scalars(select(AuditRow).where(AuditRow.kind == sessions.SIGN_IN_EVENT)):
            facts = {name: value for name, value in row.facts.items() if name != "key"}
            uow.session.execute(update(AuditRow).where(AuditRow.id == row.id).values(facts=facts))
    assert (toll(kept, 0).sign_ins_begun, toll(kept, 0).sign_ins_older) == (0, 1)


def test_a_waiting_key_costs_nothing(kept: Service) -> None:
    kept.member()
    ring_of(kept).add(60)
    assert toll(kept, 1) == KeyImpact()


def test_a_rotation_keeps_sessions_and_links_and_is_audited_without_a_secret(kept: Service) -> None:
    member = kept.member()
    member.post("/api/forgot-password", {"email": member.email})
    token = kept.link_token(member.email, "reset-password")
    fresh = take_over(kept)
    assert member.signed_in
    assert kept.site.ring.signing == fresh
    data = {"token": token, "password": "another long passphrase"}
    assert kept.person().post("/api/l/reset-password", data).status_code == 200
    old, new = lives(kept)
    assert uses(old)["reset-password"].opened == 1
    assert "reset-password" not in uses(new)
    (facts,) = audited(kept, key_report.KEY_ROTATED_EVENT)
    assert facts["key"] == fresh.name
    assert fresh.secret.decode() not in str(facts)


def test_a_key_that_is_not_safe_is_dropped_only_by_who_says_so_twice(kept: Service) -> None:
    member = kept.member()
    member.post("/api/forgot-password", {"email": member.email})
    token = kept.link_token(member.email, "reset-password")
    old = kept.site.ring.signing
    take_over(kept)
    new_member = kept.member()
    with pytest.raises(Conflict, match=f"key {old.name} is kept"):
        key_report.drop_key(kept.uow(), ring_of(kept), old.name)
    assert member.signed_in
    assert audited(kept, key_report.KEY_DROPPED_EVENT) == []
    key_report.drop_key(kept.uow(), ring_of(kept), old.name, force=True)
    assert member.get("/api/account").status_code == 401
    answer = kept.person().get(f"/api/l/reset-password?token={token}")
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (400, "link_invalid")
    assert new_member.signed_in
    assert audited(kept, key_report.KEY_DROPPED_EVENT) == [{"key": old.name, "emergency": False, "new": None}]


def test_a_safe_key_is_dropped_without_asking(kept: Service) -> None:
    first = first_line(kept)
    write_ring(kept, first, f"{new_key()} {int(time.time()) - 31 * DAY}")
    name = ring_of(kept).entries[0].key.name
    key_report.drop_key(kept.uow(), ring_of(kept), name)
    assert [key.name for key in ring_of(kept).retired()] == [name]


def test_a_key_that_is_not_there_cannot_be_dropped(kept: Service) -> None:
    with pytest.raises(NotFound, match="there is no key deadbeef"):
        key_report.drop_key(kept.uow(), ring_of(kept), "deadbeef", force=True)


def test_a_drop_that_is_refused_leaves_no_trace(kept: Service, tmp_path: Path) -> None:
    (life,) = lives(kept)
    with pytest.raises(Conflict, match="is the last one"):
        key_report.drop_key(kept.uow(), ring_of(kept), life.name, force=True)
    assert audited(kept, key_report.KEY_DROPPED_EVENT) == []
    assert [file.name for file in (tmp_path / "instance").iterdir()] == ["secret-keys"]
