"""Say what kinds of apps there are in the words of whoever registers one, and what each begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from accounts.core.errors import InvalidInput
from accounts.core.messages import N_
from accounts.core.models.apps import NATIVE_APP, NO_CLIENT_SECRET, App
from accounts.flows.oidc.registration_form import RegisterAppForm
from accounts.flows.shared.fields import Form

AppKind = Literal["", "web", "spa", "native", "proxy"]
KIND_LABELS: Mapping[str, str] = {
    "web": N_("Web app"),
    "spa": N_("Single-page app"),
    "native": N_("Native or mobile app"),
    "proxy": N_("App behind a proxy"),
}
KIND_DESCRIPTIONS: Mapping[str, str] = {
    "web": N_("Runs on a server that can keep a client secret, such as Flask, Django, Express or a wiki."),
    "spa": N_("Runs in the browser only. It has no client secret and uses PKCE."),
    "native": N_("Runs on a phone or computer. It has no client secret and uses PKCE."),
    "proxy": N_("Knows nothing about sign-in. nginx, Caddy or Traefik asks this service who is signed in."),
}
KIND_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "web": {},
    "spa": {"token_endpoint_auth_method": NO_CLIENT_SECRET},
    "native": {"application_type": NATIVE_APP, "token_endpoint_auth_method": NO_CLIENT_SECRET},
    "proxy": {"token_endpoint_auth_method": NO_CLIENT_SECRET},
}
"""What its form begins with; the names are those of the form."""
NO_ORIGIN_MESSAGE = N_("Enter at least one origin behind a proxy.")


class AppKindForm(Form):
    """Which kind of app shall be registered; "" as long as nobody has said."""

    kind: AppKind = ""


class RegisterAppPageForm(RegisterAppForm):
    """The same as a page asks for it: the kind decides what it asks first."""

    kind: AppKind = Field(default="", json_schema_extra={"input": "hidden"})

    def check(self) -> None:
        """Check what the kind asks for.

        :raises InvalidInput: an app behind a proxy without an origin.
        """
        if self.kind == "proxy" and not self.forward_origins:
            raise InvalidInput.for_field("no origin", "forward_origins", "missing", NO_ORIGIN_MESSAGE)


def kind_of_app(app: App, forward_origins: Iterable[str]) -> str:
    """Return the kind of a registered app, a key of :data:`KIND_LABELS`."""
    if not app.redirect_uris and any(forward_origins):
        return "proxy"
    if app.application_type == NATIVE_APP:
        return "native"
    return "spa" if app.public else "web"
