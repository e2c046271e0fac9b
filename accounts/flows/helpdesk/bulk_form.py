"""Declare what can be done about many accounts at once, to which, and why one of them is skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.security.addresses import MAX_EMAIL_BYTES
from accounts.flows.helpdesk.accounts import AccountSearchForm
from accounts.flows.shared.credentials import RecoveryForm
from accounts.flows.shared.fields import Checkbox, Groups, SearchText
from accounts.flows.shared.frozen_lists import FrozenList, ListRowsForm

MAX_BULK_ACCOUNTS = 20_000
BULK_ACTS = FrozenList(
    head=BulkAct,
    row=BulkActAccount,
    list_id=BulkActAccount.act_id,
    done_at=BulkAct.done_at,
    due=("due",),
    done="done",
)
BulkAction = Literal["add-groups", "remove-groups", "disable", "enable", "sign-out", "send-reset"]
BULK_ACTIONS: tuple[str, ...] = get_args(BulkAction)
GROUP_ACTIONS = frozenset({"add-groups", "remove-groups"})
ACTION_LABELS: Mapping[str, str] = {
    "add-groups": N_("Add to groups"),
    "remove-groups": N_("Remove from groups"),
    "disable": N_("Disable"),
    "enable": N_("Enable"),
    "sign-out": N_("Sign out everywhere"),
    "send-reset": N_("Send password reset"),
}
BulkVerdict = Literal["due", "done", "skipped"]
SKIP_MESSAGES: Mapping[str, str] = {
    "member": N_("already in all of these groups"),
    "not-member": N_("not in any of these groups"),
    "disabled": N_("account is disabled"),
    "active": N_("account is active"),
    "yourself": N_("your own account"),
    "last-admin": N_("last remaining admin"),
    "gone": N_("account was deleted"),
}
"""Why an account is skipped, by the reason."""
NOBODY_MESSAGE = N_("No accounts selected. Select accounts in the list, or choose all results.")
UNKNOWN_MESSAGE = N_("None of these is an existing account.")
NO_MATCH_MESSAGE = N_("No accounts match your search.")
TOO_MANY_MESSAGE = N_("You can change up to %(limit)s accounts at once. Narrow your search.")
NO_GROUP_MESSAGE = N_("Enter at least one group.")
NO_ADMINS_MESSAGE = N_("Admins can only be added one at a time. Open each account's page to make it an admin.")


class ChooseAccountsForm(AccountSearchForm):
    """Which page of the accounts to choose from, and whether all of it is ticked."""

    ticked: Checkbox = False


class BulkActForm(RecoveryForm, AccountSearchForm):
    """What to do, and to which accounts: those that are named, or all that match a search, not only a page of them.

    What :class:`RecoveryForm` asks is for enabling alone.
    """

    act: BulkAction = Field(title=N_("What to do"))
    scope: Literal["ticked", "matching"] = Field(default="ticked", title=N_("Apply to"))
    who: list[Annotated[SearchText, Field(max_length=MAX_EMAIL_BYTES)]] = Field(
        default_factory=list,
        title=N_("Accounts"),
        description="ids or addresses of accounts",
        max_length=MAX_BULK_ACCOUNTS,
        json_schema_extra={"input": "many"},
    )
    groups: Groups = Field(default_factory=list, title=N_("Groups to add or remove"))

    def check(self) -> None:
        """Check what no field can tell by itself.

        :raises InvalidInput: nobody is named; no group, or the group that administers.
        """
        if self.scope == "ticked" and not self.who:
            raise InvalidInput.for_field("nobody is named", "who", "nobody", NOBODY_MESSAGE)
        if self.act in GROUP_ACTIONS and not self.groups:
            raise InvalidInput.for_field("no group", "groups", "missing", NO_GROUP_MESSAGE)
        # Whoever administers was looked at by somebody: nobody becomes an admin as one of many.
        if self.act == "add-groups" and ADMIN_GROUP in self.groups:
            raise InvalidInput.for_field("admins in bulk", "groups", "admins", NO_ADMINS_MESSAGE)


class BulkRowsForm(ListRowsForm):
    """Which accounts of an act to look at."""

    verdict: Literal["", "due", "done", "skipped"] = ""


def too_many_accounts() -> InvalidInput:
    """Return the refusal of a set that is larger than :data:`MAX_BULK_ACCOUNTS`."""
    error = FieldError("scope", "too_many_accounts", TOO_MANY_MESSAGE, {"limit": MAX_BULK_ACCOUNTS})
    return InvalidInput("too many accounts", fields=[error])
