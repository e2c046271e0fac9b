"""Say which accounts a search is about: by text, group and state."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from sqlalchemy import ColumnElement, select

from accounts.core.clock import now
from accounts.core.database import terms
from accounts.core.database.terms import ACCOUNT_TERMS
from accounts.core.errors import NotFound
from accounts.core.messages import N_
from accounts.core.models.account import LOCKOUT_DURATION, Account, Membership
from accounts.core.models.terms import AccountTerm
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import SEARCH_DESCRIPTION, Form, SearchText


class AccountFilter(Form):
    """Which accounts: by text, group and state, all of which hold."""

    q: SearchText = Field(
        default="",
        title=N_("Email address or name"),
        description=SEARCH_DESCRIPTION,
        max_length=100,
        json_schema_extra={"maxlength": 100},
    )
    group: SearchText = Field(default="", title=N_("Group"), max_length=64, json_schema_extra={"maxlength": 64})
    state: Literal["", "active", "disabled", "locked"] = Field(default="", title=N_("Status"))


def build_match_conditions(uow: UnitOfWork, form: AccountFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of all accounts that a search finds page by page."""
    conditions = build_conditions(form)
    words = terms.parse_words(form.q)
    if found_id := find_named_account(uow, form.q):
        conditions.append(Account.id == found_id)
    elif words:
        terms.update_terms(uow.site.store.engine, ACCOUNT_TERMS)
        matches = select(AccountTerm.email_key).where(ACCOUNT_TERMS.matches(words[0]))
        conditions.append(Account.email_key.in_(matches))
        conditions += [ACCOUNT_TERMS.is_found_by(word) for word in words[1:]]
    if form.group:
        conditions.append(Account.id.in_(select(Membership.account_id).where(Membership.group == form.group)))
    return conditions


def build_conditions(form: AccountFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of the state that a search asks for."""
    # An expression where there is a better index: SQLite would take the one of all that are active.
    status = Account.status.concat("") if form.q or form.group or form.state == "locked" else Account.status
    if form.state == "locked":
        return [status == "active", Account.locked_at > now() - LOCKOUT_DURATION]
    return [status == form.state] if form.state else []


def find_named_account(uow: UnitOfWork, text: str) -> str:
    """Return the id of the account that a text names by its id or its whole address; "" where it names none."""
    try:
        return accounts.find_account(uow, text).id if text else ""
    except NotFound:
        return ""
