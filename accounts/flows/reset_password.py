"""Reset a forgotten password by mail. Never signs in, never touches second factors."""

from __future__ import annotations

from datetime import timedelta

from accounts.core.clock import now
from accounts.core.errors import LinkExpired, LinkUsed, sentence
from accounts.core.links import Done, Link, Opened, Sentence, auth_epoch, email, password, sign_ins
from accounts.core.opening import account_of
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import accounts, letter_limits, unlock
from accounts.flows.accounts import Chosen
from accounts.flows.inputs import Asks, ChosenPassword, Email, Next

PURPOSE = accounts.RESET_PASSWORD


class ForgotPassword(Asks):
    """The address whose password was forgotten."""

    email: Email
    next: Next = ""


class Carried(Asks):
    """What a reset link says beside the account: where the person wanted to go, where that was said."""

    next: str = ""


def ask(uow: UnitOfWork, said: ForgotPassword) -> None:
    """Have a reset link sent, if there is such an account. Looks nobody up.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    letter_limits.ask(uow, PURPOSE, said.email.key)
    with uow:
        mail = uow.put(PURPOSE, said.email.email, {"next": said.next})
        uow.note("password.reset-asked", about=said.email.key, facts={"mail": mail, "purpose": PURPOSE})


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    account = account_of(uow, intent.subject)
    if account is None or not account.active:
        return None
    facts = {
        "asked": intent.asked,
        "email": account.email,
        "name": account.name or None,
        "until": now() + uow.house.signer.lives(RESET),
    }
    wanted = Carried(next=intent.facts.get("next", ""))
    link = uow.url(RESET, accounts.subject_of(account), wanted if wanted.next else None)
    return Letter(PURPOSE, account.email, account.locale, facts, link=link)


def again(uow: UnitOfWork, sentence: Sentence) -> bool:
    uow.put(PURPOSE, sentence.subject_id, {"next": sentence.carried.next})
    return True


def prepare(uow: UnitOfWork, opened: Opened, said: ChosenPassword) -> Chosen:
    account = opened.account
    return Chosen(accounts.choose(uow, said.password, email=account.email, name=account.name))


def act(uow: UnitOfWork, opened: Opened, said: Chosen) -> Done:
    account = opened.account
    accounts.set_password(uow, account, said.password_hash)
    unlock.lift(account)
    uow.note("password.reset", account_id=account.id, link_id=opened.link_id)
    return Done(account.id)


RESET = Link(
    purpose=PURPOSE,
    lives=timedelta(minutes=30),
    about="account",
    dies_with=(password, email, auth_epoch, sign_ins),
    asks=ChosenPassword,
    carries=Carried,
    again=again,
    again_after=(LinkExpired, LinkUsed),
    letter=letter,
    prepare=prepare,
    act=act,
    title=sentence("Choose a new password"),
    explains=sentence("All other devices that are signed in to this account will be signed out."),
    button=sentence("Set password"),
    done=sentence("Your new password is set. Please sign in with it."),
)
