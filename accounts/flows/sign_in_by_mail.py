"""Sign in by a mailed link. Pressing the button on its page is the act; opening it signs nobody in."""

from __future__ import annotations

from datetime import timedelta

from accounts.core.clock import now
from accounts.core.errors import LinkExpired, LinkUsed, sentence
from accounts.core.links import Done, Link, Opened, Sentence, auth_epoch, email, sign_ins
from accounts.core.opening import account_of
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import accounts, letter_limits
from accounts.flows.inputs import Asks, Email, Next

PURPOSE = "sign-in"


class SignInByMail(Asks):
    """The address that asks for a sign-in link, and where to go then."""

    email: Email
    next: Next = ""


class Carried(Asks):
    """What a sign-in link says beside the account."""

    next: str = ""


def ask(uow: UnitOfWork, said: SignInByMail) -> None:
    """Have a sign-in link sent, if there is such an account. Looks nobody up.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    letter_limits.ask(uow, PURPOSE, said.email.key)
    with uow:
        mail = uow.put(PURPOSE, said.email.email, {"next": said.next})
        uow.note("sign-in.mail-asked", about=said.email.key, facts={"mail": mail, "purpose": PURPOSE})


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    account = account_of(uow, intent.subject)
    if account is None or not account.active:
        return None
    facts = {
        "asked": intent.asked,
        "email": account.email,
        "name": account.name or None,
        "until": now() + uow.house.signer.lives(SIGN_IN),
    }
    wanted = Carried(next=intent.facts.get("next", ""))
    link = uow.url(SIGN_IN, accounts.subject_of(account), wanted if wanted.next else None)
    return Letter(PURPOSE, account.email, account.locale, facts, link=link)


def act(uow: UnitOfWork, opened: Opened, said: object) -> Done:
    account = opened.account
    account.sign_in_serial += 1
    uow.note("sign-in.by-mail", account_id=account.id, link_id=opened.link_id)
    return Done(account.id, signs_in=account, amr=("mail",))


def again(uow: UnitOfWork, sentence: Sentence) -> bool:
    uow.put(PURPOSE, sentence.subject_id, {"next": sentence.carried.next})
    return True


SIGN_IN = Link(
    purpose=PURPOSE,
    lives=timedelta(minutes=15),
    about="account",
    dies_with=(email, auth_epoch, sign_ins),
    carries=Carried,
    letter=letter,
    act=act,
    again=again,
    again_after=(LinkExpired, LinkUsed),
    title=sentence("Sign in"),
    explains=sentence("Press the button, and you are signed in on this device."),
    button=sentence("Sign in"),
    done=sentence("You are signed in."),
)
