"""Judge one row of a list of people to invite: whether its values are accepted, and what they say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from accounts.core.messages import N_
from accounts.flows.invites.message import LINK_MESSAGE, InviteMessage
from accounts.flows.invites.send import MAX_INVITE_TTL
from accounts.flows.shared import app_targets
from accounts.flows.shared.cell_words import (
    ACTIVE_WORDS,
    AccountState,
    UnknownWord,
    is_null,
    read_flag,
    read_status,
)
from accounts.flows.shared.columns import NAMED_EMAIL_PATTERN
from accounts.flows.shared.fields import Email, Form, Groups, Locale, Name

LOCALE_OF_LANGUAGE = {"english": "en", "englisch": "en", "german": "de", "deutsch": "de"}
MAIN_PROXY_PATTERN = re.compile(r"(?:^|[+;,\s])SMTP:([^+;,\s]+)")
"""In capitals is the main one."""
GROUP_COLUMN = "group of "
GUEST_MARK = "#EXT#"
"""In the sign-in name of a guest from another organization, where the @ of their own address became ``_``."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
REASON_MESSAGES: Mapping[str, str] = {
    "missing": N_("This row has no email address."),
    "email": N_("Enter an email address we can send to, such as name@example.org."),
    "name": N_("Use at most 100 characters for a name, and no control characters."),
    "groups": N_("Use only letters, digits, - and _ in group names, at most 64 characters each."),
    "locale": N_("Language not supported."),
    "days": N_("Enter the number of days as a whole number from 1 to 90."),
    "mixed": N_("This row seems to contain several email addresses."),
    "message": LINK_MESSAGE,
    "app": app_targets.NO_SUCH_APP_MESSAGE,
    "guest": N_("This is the username of a Microsoft guest, and the row has no email address."),
    "twice": N_("Duplicate: this address is already in a row above."),
    "admins": N_("Invite admins one by one, not with a list."),
    "disabled": N_("The account is disabled."),
    "suspended": N_("The list marks this person as suspended, disabled or removed."),
}


class InviteeForm(Form):
    """What a row says, as far as it is accepted."""

    email: Email
    name: Name = ""
    groups: Groups = Field(default_factory=list)
    locale: Locale | None = None
    days: int | None = Field(default=None, ge=1, le=MAX_INVITE_TTL.days, strict=False)
    message: InviteMessage = ""
    app: str = Field(default="", max_length=100)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """Hold one row of a list: its form, or ``reason``, why it is refused; ``raw_email`` is the address as written."""

    line: int
    raw_email: str
    form: InviteeForm | None = None
    reason: str = ""

    @property
    def email_key(self) -> str | None:
        """The unique form of the address; None where it is not accepted."""
        return self.form.email.key if self.form else None


def parse_entry(line: int, values: dict[str, str], *, takes_suspended: bool = False) -> ListEntry:
    """Return a row as it is judged.

    :param values: its cells, by the names that :mod:`batch_rows` has for what they mean; they are used up.
    :param takes_suspended: whether people come in whom the list calls suspended, disabled or gone.
    """
    email, principal = _pop_email(values), values.pop("principal", "")
    match = NAMED_EMAIL_PATTERN.fullmatch(email)
    if match:
        email = match[2].strip()
        values.setdefault("name", match[1].strip())
    raw_email = _replace_control_characters(email)[:254]
    is_off = _is_off(*(values.pop(name, "") for name in ("status", "disabled", "active", "deleted")))
    if not email and GUEST_MARK in principal:
        return ListEntry(line, _replace_control_characters(principal)[:254], reason="guest")
    if not email and principal:
        email = raw_email = _replace_control_characters(principal)[:254]
    if not email:
        return ListEntry(line, raw_email, reason="missing")
    if is_off and not takes_suspended:
        return ListEntry(line, raw_email, reason="suspended")
    if "@" in values.get("name", ""):
        # Rather than invite one of two people, and call them by the address of the other.
        return ListEntry(line, raw_email, reason="mixed")
    try:
        return ListEntry(line, raw_email, InviteeForm.model_validate({"email": email, **_build_form_data(values)}))
    except ValidationError as error:
        invalid_fields = {str(detail["loc"][0]) for detail in error.errors(include_url=False)}
        return ListEntry(
            line, raw_email, reason=next(name for name in InviteeForm.model_fields if name in invalid_fields)
        )


def _pop_email(values: dict[str, str]) -> str:
    """Take the address out of a row: of the column for addresses, or else the main one of a mailbox."""
    email, main = values.pop("email", ""), MAIN_PROXY_PATTERN.search(values.pop("proxies", ""))
    return (email or (main[1] if main else "")).removeprefix("mailto:")


def _is_off(status: str, disabled: str, active: str, deleted: str) -> bool:
    """Return whether a row says that its person may not come in. What is not known does not say so."""
    with suppress(UnknownWord):
        if not is_null(active.casefold()) and not read_flag("active", active, ACTIVE_WORDS):
            return True
    with suppress(UnknownWord):
        if read_flag("deleted", deleted):
            return True
    with suppress(UnknownWord):
        if read_status("status", status) in (AccountState.DISABLED, AccountState.DELETED):
            return True
    with suppress(UnknownWord):
        return read_flag("disabled", disabled)
    return False


def _replace_control_characters(text: str) -> str:
    # As it can be shown and kept: PostgreSQL takes no zero byte.
    return CONTROL_CHARACTERS.sub("\ufffd", text)


def _build_form_data(values: dict[str, str]) -> dict[str, Any]:
    parts = [values.pop("first", ""), values.pop("last", "")]
    data: dict[str, Any] = {name: value for name, value in values.items() if value}
    if any(parts):
        data.setdefault("name", " ".join(filter(None, parts)))
    named = [slug for name in sorted(data) if name.startswith(GROUP_COLUMN) for slug in _make_groups(data.pop(name))]
    if "groups" in data or named:
        data["groups"] = " ".join([re.sub(r"[;|/]", " ", data.get("groups", "")), *named])
    if "locale" in data:
        language = data["locale"].casefold()
        data["locale"] = LOCALE_OF_LANGUAGE.get(language, re.split("[-_]", language)[0])
    return data


def _make_groups(cell: str) -> list[str]:
    """Return names of groups for what another system calls its own: ``/Students/7 a`` becomes ``Students-7-a``."""
    folded = (unicodedata.normalize("NFKD", part) for part in re.split(r"[;|,]", cell))
    letters = ("".join(each for each in text if not unicodedata.combining(each)) for text in folded)
    slugs = (re.sub(r"[^A-Za-z0-9_]+", "-", text.replace("ß", "ss")).strip("-_") for text in letters)
    return [slug[:64] for slug in slugs if slug]
