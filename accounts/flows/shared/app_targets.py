"""Lead people into an app: which apps may be chosen for that, and which app a return target on this site leads to.

A return target is always a path of this site. One that leads into an app is :func:`start_path`, from where a browser
is sent to the address that the app has registered for beginning a sign-in (OpenID Connect Core 4), or a request of
the app at the authorization endpoint. Whether the app is still there is asked each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from sqlalchemy import select

from accounts.core.errors import InvalidInput, NotFound
from accounts.core.messages import N_
from accounts.core.models.apps import App
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork

AUTHORIZE_PATH = "/oauth/authorize"
START_PATTERN = re.compile(r"/apps/([A-Za-z0-9_-]{1,64})/start", re.ASCII)
NO_SUCH_APP_MESSAGE = N_(
    "No app with this name or ID has a URL where a sign-in starts. Set this URL on the app's page."
)


@dataclass(frozen=True, slots=True)
class TargetApp:
    """An app that people are sent to, or that has sent them here: it is registered and enabled.

    :ivar logo: fingerprint of its logo; None where it has none.
    """

    id: str
    name: str
    logo: str | None = None


def list_startable_apps(uow: UnitOfWork) -> list[TargetApp]:
    """Return the apps that people can be sent to, by name."""
    statement = select(App.id, App.name).where(App.disabled_at.is_(None), App.initiate_login_uri.is_not(None))
    found = (TargetApp(id, name) for id, name in uow.session.execute(statement))
    return sorted(found, key=lambda app: (app.name.casefold(), app.id))


def match_app(apps: Iterable[TargetApp], text: str) -> TargetApp | None:
    """Return the app that a text means: by its id, or by its name if only one is called so; None for none."""
    apps = list(apps)
    by_id = next((app for app in apps if app.id == text), None)
    named = [app for app in apps if app.name.casefold() == text.casefold()]
    return by_id or (named[0] if len(named) == 1 else None)


def choose_app_path(uow: UnitOfWork, text: str) -> str:
    """Return the return target that leads into the app that a text means.

    :raises InvalidInput: there is no such app.
    """
    app = match_app(list_startable_apps(uow), text)
    if app is None:
        raise InvalidInput.for_field("no such app", "app", "unknown", NO_SUCH_APP_MESSAGE)
    return start_path(uow.site, app.id)


def start_path(site: Site, app_id: str) -> str:
    """Return the path on this site that leads into an app."""
    return f"{site.url_prefix}/apps/{app_id}/start"


def start_url(uow: UnitOfWork, app_id: str) -> str:
    """Return where an app begins a sign-in, with our issuer in the query (OpenID Connect Core 4).

    :raises NotFound: there is no such app (any more), or nothing begins there.
    """
    statement = select(App.initiate_login_uri).where(App.id == app_id, App.disabled_at.is_(None))
    url = uow.session.scalar(statement)
    if not url:
        raise NotFound("no app that people can be sent to")
    issuer = f"{uow.site.settings.public_origin}{uow.site.url_prefix}"
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'iss': issuer})}"


def find_apps(uow: UnitOfWork, targets: Sequence[str]) -> dict[str, TargetApp]:
    """Return the apps that return targets lead into, by target: one SQL statement at most."""
    ids = {target: app_id for target in set(targets) if (app_id := _parse_app_id(uow.site, target))}
    if not ids:
        return {}
    statement = select(App.id, App.name, App.logo).where(App.id.in_(set(ids.values())), App.disabled_at.is_(None))
    apps = {row.id: TargetApp(row.id, row.name, row.logo) for row in uow.session.execute(statement)}
    return {target: apps[app_id] for target, app_id in ids.items() if app_id in apps}


def find_app_names(uow: UnitOfWork, targets: Sequence[str]) -> dict[str, str]:
    """Return the names of the apps that return targets lead into, by target: one SQL statement at most."""
    return {target: app.name for target, app in find_apps(uow, targets).items()}


def find_app_name(uow: UnitOfWork, target: str) -> str:
    """Return the name of the app that a return target leads into; "" for anywhere else."""
    return find_app_names(uow, [target]).get(target, "")


def _parse_app_id(site: Site, target: str) -> str:
    parts = urlsplit(target)
    path = parts.path.removeprefix(site.url_prefix)
    if match := START_PATTERN.fullmatch(path):
        return match[1]
    return parse_qs(parts.query).get("client_id", [""])[0] if path == AUTHORIZE_PATH else ""
