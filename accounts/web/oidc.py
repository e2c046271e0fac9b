"""Declare the addresses of the OpenID provider.

Their views import Authlib, which would take a fifth of every start, and are loaded on first use.
"""

from __future__ import annotations

from typing import Any, Literal

from accounts.flows.shared.fields import Form
from accounts.web.kit.routes import HTML, LazyView, Routes

routes: Routes = Routes()
METADATA_ROUTE: dict[str, Any] = {"formats": HTML, "csrf": False, "unprefixed": True}
CLIENT_ROUTE: dict[str, Any] = {**METADATA_ROUTE, "preflight": LazyView("accounts.web.oidc_endpoints:preflight")}
UNPREFIXED_PAGE: dict[str, Any] = {"formats": HTML, "unprefixed": True}
CROSS_SITE_PAGE: dict[str, Any] = {**UNPREFIXED_PAGE, "csrf": False}


class ConsentForm(Form):
    """What somebody says who was asked about an app, the request that it is about, and what they were shown."""

    request: str
    scope: str = ""
    decision: Literal["yes", "no"]


class LogoutForm(Form):
    """That somebody wants to sign out, and the request of the app that it is about."""

    request: str


# What programs ask, without a person.
routes.get("/.well-known/openid-configuration", view="accounts.web.oidc_endpoints:discovery", **METADATA_ROUTE)
routes.get("/oauth/jwks", view="accounts.web.oidc_endpoints:jwks", **METADATA_ROUTE)
routes.post("/oauth/token", view="accounts.web.oidc_endpoints:token", **CLIENT_ROUTE)
routes.post("/oauth/revoke", view="accounts.web.oidc_endpoints:revoke", **CLIENT_ROUTE)
routes.post("/oauth/introspect", view="accounts.web.oidc_endpoints:introspect", **CLIENT_ROUTE)
routes.get("/oauth/userinfo", view="accounts.web.oidc_endpoints:userinfo", **CLIENT_ROUTE)
routes.post("/oauth/userinfo", view="accounts.web.oidc_endpoints:userinfo_by_post", **CLIENT_ROUTE)
# Where other apps send people.
routes.get("/oauth/authorize", view="accounts.web.oidc_pages:authorize", **CROSS_SITE_PAGE)
routes.post("/oauth/authorize", view="accounts.web.oidc_pages:authorize_by_post", **CROSS_SITE_PAGE)
routes.post("/oauth/consent", view="accounts.web.oidc_pages:decide", form=ConsentForm, **UNPREFIXED_PAGE)
routes.get("/oauth/logout", view="accounts.web.oidc_pages:logout", **CROSS_SITE_PAGE)
routes.post("/oauth/logout", view="accounts.web.oidc_pages:logout_by_post", **CROSS_SITE_PAGE)
routes.post(
    "/oauth/logout/confirm", view="accounts.web.oidc_pages:confirm_logout", form=LogoutForm, **UNPREFIXED_PAGE
)
