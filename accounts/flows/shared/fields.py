"""Declare the fields of forms and JSON bodies once, for pages, JSON and OpenAPI alike.

``title`` is the label; ``json_schema_extra`` says how a page asks for the field.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from accounts.config import LOCALES
from accounts.config_terms import MAX_VERSION_CHARACTERS
from accounts.core.database.page import MAX_ROWS_PER_PAGE, NOT_A_CURSOR_MESSAGE
from accounts.core.local_time import UNKNOWN_ZONE, list_zones
from accounts.core.messages import N_
from accounts.core.security import addresses, passwords, typed_text
from accounts.core.security.addresses import EmailAddress
from accounts.core.security.redirects import local_path

UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
ZERO_WIDTH_JOINER, EMOJI_STYLE, VIRAMA_CLASS = "\u200d", "\ufe0f", 9
MAX_MARKS = 8
"""How many vowel signs and the like a letter has at most."""
JOINERS = frozenset({"\u200c", ZERO_WIDTH_JOINER})
CURSOR_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)
GROUP_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)

PLAIN_NAME_MESSAGE = N_(
    "Names can't contain web addresses, email addresses or long numbers. Put a space after a dot, as in J. R. Smith."
)
NO_ADDRESS_MESSAGE = N_("Remove web and email addresses. Put a space after a dot.")
MAX_SENTENCE_CHARACTERS = 300


class Form(BaseModel):
    """A declared input. Unknown fields are refused, types are not guessed, values never stand in errors."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


def _parse_email(value: Any) -> EmailAddress:
    if isinstance(value, str):
        try:
            return addresses.parse_email(value)
        except addresses.AddressRefused:
            pass
    raise PydanticCustomError("email", N_("Enter an email address we can send to, such as name@example.org."))


def _parse_optional_email(value: Any) -> EmailAddress | None:
    return None if value in ("", None) else _parse_email(value)


def _strip_unprintable(value: Any) -> Any:
    # What cannot be seen is looked for by nobody, and no database takes all of it.
    if isinstance(value, str):
        return "".join(character for character in value if character.isprintable() or character in "\n\t").strip()
    return value


def _check_cursor(value: Any) -> Any:
    if isinstance(value, str) and value and not CURSOR_PATTERN.fullmatch(value):
        raise PydanticCustomError("place", NOT_A_CURSOR_MESSAGE)
    return value


def clean_name(value: Any) -> Any:
    """Return one line of characters that can be seen: none that controls, formats or turns the text around.

    A name with a right-to-left override reads as another one in lists and letters, and one with a zero-width space
    looks like that of somebody else. Of such characters only those are taken that a script or an emoji needs.
    """
    if isinstance(value, str):
        value = " ".join(value.split())
        if has_unseen_characters(value):
            raise PydanticCustomError("name", N_("Names can't contain control characters or invisible characters."))
    return value


def has_unseen_characters(text: str) -> bool:
    """Return whether a line has a character that controls, formats or turns around, where no writing needs it."""
    return any(
        unicodedata.category(character) in UNSEEN_CATEGORIES and not _joins(text, index)
        for index, character in enumerate(text)
    )


def _joins(text: str, index: int) -> bool:
    """Return whether a character is a joiner or non-joiner where writing needs one.

    Between Arabic letters, as in Persian, or behind a virama, as in Indian scripts (RFC 5892, A.1 and A.2); and
    between two emoji, of which it makes one. Anywhere else it is not seen.
    """
    if text[index] not in JOINERS or not 0 < index < len(text) - 1:
        return False
    before, after = text[index - 1], text[index + 1]
    if unicodedata.combining(before) == VIRAMA_CLASS:
        return True
    if text[index] == ZERO_WIDTH_JOINER and unicodedata.category(after) == "So":
        return before == EMOJI_STYLE or unicodedata.category(before) in ("So", "Sk")
    marked = reversed(text[max(0, index - MAX_MARKS) : index])
    letter = next((each for each in marked if unicodedata.category(each) != "Mn"), "")
    return all(unicodedata.bidirectional(each) == "AL" for each in (letter or before, after))


def _check_plain_name(value: str) -> str:
    if not typed_text.is_plain(typed_text.fold_typed(value)):
        raise PydanticCustomError("name", PLAIN_NAME_MESSAGE)
    return value


def _make_one_line(value: Any) -> Any:
    return " ".join(str(_strip_unprintable(value)).split()) if isinstance(value, str) else value


def _check_sentence(value: str) -> str:
    if typed_text.holds_address(typed_text.fold_typed(value)):
        raise PydanticCustomError("words", NO_ADDRESS_MESSAGE)
    return value


def check_locale(value: Any) -> str:
    """Return a language that is spoken here.

    :raises PydanticCustomError: it is not.
    """
    if value not in LOCALES:
        raise PydanticCustomError("locale", N_("Language not supported."))
    return str(value)


def check_zone(value: Any) -> str:
    """Return the name of a time zone, or "" for none.

    :raises PydanticCustomError: there is no such zone.
    """
    if value != UNKNOWN_ZONE and not (isinstance(value, str) and value in list_zones()):
        raise PydanticCustomError("zone", N_("Choose a time zone from the list, such as Europe/Berlin."))
    return str(value)


def _check_browser_zone(value: Any) -> Any:
    # Not typed by anybody: a browser that knows zones which we do not signs people in all the same.
    return value if isinstance(value, str) and value in list_zones() else UNKNOWN_ZONE


def _parse_groups(value: Any) -> Any:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if isinstance(value, list) and all(isinstance(group, str) and GROUP_PATTERN.fullmatch(group) for group in value):
        return sorted(set(value))
    raise PydanticCustomError(
        "groups", N_("Use only letters, digits, - and _ in group names, at most 64 characters each.")
    )


def _local_target(value: Any) -> Any:
    # A target that leads elsewhere is dropped, not refused: the person came to sign in, and should be able to.
    return (local_path(value) or "") if isinstance(value, str) else value


def _parse_checkbox(value: Any) -> Any:
    return {"on": True, "1": True, "off": False}.get(value, value) if isinstance(value, str) else value


Email = Annotated[
    EmailAddress,
    PlainValidator(_parse_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": addresses.MAX_EMAIL_BYTES}),
    Field(
        title=N_("Email address"),
        json_schema_extra={"input": "email", "autocomplete": "username", "maxlength": addresses.MAX_EMAIL_BYTES},
    ),
]
OptionalEmail = Annotated[
    EmailAddress | None,
    PlainValidator(_parse_optional_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": addresses.MAX_EMAIL_BYTES}),
    Field(
        title=N_("Email address"),
        json_schema_extra={"input": "email", "autocomplete": "off", "maxlength": addresses.MAX_EMAIL_BYTES},
    ),
]
SearchText = Annotated[str, BeforeValidator(_strip_unprintable)]
"""Text that somebody looks for."""
SEARCH_DESCRIPTION = "a whole address, or the beginning of any word of the address or the name"
Cursor = Annotated[str, BeforeValidator(_check_cursor), Field(json_schema_extra={"input": "hidden"})]
"""Behind which row a page of a list begins: the ``next`` of the page before."""
PageLimit = Annotated[int, Field(ge=1, le=MAX_ROWS_PER_PAGE, strict=False, json_schema_extra={"input": "hidden"})]
"""How many rows a page of a list has at most."""
NewPassword = Annotated[
    str,
    Field(
        title=N_("New password"),
        max_length=4 * passwords.MAX_PASSWORD_CHARACTERS,
        json_schema_extra={"input": "password", "autocomplete": "new-password", "hint": "new-password"},
    ),
]
CurrentPassword = Annotated[
    str,
    Field(
        title=N_("Password"),
        max_length=4 * passwords.MAX_PASSWORD_CHARACTERS,
        json_schema_extra={"input": "password", "autocomplete": "current-password"},
    ),
]
Name = Annotated[
    str,
    BeforeValidator(clean_name),
    Field(
        title=N_("Your name"),
        max_length=100,
        json_schema_extra={"input": "text", "autocomplete": "name", "maxlength": 100},
    ),
]
PlainName = Annotated[
    str,
    BeforeValidator(clean_name),
    AfterValidator(_check_plain_name),
    Field(
        title=N_("Your name"),
        min_length=1,
        max_length=typed_text.MAX_TYPED_CHARACTERS,
        json_schema_extra={"input": "text", "autocomplete": "name", "maxlength": typed_text.MAX_TYPED_CHARACTERS},
    ),
]
"""A name that is mailed to people who have never heard of whoever typed it."""
Sentence = Annotated[
    str,
    BeforeValidator(_make_one_line),
    AfterValidator(_check_sentence),
    Field(
        max_length=MAX_SENTENCE_CHARACTERS,
        json_schema_extra={"input": "words", "maxlength": MAX_SENTENCE_CHARACTERS},
    ),
]
"""What one stranger has to say to another: plain text in which nothing can be clicked."""
Locale = Annotated[
    str,
    BeforeValidator(check_locale),
    Field(title=N_("Language"), json_schema_extra={"input": "locale", "enum": list(LOCALES)}),
]
Zone = Annotated[
    str,
    BeforeValidator(check_zone),
    WithJsonSchema({"type": "string", "maxLength": 64}),
    Field(title=N_("Time zone"), json_schema_extra={"input": "zone"}),
]
"""The time zone of an account (IANA name), "" for none."""
BrowserZone = Annotated[
    str,
    BeforeValidator(_check_browser_zone),
    WithJsonSchema({"type": "string"}),
    Field(title=N_("Time zone"), json_schema_extra={"input": "browser-zone"}),
]
"""The time zone of a browser, which its script fills in: it is kept with an account that has none."""
Groups = Annotated[
    list[str],
    BeforeValidator(_parse_groups),
    Field(title=N_("Groups"), max_length=32, json_schema_extra={"input": "text", "hint": "groups"}),
]
Next = Annotated[
    str, BeforeValidator(_local_target), Field(title=N_("Return URL"), json_schema_extra={"input": "hidden"})
]
Checkbox = Annotated[bool, BeforeValidator(_parse_checkbox)]
AcceptedTerms = Annotated[
    str,
    Field(
        title=N_("I accept the terms."),
        description="the version of the terms that is accepted, where there are any",
        max_length=MAX_VERSION_CHARACTERS,
        json_schema_extra={"input": "terms"},
    ),
]
"""The version that was shown beside the box that somebody has ticked; "" where they have not."""


class PageForm(Form):
    """Which page of a list: behind which row it begins, and how many rows it has at most."""

    after: Cursor = ""
    limit: PageLimit = 50


class NewAccountForm(Form):
    """What a user enters who gets an account: a password, and a name if they like."""

    name: Name = ""
    password: NewPassword
    zone: BrowserZone = UNKNOWN_ZONE
    terms: AcceptedTerms = ""


class NewPasswordForm(Form):
    """What a user enters who sets a new password."""

    password: NewPassword


class GroupsForm(Form):
    """Groups by name."""

    groups: Groups = Field(default_factory=list)
