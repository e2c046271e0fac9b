"""Declare the addresses whose views, and the models of these, are imported on first use.

Authlib alone, which those of the OpenID provider import, would take a fifth of every start.
"""

from __future__ import annotations

from typing import Any

from accounts.core.messages import nN_
from accounts.web.account_notices import (
    APP_DISCONNECTED,
    BROWSER_ENDED,
    DEVICE_ENDED,
    IDENTITY_CONNECTED,
    IDENTITY_DISCONNECTED,
    NAME_SAVED,
    NO_OTHERS,
    OTHERS_ENDED,
    UNKNOWN_ENDED,
)
from accounts.web.admin.notices import ACCOUNT_IDENTITY_DISCONNECTED
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, HTML, JSON, SIGNED_IN, SIGNED_IN_WITHOUT_TERMS, Onward, Routes

METADATA_ROUTE: dict[str, Any] = {"formats": HTML, "csrf": False, "unprefixed": True, "hot": True}
CLIENT_ROUTE: dict[str, Any] = {**METADATA_ROUTE, "preflight": "preflight"}
UNPREFIXED_PAGE: dict[str, Any] = {"formats": HTML, "unprefixed": True}
LEAVES = Onward("the browser leaves for the other service, where nothing of ours is shown")
CROSS_SITE_PAGE: dict[str, Any] = {**UNPREFIXED_PAGE, "csrf": False}

# What programs ask of the OpenID provider, without a person.
oidc = Routes("accounts.web.oidc_endpoints")
oidc.get("/.well-known/openid-configuration", view="discovery", **METADATA_ROUTE)
oidc.get("/oauth/jwks", view="jwks", **METADATA_ROUTE)
oidc.post("/oauth/token", view="token", **CLIENT_ROUTE)
oidc.post("/oauth/revoke", view="revoke", **CLIENT_ROUTE)
oidc.post("/oauth/introspect", view="introspect", **CLIENT_ROUTE)
oidc.get("/oauth/userinfo", view="userinfo", **CLIENT_ROUTE)
oidc.post("/oauth/userinfo", view="userinfo_by_post", **CLIENT_ROUTE)

# What mail servers and providers tell of emails that came back.
mail_bounces = Routes("accounts.web.mail_bounces")
mail_bounces.post(
    "/mail/bounces",
    view="take_bounces",
    formats=HTML,
    csrf=False,
    unprefixed=True,
    max_bytes="accounts.flows.mail_bounces.reports:MAX_REPORT_BYTES",
    statuses=(204,),
)

# What is collected by Prometheus.
metrics = Routes("accounts.web.metrics")
metrics.get("/metrics", view="metrics", formats=HTML, csrf=False, unprefixed=True)

# Where other apps send people.
oidc_pages = Routes("accounts.web.oidc_pages")
oidc_pages.get("/oauth/authorize", view="authorize", **CROSS_SITE_PAGE)
oidc_pages.post("/oauth/authorize", view="authorize_by_post", **CROSS_SITE_PAGE)
oidc_pages.get("/apps/<app_id>/start", view="start_app", **UNPREFIXED_PAGE)
oidc_pages.get("/apps/<app_id>/logo", view="accounts.web.app_logo:show_app_logo", **UNPREFIXED_PAGE)
oidc_pages.post(
    "/oauth/consent",
    view="decide",
    form="ConsentForm",
    notice=Onward("the app that asked follows, or a page that says why not"),
    **UNPREFIXED_PAGE,
)
oidc_pages.get("/oauth/logout", view="logout", **CROSS_SITE_PAGE)
oidc_pages.post("/oauth/logout", view="logout_by_post", **CROSS_SITE_PAGE)
oidc_pages.post(
    "/oauth/logout/confirm",
    view="confirm_logout",
    form="LogoutForm",
    notice=Onward("a page that says so follows, or the app that asked"),
    **UNPREFIXED_PAGE,
)

own_sessions = Routes("accounts.web.own_sessions", access=SIGNED_IN)
own_sessions.get("/account/sessions", view="list_sessions", answers="SessionsOut")
own_sessions.delete(
    "/account/sessions/<session_id>",
    view="end_session",
    html_rule="/end",
    step_up=True,
    template="ask.html",
    context="end_session_context",
    notice=(DEVICE_ENDED, BROWSER_ENDED, UNKNOWN_ENDED),
    statuses=(204,),
)
own_sessions.post(
    "/account/sessions/end-others",
    view="end_other_sessions",
    step_up=True,
    template="ask.html",
    context="end_others_context",
    answers="CountOut",
    notice=(OTHERS_ENDED, NO_OTHERS),
)
own_sessions.patch(
    "/account/sessions/<session_id>",
    view="name_session",
    html_rule="/name",
    form="SessionNameForm",
    template="session_name.html",
    context="name_session_context",
    notice=NAME_SAVED,
    statuses=(204,),
)
own_sessions.get("/account/activity", view="list_activity", query="ActivityForm", answers="ActivityPageOut")

connected_apps = Routes("accounts.web.connected_apps")
connected_apps.get("/account/apps", view="list_connected_apps", access=SIGNED_IN, answers="ConnectedAppsOut")
connected_apps.delete(
    "/account/apps/<app_id>",
    view="disconnect_app",
    html_rule="/disconnect",
    access=SIGNED_IN,
    template="ask.html",
    context="disconnect_context",
    notice=APP_DISCONNECTED,
    statuses=(204,),
)
connected_apps.get("/signed-out", view="signed_out", query="LogoutStatusForm", answers="LogoutStatusOut")

own_data = Routes("accounts.web.own_data")
own_data.get(
    "/account/export", view="export_data", access=SIGNED_IN_WITHOUT_TERMS, step_up=True, answers="OwnDataOut"
)

upstream = Routes("accounts.web.upstream")
upstream.post(
    "/upstream/<upstream_id>/sign-in",
    view="sign_in_with",
    form="UpstreamSignInForm",
    answers="UpstreamStartOut",
    notice=LEAVES,
)
upstream.post(
    "/upstream/<upstream_id>/connect",
    view="connect_with",
    access=SIGNED_IN,
    step_up=True,
    form="Form",
    answers="UpstreamStartOut",
    notice=Onward("the other service opens, and the page behind it says what was connected"),
)
upstream.post("/upstream/<upstream_id>/join", view="join_with", form="JoinWithForm", formats=HTML, notice=LEAVES)
upstream.get("/upstream/<upstream_id>/onward", view="onward", formats=HTML)
upstream.get(
    "/upstream/<upstream_id>/callback",
    view="upstream_callback",
    formats=HTML,
    notice=(IDENTITY_CONNECTED, Onward("of signing in and joining: the page where people are signed in says it")),
)
upstream.get("/account/identities", view="list_identities", access=SIGNED_IN, answers="IdentitiesOut")
upstream.delete(
    "/account/identities/<identity_id>",
    view="disconnect_identity",
    html_rule="/disconnect",
    access=SIGNED_IN,
    step_up=True,
    template="ask.html",
    context="disconnect_identity_context",
    notice=IDENTITY_DISCONNECTED,
    statuses=(204,),
)
upstream.delete(
    "/admin/accounts/<account_id>/identities/<identity_id>",
    view="disconnect_account_identity",
    html_rule="/disconnect",
    access=ADMINS,
    step_up=True,
    statuses=(204,),
    template=ASK_TEMPLATE,
    context="accounts.web.admin.account_questions:ask_disconnect_identity",
    notice=ACCOUNT_IDENTITY_DISCONNECTED,
)

mailbox = Routes("accounts.web.mailbox")
MAILBOX_CLEARED = nN_("%(count)s email deleted.", "%(count)s emails deleted.")
mailbox.get("/mailbox", view="mailbox", answers="MailboxOut")
mailbox.delete(
    "/mailbox",
    html_rule="/clear",
    view="clear_mailbox",
    template=ASK_TEMPLATE,
    context="clear_context",
    notice=MAILBOX_CLEARED,
    statuses=(204,),
)
mailbox.get("/mailbox/<message_id>", view="mailbox_message", formats=HTML)
mailbox.get("/mailbox/<message_id>/text", view="mailbox_text", formats=HTML)
mailbox.get("/mailbox/<message_id>/source", view="mailbox_source", formats=HTML)
mailbox.get("/mailbox/<message_id>/html", view="mailbox_html", formats=HTML)
mailbox.get("/mailbox/<message_id>/download", view="mailbox_download", formats=HTML)

# What a link for several people leads to.
join = Routes("accounts.web.join")
join.get("/join/<anything:address>", view="go", formats=HTML)
join.get("/join", view="show_shared_link", formats=JSON, query="SharedLinkForm", answers="SharedLinkOut")
join.post(
    "/join",
    view="join_",
    form="JoinForm",
    answers="accounts.web.answers.base:MailRequestedOut",
    template="join.html",
    context="join_context",
    statuses=(202,),
    notice=Onward("the page that follows says what was sent, and where to"),
)
join.get("/join/sent", view="join_requested", formats=HTML)

openapi = Routes("accounts.web.openapi")
openapi.get("/openapi.json", view="openapi", formats=JSON, answers="accounts.web.answers.api:ApiDescriptionOut")
openapi.get("/api/docs", view="accounts.web.api_docs:docs", formats=HTML)

LAZY_ROUTES = (
    connected_apps,
    join,
    mail_bounces,
    mailbox,
    metrics,
    openapi,
    oidc,
    oidc_pages,
    own_data,
    own_sessions,
    upstream,
)
