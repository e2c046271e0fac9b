"""Recovery x credential: somebody was in an admin's account, holds all there is, and the account is taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pytest
import time_machine
from sqlalchemy import delete, select

from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.apps import Consent, Grant
from accounts.core.models.counters import Spent
from accounts.core.models.invites import SentInvite
from accounts.core.models.upstream import Identity
from accounts.flows.oidc.grants import find_live_grant
from accounts.flows.shared.credentials import CREDENTIALS, RecoveryForm
from accounts.flows.shared.recovery import RECOVERIES, Effect, Recovery
from accounts.flows.sign_in.devices import DEVICE
from tests.adversary.recipes import request_change_link, request_reset_link, request_sign_in_link
from tests.apps import register_app, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import PASSWORD, Person, Service, make_email, token_of_url
from tests.servers.received import Received

NEW_PASSWORD = "nine orange kettles whistling"
Holds = Callable[[], bool]


@dataclass
class Theft:
    """An admin's account, who owns it, who has been in it, and another admin."""

    service: Service
    boss: Person
    owner: Person
    thief: Person
    owner_id: str

    def row(self) -> Account:
        with self.service.uow() as uow:
            return uow.session.get_one(Account, self.owner_id)

    def link_status(self, purpose: str, url: str) -> int:
        answer = self.service.person().get(f"/api/l/{purpose}?token={token_of_url(url)}")
        return answer.status_code

    def use(self, purpose: str, url: str, **data: object) -> None:
        answer = self.service.person().post(f"/api/l/{purpose}", {"token": token_of_url(url), **data})
        assert answer.status_code == 200, answer.get_json()


@pytest.fixture
def theft(service: Service) -> Theft:
    boss, owner = service.admin(), service.member("owner")
    owner_id = owner.get("/api/account").get_json()["id"]
    groups = {"groups": [ADMIN_GROUP]}
    assert boss.post(f"/api/admin/accounts/{owner_id}/groups", groups).status_code == 200
    thief = service.person(email=owner.email)
    assert thief.sign_in().status_code == 200
    return Theft(service, boss, owner, thief, owner_id)


def read_text(mail: Received) -> str:
    """The words of a mail, on one line."""
    body = mail.message.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def hold_session(theft: Theft) -> Holds:
    return lambda: theft.thief.signed_in


def hold_device(theft: Theft) -> Holds:
    def is_known() -> bool:
        cookie = theft.thief.client.get_cookie("device")
        device = theft.service.site.signer.read(DEVICE, cookie.value if cookie else "")
        return device is not None and (theft.owner_id, theft.row().auth_epoch) in device.epochs

    return is_known


def hold_grant(theft: Theft) -> Holds:
    with theft.service.uow() as uow:
        grant_id = uow.session.scalars(select(Grant.id).where(Grant.account_id == theft.owner_id)).one()
    return lambda: find_live_grant(theft.service.uow(), grant_id) is not None


def hold_consent(theft: Theft) -> Holds:
    sign_in_to_apps(
        theft.service, theft.thief, register_app(theft.service, "Reader").app, scope="openid offline_access"
    )

    def is_given() -> bool:
        with theft.service.uow() as uow:
            return uow.session.scalar(select(Consent.scope).where(Consent.account_id == theft.owner_id)) is not None

    return is_given


def hold_link(theft: Theft) -> Holds:
    url = request_sign_in_link(theft.service, theft.service.person(email=theft.row().email))
    return lambda: theft.link_status("sign-in", url) == 200


def hold_identity(theft: Theft) -> Holds:
    with theft.service.uow() as uow:
        uow.session.add(Identity(issuer="https://idp.example", subject="thief", account_id=theft.owner_id))

    def is_connected() -> bool:
        with theft.service.uow() as uow:
            return uow.session.scalar(select(Identity.id).where(Identity.account_id == theft.owner_id)) is not None

    return is_connected


def hold_invite(*groups: str) -> Callable[[Theft], Holds]:
    def invite(theft: Theft) -> Holds:
        email = make_email("accomplice")
        data = {"email": email, "groups": list(groups), "days": 90}
        assert theft.thief.post("/api/admin/invites", data).status_code == 202
        url = theft.service.link_url(email, "invite")
        return lambda: theft.link_status("invite", url) == 200

    return invite


def hold_app(theft: Theft) -> Holds:
    data = {"name": "Trap", "redirect_uris": ["https://trap.example/cb"]}
    assert theft.thief.post("/api/admin/apps", data).status_code == 201

    def is_unknown_to_the_others() -> bool:
        return not any("Trap" in read_text(mail) for mail in theft.service.mails_to(theft.boss.email))

    return is_unknown_to_the_others


HOLDS: dict[str, Callable[[Theft], Holds]] = {
    "sessions": hold_session,
    "devices": hold_device,
    "consents": hold_consent,
    "grants": hold_grant,
    "links": hold_link,
    "identities": hold_identity,
    "admin_invites": hold_invite(ADMIN_GROUP, "staff"),
    "invites": hold_invite("staff"),
    "apps": hold_app,
}
"""How the thief gets hold of each credential, in this order; then whether it is good for anything."""


def say_not_me(theft: Theft, kept: Collection[str]) -> None:
    theft.use("not-me", theft.service.link_url(theft.owner.email, "not-me"))


def undo_change(theft: Theft, kept: Collection[str]) -> None:
    theft.use("undo-email-change", theft.service.link_url(theft.owner.email, "undo-email-change"))


def reset_by_mail(theft: Theft, kept: Collection[str]) -> None:
    url = request_reset_link(theft.service, theft.owner)
    theft.use("reset-password", url, password=NEW_PASSWORD, **dict.fromkeys(kept, False))


def change_password(theft: Theft, kept: Collection[str]) -> None:
    owner = theft.service.person(email=theft.owner.email)
    assert owner.sign_in().status_code == 200
    data = {"current_password": PASSWORD, "password": NEW_PASSWORD}
    assert owner.post("/api/account/password", data).status_code == 200


def disable(theft: Theft, kept: Collection[str]) -> None:
    path = f"/api/admin/accounts/{theft.owner_id}"
    assert theft.boss.post(f"{path}/disable").status_code == 200
    # What is left of it shows when the account is active again: by nothing but its state, as if by a backup.
    with theft.service.uow() as uow:
        uow.session.get_one(Account, theft.owner_id).status = "active"


def enable(theft: Theft, kept: Collection[str]) -> None:
    path = f"/api/admin/accounts/{theft.owner_id}"
    assert theft.boss.post(f"{path}/disable").status_code == 200
    assert theft.boss.post(f"{path}/enable", dict.fromkeys(kept, False)).status_code == 200


ACTS: dict[str, Callable[[Theft, Collection[str]], None]] = {
    "not-me": say_not_me,
    "undo": undo_change,
    "reset": reset_by_mail,
    "change-password": change_password,
    "disable": disable,
    "enable": enable,
}


def prepare(theft: Theft, recovery: Recovery) -> None:
    """What happens in the account before the thief collects credentials, so that its owner hears of it."""
    if recovery.name == "not-me":
        data = {"current_password": PASSWORD, "password": PASSWORD + " mine"}
        assert theft.thief.post("/api/account/password", data).status_code == 200
    if recovery.name == "undo":
        change = request_change_link(theft.service, theft.thief, make_email("mine"))
        assert theft.thief.post("/api/l/change-email", {"token": token_of_url(change)}).status_code == 200


@pytest.mark.parametrize(
    "kept", [(), tuple(RecoveryForm.model_fields)], ids=["nothing kept", "all kept that is asked"]
)
@pytest.mark.parametrize("recovery", RECOVERIES, ids=lambda recovery: recovery.name)
def test_what_is_left_of_each_credential_is_what_the_table_says(
    theft: Theft, recovery: Recovery, kept: tuple[str, ...]
) -> None:
    prepare(theft, recovery)
    held = {name: hold(theft) for name, hold in HOLDS.items()}
    assert {name for name, holds in held.items() if holds()} == {each.name for each in CREDENTIALS}
    ACTS[recovery.name](theft, kept)
    ended = {Effect.STAYS: False, Effect.ENDS: True, Effect.ASKED: not kept}
    assert {name: not holds() for name, holds in held.items()} == {
        name: ended[recovery.effects[name]] for name in held
    }


def test_the_letter_names_what_was_taken_away(theft: Theft) -> None:
    prepare(theft, RECOVERIES[0])
    for hold in HOLDS.values():
        hold(theft)
    say_not_me(theft, ())
    text = read_text(theft.service.mails_to(theft.owner.email)[-1])
    for said in (
        "Sign-in services that were disconnected: idp.example",
        "Apps that need your permission again: Reader",
        "Open invitations that were revoked: 2",
        "Apps that were registered from this account and that the other admins were asked to review: Trap",
    ):
        assert said in text


def forget_ledger(service: Service) -> None:
    """What is known of invitations but by their links: nothing, as after a list was cleared or a backup restored."""
    with service.uow() as uow:
        uow.session.execute(delete(SentInvite))
        uow.session.execute(delete(Spent))


def invite(person: Person, *groups: str) -> str:
    email = make_email("guest")
    assert person.post("/api/admin/invites", {"email": email, "groups": list(groups)}).status_code == 202
    return email


@pytest.mark.parametrize("listed", [True, False], ids=["in the ledger", "by their links alone"])
def test_what_was_issued_before_the_event_that_the_letter_names_stays_but_for_admins(
    theft: Theft, stopped_clock: time_machine.Traveller, listed: bool
) -> None:
    service, owner = theft.service, theft.owner
    assert owner.sign_in().status_code == 200
    old = {each: service.link_url(invite(owner, each), "invite") for each in ("staff", ADMIN_GROUP)}
    stopped_clock.shift(60)
    assert theft.thief.sign_in().status_code == 200
    prepare(theft, RECOVERIES[0])
    new = {each: service.link_url(invite(theft.thief, each), "invite") for each in ("staff", ADMIN_GROUP)}
    objection = service.link_url(owner.email, "not-me")
    stopped_clock.shift(60)
    theft.use("not-me", objection)
    if not listed:
        forget_ledger(service)
    assert [theft.link_status("invite", each[group]) for each in (old, new) for group in ("staff", ADMIN_GROUP)] == [
        200, 410, 410, 410]  # fmt: skip
    stopped_clock.shift(1)
    theft.use("reset-password", service.link_url(owner.email, "reset-password"), password=NEW_PASSWORD, invites=False)
    owner.password = NEW_PASSWORD
    assert owner.sign_in().status_code == 200
    stopped_clock.shift(1)
    later = service.link_url(invite(owner, ADMIN_GROUP), "invite")
    assert [theft.link_status("invite", each) for each in (later, new["staff"])] == [200, 410]
    if listed:
        states = Counter(row["state"] for row in theft.boss.get("/api/admin/invites").get_json()["invites"])
        assert states == {"pending": 2, "revoked": 3}


@on_both_databases
def test_an_invitation_that_is_accepted_while_the_account_is_taken_back_is_told_the_truth(theft: Theft) -> None:
    prepare(theft, RECOVERIES[0])
    emails = [invite(theft.thief, "staff") for _ in range(4)]
    tokens = [theft.service.link_token(each, "invite") for each in emails]
    objection = theft.service.link_url(theft.owner.email, "not-me")

    def act(number: int) -> int:
        if number == 4:
            theft.use("not-me", objection)
            return 200
        data = {"token": tokens[number], "password": NEW_PASSWORD, "name": "Guest"}
        return theft.service.person().post("/api/l/invite", data).status_code

    answers = run_concurrently(5, act)
    assert set(answers) <= {200, 201, 410}
    with theft.service.uow() as uow:
        rows = uow.session.scalars(select(SentInvite).where(SentInvite.email.in_(emails))).all()
        states = {row.email: row.state for row in rows}
        both = [row.email for row in rows if row.accepted_at and row.revoked_at]
    assert [states[email] for email in emails] == ["accepted" if each == 201 else "revoked" for each in answers[:4]]
    assert both == []
