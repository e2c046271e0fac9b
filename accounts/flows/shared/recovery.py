"""Take an account back: what others lose when its owner, or an admin for them, takes control of it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.core.mail_lanes import DIRECT, Lane
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.credentials import CREDENTIALS, Loss, RecoveryForm, count_credentials

PASSWORD_CHANGED, RESET_PASSWORD = "password-changed", "reset-password"
"""Purposes of the letters that a recovery sends."""
RECOVERED_EVENT = "account.recovered"


class Effect(StrEnum):
    """What becomes of a credential. ``ASKED``: it ends unless whoever recovers the account wants to keep it."""

    STAYS = "stays"
    ENDS = "ends"
    ASKED = "ends unless kept"


class PasswordEffect(StrEnum):
    """What becomes of the password. ``VOID``: it counts no more, and its owner gets a link to choose another one."""

    STAYS = "stays"
    REPLACED = "replaced"
    VOID = "void"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """One way to take an account back, or to take it out of the world for a while.

    :ivar name: stable; stands in the audit log.
    :ivar title: what it is, in the table of ``docs/security.md``.
    :ivar lifts_lock: whether passwords may be tried again at once.
    :ivar effects: what becomes of each credential, by its name.
    :raises TypeError: a credential has no word here, or one is asked about that no form has a field for.
    """

    name: str
    title: str
    password: PasswordEffect = PasswordEffect.STAYS
    lifts_lock: bool = False
    effects: Mapping[str, Effect]

    def __post_init__(self) -> None:
        names = {each.name for each in CREDENTIALS}
        if names != set(self.effects):
            raise TypeError(f"{self.name}: says nothing of {sorted(names.symmetric_difference(self.effects))}")
        for each in CREDENTIALS:
            effect = self.effects[each.name]
            if each.take is None and effect is not Effect.ENDS:
                raise TypeError(f"{self.name}: {each.name} ends with auth_epoch, whatever is said here")
            if effect is Effect.ASKED and each.name not in RecoveryForm.model_fields:
                raise TypeError(f"{self.name}: nobody is asked about {each.name}")

    def takes(self, name: str, kept: Collection[str]) -> bool:
        """Return whether it takes a credential away, if these shall be kept."""
        effect = self.effects[name]
        return effect is Effect.ENDS or (effect is Effect.ASKED and name not in kept)


ENDED_WITH_EPOCH = {each.name: Effect.ENDS for each in CREDENTIALS if each.take is None}
"""Whatever is bound to ``auth_epoch`` ends with every recovery."""
_ALL = {each.name: Effect.ENDS for each in CREDENTIALS}
_ASKED = {
    **ENDED_WITH_EPOCH,
    "identities": Effect.ASKED,
    "consents": Effect.ASKED,
    "admin_invites": Effect.ENDS,
    "invites": Effect.ASKED,
    "apps": Effect.ASKED,
}
_NO_MORE_THAN_EPOCH = {
    **ENDED_WITH_EPOCH,
    "identities": Effect.STAYS,
    "consents": Effect.STAYS,
    "admin_invites": Effect.STAYS,
    "invites": Effect.STAYS,
    "apps": Effect.STAYS,
}

NOT_ME = Recovery(name="not-me", title="“This was not me”", password=PasswordEffect.VOID, effects=_ALL)
UNDO = Recovery(name="undo", title="Undo of a change of address", password=PasswordEffect.VOID, effects=_ALL)
RESET = Recovery(
    name="reset",
    title="Reset by mail, asked for by the owner or by an admin",
    password=PasswordEffect.REPLACED,
    lifts_lock=True,
    effects=_ASKED,
)
CHANGE_PASSWORD = Recovery(
    name="change-password",
    title="Password changed with the current one",
    password=PasswordEffect.REPLACED,
    effects=_NO_MORE_THAN_EPOCH,
)
DISABLE = Recovery(name="disable", title="Disabled by an admin", effects=_NO_MORE_THAN_EPOCH)
ENABLE = Recovery(name="enable", title="Enabled again by an admin", effects=_ASKED)
RECOVERIES = (NOT_ME, UNDO, RESET, CHANGE_PASSWORD, DISABLE, ENABLE)


def recover_account(
    uow: UnitOfWork,
    account: Account,
    recovery: Recovery,
    *,
    kept: Collection[str] = (),
    since: datetime | None = None,
    password_hash: str | None = None,
) -> Mapping[str, Loss]:
    """Take away what others may have of an account, in the caller's transaction, and tell its owner what it was.

    :param kept: names of credentials that shall stay, where this recovery asks.
    :param since: from when on somebody else may have issued invitations; None where nobody can tell.
    :param password_hash: the new password, where this recovery replaces it.
    :returns: what was taken away, by the name of the credential; what there was none of is left out.
    """
    account.auth_epoch += 1
    if recovery.lifts_lock:
        clear_lock(account)
    losses = _take_away(uow, account, recovery, kept, since)
    if losses:
        counts = {name: loss if isinstance(loss, int) else len(loss) for name, loss in losses.items()}
        uow.record_event(RECOVERED_EVENT, account_id=account.id, facts={"recovery": recovery.name, "taken": counts})
    _settle_password(uow, account, recovery, password_hash, losses)
    return losses


def _take_away(
    uow: UnitOfWork, account: Account, recovery: Recovery, kept: Collection[str], since: datetime | None
) -> Mapping[str, Loss]:
    takes = {each.name: each.take for each in CREDENTIALS if each.take and recovery.takes(each.name, kept)}
    if not takes:
        return {}
    # Sessions end first: the row is held from here on, so that nobody connects anything between counting and taking.
    # Apps are told by this flush, while their grants are not revoked yet.
    uow.session.flush()
    counts = count_credentials(uow, account.id)
    losses = {name: take(uow, account, since, counts[name]) for name, take in takes.items()}
    return {name: loss for name, loss in losses.items() if loss}


def _settle_password(
    uow: UnitOfWork,
    account: Account,
    recovery: Recovery,
    password_hash: str | None,
    losses: Mapping[str, Loss],
) -> None:
    if recovery.password is PasswordEffect.REPLACED:
        account.password_hash = password_hash
        uow.enqueue(PASSWORD_CHANGED, account.id, {"taken": losses}, account.locale)
    if recovery.password is PasswordEffect.VOID:
        # Only a void password keeps others out meanwhile. They could sign in again otherwise, and every sign-in would
        # kill the reset link.
        account.password_hash = None
        enqueue_reset_link(uow, account, {"taken": losses})


def enqueue_reset_link(
    uow: UnitOfWork,
    account: Account,
    facts: Mapping[str, object],
    *,
    lane: Lane = DIRECT,
    batch_id: str | None = None,
) -> str:
    """Queue the email with a link to choose a new password, and return its id.

    :param lane: ``bulk`` where it goes to many, by the same ``batch_id``.
    """
    reset_facts = {"next": "", **facts}
    return uow.enqueue(RESET_PASSWORD, account.id, reset_facts, account.locale, lane=lane, batch_id=batch_id)


def clear_lock(account: Account) -> None:
    """Let passwords be tried again; unlock links that are out have done their work."""
    account.locked_at, account.failures = None, 0
    account.lock_serial += 1


def format_recovery_table() -> str:
    """Return recovery x credential as a table in Markdown, as ``docs/security.md`` has it."""
    rows = [["", *(each.title for each in RECOVERIES)], ["---"] * (len(RECOVERIES) + 1)]
    rows.append(["Password", *(each.password.value for each in RECOVERIES)])
    rows += [[each.title, *(recovery.effects[each.name].value for recovery in RECOVERIES)] for each in CREDENTIALS]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
