"""Declare the fields of a client's registration once, for pages, JSON and the console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accounts.config_contact import check_contact
from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_
from accounts.core.models.apps import (
    CLIENT_SECRET_BASIC,
    LOCAL_PART,
    NATIVE_APP,
    NO_CLIENT_SECRET,
    NO_USERNAME,
    RS256,
    WEB_APP,
)
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.security.client_uris import ClientUriRefused, check_client_uri, check_foreign, check_origin
from accounts.core.security.private_use_uris import check_native_uri, check_web_uri
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.claims import OPENID
from accounts.flows.shared.fields import Checkbox, Form, Groups, Name, SearchText

GRANTABLE_SCOPES = ("profile", "email", "groups", "offline_access")
"""What an app may be allowed to ask for beside ``openid``."""
CLAIM_PATTERN = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
URI_LIST_FIELDS = ("redirect_uris", "post_logout_redirect_uris")
URI_FIELDS = ("backchannel_logout_uri", "initiate_login_uri")

NO_REDIRECT_URI_MESSAGE = N_("Enter at least one redirect URL, or an origin behind a proxy.")
REQUIRED_MESSAGE = N_("Please fill in this field.")
WRONG_NAME_MESSAGE = N_("This is not the app's name. Enter it exactly as shown.")
NO_DOMAIN_MESSAGE = N_(
    "The part before the @ identifies one user only if the app is limited to a single email "
    "domain. Enter that domain, too."
)


def _split_lines(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _blank_to_none(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


def _split_words(value: Any) -> list[str] | None:
    """Return words with blanks or commas between them, as one text or as several; None for what is neither."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        return None
    return " ".join(texts).replace(",", " ").split()


def _check_scopes(value: Any) -> Any:
    words = _split_words(value)
    # Every app may ask for openid: who says so is right, and has said nothing.
    if words is not None and all(word in (OPENID, *GRANTABLE_SCOPES) for word in words):
        return [word for word in GRANTABLE_SCOPES if word in words]
    raise PydanticCustomError("scopes", N_("Use only these scopes: profile, email, groups and offline_access."))


def _check_claims(value: Any) -> Any:
    words = _split_words(value)
    if words is not None and all(CLAIM_PATTERN.fullmatch(word) for word in words):
        return sorted(set(words))
    raise PydanticCustomError("claims", N_("Enter claim names such as email or groups."))


def _check_domain(value: Any) -> Any:
    domain = value.strip().removeprefix("@") if isinstance(value, str) else value
    if domain in ("", None):
        return None
    try:
        # As the domains of addresses are kept, which it is compared with.
        if isinstance(domain, str) and "@" not in domain:
            return parse_email(f"x@{domain}").key.rpartition("@")[2]
    except AddressRefused:
        pass
    raise PydanticCustomError("domain", N_("Enter an email domain such as example.org."))


def _check_contact(value: Any) -> Any:
    text = _blank_to_none(value)
    try:
        return check_contact(text) if isinstance(text, str) else text
    except ValueError:
        message = N_("Enter an email address, or a URL such as https://example.org/help.")
        raise PydanticCustomError("contact", message) from None


UriList = Annotated[
    list[str],
    BeforeValidator(_split_lines),
    Field(max_length=20, json_schema_extra={"input": "lines", "hint": "lines"}),
]
OptionalUri = Annotated[str | None, BeforeValidator(_blank_to_none)]
WordList = Annotated[list[str], Field(max_length=20, json_schema_extra={"input": "text", "hint": "groups"})]


class ChangeAppForm(Form):
    """What changes about a client; what is left out stays. The columns of ``App`` say what each means."""

    name: Name = Field(default="", title=N_("Name"), json_schema_extra={"autocomplete": "off", "required": True})
    redirect_uris: UriList = Field(
        default_factory=list,
        title=N_("Redirect URLs"),
        json_schema_extra={"input": "lines", "hint": "redirects"},
    )
    post_logout_redirect_uris: UriList = Field(default_factory=list, title=N_("Post-logout redirect URLs"))
    backchannel_logout_uri: OptionalUri = Field(
        default=None,
        title=N_("Back-channel logout URL"),
        json_schema_extra={"hint": "backchannel"},
    )
    initiate_login_uri: OptionalUri = Field(default=None, title=N_("Sign-in start URL"))
    forward_origins: UriList = Field(
        default_factory=list,
        title=N_("Origins behind a proxy (forward auth)"),
        json_schema_extra={"hint": "origins"},
    )
    allowed_groups: Groups = Field(default_factory=list, title=N_("Allowed groups"))
    allowed_email_domain: Annotated[str | None, BeforeValidator(_check_domain)] = Field(
        default=None, title=N_("Allowed email domain"), json_schema_extra={"hint": "domain"}
    )
    invited_only: Checkbox = Field(
        default=False,
        title=N_("Only invited people"),
        json_schema_extra={"input": "checkbox", "hint": "invited"},
    )
    contact: Annotated[str | None, BeforeValidator(_check_contact)] = Field(
        default=None, title=N_("Contact for people without access"), json_schema_extra={"hint": "contact"}
    )
    trusted: Checkbox = Field(
        default=False,
        title=N_("Trusted: users aren't asked for consent"),
        json_schema_extra={"input": "checkbox"},
    )
    require_pkce: Checkbox = Field(
        default=False, title=N_("Require PKCE"), json_schema_extra={"input": "checkbox", "hint": "pkce"}
    )
    application_type: Literal["web", "native"] = Field(
        default=WEB_APP, title=N_("Type"), json_schema_extra={"input": "choice"}
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        default=CLIENT_SECRET_BASIC,
        title=N_("Client authentication"),
        json_schema_extra={"input": "choice", "hint": "secret"},
    )
    scopes: Annotated[WordList, BeforeValidator(_check_scopes)] = Field(
        default_factory=lambda: list(GRANTABLE_SCOPES), title=N_("Allowed scopes")
    )
    claims_in_id_token: Checkbox = Field(
        default=False,
        title=N_("Also include all claims of its scopes in the ID token"),
        json_schema_extra={"input": "checkbox", "hint": "id-token"},
    )
    claims: Annotated[WordList, BeforeValidator(_check_claims)] = Field(
        default_factory=list, title=N_("Claims also included in the ID token")
    )
    preferred_username: Literal["none", "sub", "email", "local_part"] = Field(
        default=NO_USERNAME,
        title=N_("Username for the app (preferred_username)"),
        json_schema_extra={"input": "choice", "hint": "username"},
    )
    id_token_signed_response_alg: Literal["RS256", "ES256", "EdDSA"] = Field(
        default=RS256, title=N_("ID token signing algorithm"), json_schema_extra={"input": "choice"}
    )
    access_token_seconds: int = Field(
        default=600,
        ge=60,
        le=86400,
        title=N_("Access token lifetime"),
        json_schema_extra={"input": "duration"},
    )
    id_token_seconds: int = Field(
        default=3600,
        ge=60,
        le=86400,
        title=N_("ID token lifetime"),
        json_schema_extra={"input": "duration"},
    )
    refresh_token_seconds: int = Field(
        default=30 * 86400,
        ge=3600,
        le=366 * 86400,
        title=N_("Refresh period after sign-in"),
        json_schema_extra={"input": "duration"},
    )


class RegisterAppForm(ChangeAppForm):
    """What is said about a client when it is registered."""

    name: Name = Field(title=N_("Name"), json_schema_extra={"autocomplete": "off"})


class RenewSecretForm(Form):
    """How an app gets a new secret."""

    at_once: Checkbox = Field(default=False, title=N_("Revoke the old secret immediately"))


class RemoveAppForm(Form):
    """The name once more: whoever removes for good shall have read which."""

    name: SearchText = Field(title=N_("App name"), max_length=100, json_schema_extra={"autocomplete": "off"})


def validate_app(uow: UnitOfWork, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole of what a client will be, its addresses as they are stored.

    :raises InvalidInput: with every field that is not accepted.
    """
    # http to this very machine: for apps that run on the person's device, and everywhere while developing.
    is_native = values["application_type"] == NATIVE_APP
    plain_on_loopback = is_native or uow.site.settings.env == "development"
    own_url = uow.site.settings.public_origin + uow.site.url_prefix
    errors = [*_missing_fields(values), *_uri_errors(values, own_url, plain_on_loopback=plain_on_loopback)]
    if errors:
        raise InvalidInput("addresses", fields=errors)
    origins = (check_origin(origin, allow_http_on_loopback=plain_on_loopback) for origin in values["forward_origins"])
    return {
        **values,
        **{name: list(dict.fromkeys(values[name])) for name in URI_LIST_FIELDS},
        "forward_origins": sorted(set(origins)),
        # So that it stays on when such an app is registered otherwise later.
        "require_pkce": values["require_pkce"]
        or is_native
        or values["token_endpoint_auth_method"] == NO_CLIENT_SECRET,
    }


def _missing_fields(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if not values["name"]:
        yield FieldError("name", "missing", REQUIRED_MESSAGE, {})
    if not values["redirect_uris"] and not values["forward_origins"]:
        yield FieldError("redirect_uris", "missing", NO_REDIRECT_URI_MESSAGE, {})
    if values["preferred_username"] == LOCAL_PART and not values["allowed_email_domain"]:
        yield FieldError("allowed_email_domain", "missing", NO_DOMAIN_MESSAGE, {})


def _uri_errors(values: Mapping[str, Any], own_url: str, *, plain_on_loopback: bool) -> Iterator[FieldError]:
    check_user_uri = check_native_uri if values["application_type"] == NATIVE_APP else check_web_uri
    checks: list[tuple[str, list[str | None], Callable[..., object]]] = [
        *((name, values[name], check_user_uri) for name in URI_LIST_FIELDS),
        *((name, [values[name]], check_client_uri) for name in URI_FIELDS),
        ("forward_origins", values["forward_origins"], check_origin),
    ]
    for name, addresses, check in checks:
        for address in addresses:
            try:
                if address is not None:
                    check(address, allow_http_on_loopback=plain_on_loopback)
                    # Behind a proxy, an app may stand below a path of our own origin: sessions answer there.
                    if name != "forward_origins":
                        check_foreign(address, own_url)
            except ClientUriRefused as error:
                yield FieldError(name, "address", str(error), {})
                break
