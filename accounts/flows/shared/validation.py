"""Checking what somebody has entered against a declared form: the same errors for pages, JSON and the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_

M = TypeVar("M", bound=BaseModel)

MESSAGES = {
    "missing": N_("Please fill in this field."),
    "extra_forbidden": N_("Unknown field."),
    "string_type": N_("Enter text."),
    "string_too_short": N_("Please fill in this field."),
    "literal_error": N_("Choose one of the options."),
    "string_too_long": N_("Enter at most %(max_length)s characters."),
    "list_type": N_("This must be a list."),
    "too_long": N_("Enter at most %(max_length)s entries."),
    "bool_type": N_("This must be true or false."),
    "bool_parsing": N_("This must be true or false."),
    "int_type": N_("Enter a whole number."),
    "int_parsing": N_("Enter a whole number."),
    "int_from_float": N_("Enter a whole number."),
    "greater_than_equal": N_("Enter %(ge)s or more."),
    "less_than_equal": N_("Enter %(le)s or less."),
}
DEFAULT_MESSAGE = N_("Invalid value.")
PYDANTIC_ERROR_TYPES = frozenset(get_args(ErrorType))
"""Errors of all other types are our own, and bring their sentence along."""


def validate(model: type[M], data: Mapping[str, Any]) -> M:
    """Return a mapping as the form that ``model`` declares.

    :raises InvalidInput: with every field that is wrong.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise InvalidInput(fields=[_field_error(each) for each in error.errors(include_url=False)]) from None


def _field_error(error: ErrorDetails) -> FieldError:
    code = error["type"]
    field = str(error["loc"][0])[:64] if error["loc"] else ""
    values = {key: value for key, value in error.get("ctx", {}).items() if isinstance(value, int | str)}
    message = MESSAGES.get(code, DEFAULT_MESSAGE) if code in PYDANTIC_ERROR_TYPES else error["msg"]
    return FieldError(field, code, message, values)
