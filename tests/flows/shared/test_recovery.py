"""What each recovery takes away: every credential has a word in each, and its owner and the log are told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from accounts.core.database.schema import MODELS
from accounts.core.models.base import Base
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.flows import LINKS, TOKENS
from accounts.flows.shared.accounts import find_account
from accounts.flows.shared.credentials import CREDENTIALS, RecoveryForm
from accounts.flows.shared.recovery import (
    NOT_ME,
    RECOVERIES,
    RESET,
    Effect,
    PasswordEffect,
    Recovery,
    enqueue_reset_link,
    recover_account,
)
from tests.apps import register_app, sign_in_to_apps
from tests.flows.steps import sign_up_member
from tests.people import Service

NO_CREDENTIALS = {
    "accounts": "the account itself; its password is in the table of recoveries, too",
    "memberships": "groups are given by admins; a session that changes them needs a fresh proof",
    "account_terms": "words by which admins find accounts",
    "invite_terms": "words by which admins find invitations",
    "invite_batches": "a list that waits: an admin has to send it, and becomes the inviter",
    "invite_batch_rows": "rows of such a list",
    "bulk_acts": "what an admin wants done about many accounts; it is judged again when it is done",
    "bulk_act_accounts": "to which accounts",
    "audit": "what happened",
    "audit_marks": "by which addresses are found in it",
    "audit_seals": "the chain that shows what was altered in it",
    "unreachable_addresses": "from which addresses mail came back; it stops no email and opens nothing",
    "outbox": "emails that are due; what they may do is judged when they are written",
    "mail_lanes": "which mail stands still, and why",
    "mail_batches": "when a batch of mail had its turn",
    "spent": "ids that are used up",
    "session_names": "what people call their devices; it opens nothing",
    "rate_limits": "what was counted",
    "key_uses": "which key has signed what",
    "app_logos": "pictures of apps",
    "known_keys": "which keys the database was used with",
    "oidc_keys": "keys of the service",
    "notice": "a sentence about what was done",
    "mail-asked": "an address that somebody has typed, for the page that tells it to them",
    "forward-trip": "where somebody wanted to go before signing in",
    "oauth-asked": "what an app asked before its user signed in",
    "try-app": "where an admin tries an app",
    "upstream": "a sign-in at another service that has begun; connecting asks for the session once more",
    "activate": "about an address without an account",
    "unlock": "lets passwords be tried again, and signs nobody in",
    "request-account": "asks admins about an address without an account",
    "review-request": "acts only by a session of its admin with a fresh proof; invitations end as all others do",
    "not-me": "takes the account back",
    "undo-email-change": "takes the account back",
}
"""Tables about accounts, signed tokens and links with which nobody gets into an account, and why."""


def test_every_table_token_and_link_about_accounts_is_a_credential_or_says_why_not() -> None:
    held = {each for credential in CREDENTIALS for each in credential.held_in}
    assert MODELS, "all tables are declared by now"
    known = {*Base.metadata.tables, *(kind.purpose for kind in TOKENS), *(link.purpose for link in LINKS)}
    assert held.isdisjoint(NO_CREDENTIALS)
    assert held | set(NO_CREDENTIALS) == known


@pytest.mark.parametrize("recovery", RECOVERIES, ids=lambda recovery: recovery.name)
def test_a_recovery_that_says_nothing_of_a_credential_cannot_be_declared(recovery: Recovery) -> None:
    for credential in CREDENTIALS:
        effects = {name: effect for name, effect in recovery.effects.items() if name != credential.name}
        with pytest.raises(TypeError, match=credential.name):
            replace(recovery, effects=effects)


def test_nothing_is_asked_that_no_form_has_a_field_for_and_nothing_outlives_its_epoch() -> None:
    with pytest.raises(TypeError, match="nobody is asked about admin_invites"):
        replace(RESET, effects={**RESET.effects, "admin_invites": Effect.ASKED})
    with pytest.raises(TypeError, match="devices ends with auth_epoch"):
        replace(RESET, effects={**RESET.effects, "devices": Effect.STAYS})
    asked = {name for recovery in RECOVERIES for name, effect in recovery.effects.items() if effect is Effect.ASKED}
    assert asked == set(RecoveryForm.model_fields)


@pytest.mark.parametrize("recovery", RECOVERIES, ids=lambda recovery: recovery.name)
def test_sessions_password_lock_and_letter_are_as_the_recovery_says(service: Service, recovery: Recovery) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        account = find_account(uow, member.id)
        account.password_hash, account.failures, account.locked_at = "old", 20, account.created_at
        uow.session.query(OutboxRow).delete()
    before = member.row
    with service.uow() as uow:
        losses = recover_account(uow, find_account(uow, member.id), recovery, password_hash="new")
    after = member.row
    password, letter = {
        PasswordEffect.STAYS: ("old", []),
        PasswordEffect.REPLACED: ("new", ["password-changed"]),
        PasswordEffect.VOID: (None, ["reset-password"]),
    }[recovery.password]
    assert (after.auth_epoch, after.password_hash, losses) == (before.auth_epoch + 1, password, {})
    assert (after.locked_at is None, after.lock_serial - before.lock_serial) == (
        recovery.lifts_lock,
        int(recovery.lifts_lock),
    )
    with service.uow() as uow:
        rows = uow.session.scalars(select(OutboxRow)).all()
        assert [(row.purpose, row.subject, row.locale) for row in rows] == [
            (each, member.id, member.row.locale) for each in letter
        ]


def test_the_reset_letter_tells_what_its_sender_says(service: Service) -> None:
    member = sign_up_member(service)
    asked = {"network": "", "agent": ""}
    with service.uow() as uow:
        mail_id = enqueue_reset_link(uow, find_account(uow, member.id), {"asked": asked})
    with service.uow() as uow:
        assert uow.session.get_one(OutboxRow, mail_id).facts == {"next": "", "asked": asked}


def test_who_recovers_an_account_that_has_nothing_else_writes_no_line_about_it(service: Service) -> None:
    member = sign_up_member(service)
    with service.record_statements() as statements, service.uow() as uow:
        recover_account(uow, find_account(uow, member.id), NOT_ME)
    assert not [each for each in statements if "INTO audit" in each or "DELETE" in each]


@pytest.mark.parametrize("recovery", RECOVERIES, ids=lambda recovery: recovery.name)
def test_apps_are_told_once_that_the_sign_in_has_ended(service: Service, recovery: Recovery) -> None:
    member = service.member()
    app = register_app(service, backchannel_logout_uri="https://wiki.example.org/logout").app
    sign_in_to_apps(service, member, app)
    with service.uow() as uow:
        recover_account(uow, find_account(uow, member.email), recovery, password_hash="new")
    with service.uow() as uow:
        ((app_id, sid),) = [(row.app_id, row.sid) for row in uow.session.scalars(select(AppLogout))]
    assert app_id == app.id
    assert sid is not None
