"""Sign up: an address asks, the mailbox answers. Nothing is stored about a person before that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.core.clock import now
from accounts.core.errors import N_, LinkUsed
from accounts.core.ids import new_id
from accounts.core.link_kinds.parts import holder
from accounts.core.links.link import ActResult, Link, LinkClaims, OpenedLink
from accounts.core.links.opening import find_holder
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_request
from accounts.flows.shared.accounts import Chosen
from accounts.flows.shared.fields import Asks, NewAccount

PURPOSE = "activate"


class SignUp(mail_request.Asking):
    """The address that asks for an account, and where to go once it is there."""


class Carried(Asks):
    """What an activation link says beside the address."""

    id: str
    locale: str
    next: str


def ask(uow: UnitOfWork, said: SignUp) -> None:
    """Have a letter sent: with an activation link, or saying that there is an account already.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.ask(uow, PURPOSE, said, "sign-up.asked")


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    subject = find_holder(uow, intent.subject)
    facts: dict[str, object] = {"asked": intent.requested_by, "email": subject.email}
    if subject.account is not None:
        if not subject.account.active:
            return None
        signer = uow.site.link_signer
        pages = {"sign_in_url": signer.page_url("/sign-in"), "forgot_url": signer.page_url("/forgot-password")}
        return Letter("already-registered", subject.email, subject.account.locale, facts | pages)
    carried = Carried(id=new_id(), locale=intent.locale, next=intent.facts["next"])
    facts["until"] = now() + uow.site.link_signer.lifetime(ACTIVATE)
    return Letter(PURPOSE, subject.id, intent.locale, facts, link=uow.link_url(ACTIVATE, subject, carried))


def again(uow: UnitOfWork, sentence: LinkClaims) -> bool:
    uow.enqueue(PURPOSE, sentence.subject_id, {"next": sentence.carried.next}, sentence.carried.locale)
    return True


def check(uow: UnitOfWork, opened: OpenedLink) -> None:
    accounts.check_free(uow, opened.subject)


def prepare(uow: UnitOfWork, opened: OpenedLink, said: NewAccount) -> Chosen:
    hashed = accounts.choose(uow, said.password, email=opened.subject.id, name=said.name)
    return Chosen(hashed, name=said.name)


def act(uow: UnitOfWork, opened: OpenedLink, said: Chosen) -> ActResult:
    if not uow.spend(_spends(opened.carried), uow.site.link_signer.keep_spent_until(opened.expires_at)):
        raise LinkUsed("activated at the same moment")
    account = accounts.create(uow, opened.subject.id, said, locale=opened.carried.locale)
    uow.record_event("account.activated", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id, sign_in_as=account, created=True)


def _spends(carried: Any) -> str:
    # The account itself shows that the link was used; the mark outlives it, should it be deleted soon after.
    return f"activate:{carried.id}"


ACTIVATE = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=48),
    about="address",
    dies_with=(holder,),
    spends=_spends,
    carries=Carried,
    form=NewAccount,
    letter=letter,
    check=check,
    prepare=prepare,
    can_resend=again,
    act=act,
    title=N_("Finish creating your account"),
    explanation=N_("Choose a password, and the account is yours."),
    button=N_("Create account"),
    done=N_("Your account is ready."),
)
