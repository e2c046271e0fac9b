"""A domain of email addresses, as somebody types it into a form."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accounts.config_sign_up import parse_sign_up_domains
from accounts.core.messages import N_

NO_DOMAIN_MESSAGE = N_("Enter an email domain such as example.org.")


def _parse_domain(value: Any) -> Any:
    if value in ("", None):
        return ""
    try:
        (domain,) = parse_sign_up_domains([value.strip().removeprefix("@") if isinstance(value, str) else value])
    except ValueError:
        raise PydanticCustomError("domain", NO_DOMAIN_MESSAGE) from None
    return domain


MailDomain = Annotated[
    str,
    BeforeValidator(_parse_domain),
    Field(
        title=N_("Allowed email domain"),
        max_length=254,
        json_schema_extra={"input": "text", "hint": "domain-rule", "maxlength": 254},
    ),
]
"""A domain, with a dot in front where all below it count, too (:mod:`accounts.config_sign_up`); "" for any."""
