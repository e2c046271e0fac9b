"""Ask whoever is signed in to accept the terms of the installation."""

from __future__ import annotations

from typing import Any

from accounts.core.errors import NotFound
from accounts.flows.shared import terms
from accounts.flows.shared.terms import AcceptTermsForm
from accounts.web.answers.account import AccountOut, TermsOut
from accounts.web.kit import context, errors
from accounts.web.kit.context import require_account, runtime, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, SIGNED_IN_WITHOUT_TERMS, Onward, Routes, page_url

routes: Routes = Routes(access=SIGNED_IN_WITHOUT_TERMS)


def go_on(target: str, *, terms_accepted: bool) -> str:
    """Return where whoever has just signed in goes: to what they wanted, or first to the terms.

    :param target: the path that they want; "" for their account.
    """
    target = target or page_url("change_account_form")
    return target if terms_accepted else page_url("accept_terms_form", next=target)


def _terms_context() -> dict[str, Any]:
    """Return what the page shows that asks.

    :raises NotFound: there are no terms.
    """
    if runtime().site.settings.terms_version is None:
        raise NotFound("no terms are set")
    account = require_account()
    return {"is_accepted": account.terms_accepted, "accepted_before": account.terms_version}


@routes.get("/account/terms", formats=JSON, answers=TermsOut)
def show_terms() -> Reply:
    """Return where the terms are, which version they are, and whether this account has accepted it."""
    return Reply(json=TermsOut(**errors.describe_terms(), accepted=_terms_context()["is_accepted"]))


@routes.post(
    "/account/terms",
    form=AcceptTermsForm,
    answers=AccountOut,
    template="accept_terms.html",
    context=_terms_context,
    notice=Onward("it goes on to what they wanted to do when they were asked"),
)
def accept_terms_(form: AcceptTermsForm) -> Reply:
    """Accept the terms in the version that is named."""
    terms.accept_terms(uow(), require_account().id, form)
    context.forget_account()
    return Reply(
        json=AccountOut.from_account(require_account()), location=form.next or page_url("change_account_form")
    )
