"""Show the link of an invitation for several people as a QR code: on a screen, or printed from the browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from accounts.config_sign_up import describe_domains
from accounts.core.local_time import format_moment
from accounts.core.messages import N_
from accounts.core.models.shared_invites import SharedInvite
from accounts.web.admin.printing import qr_code_svg
from accounts.web.kit import context
from accounts.web.kit.context import runtime
from accounts.web.kit.rendering import Rendering
from accounts.web.kit.templates import STATIC_FOLDER

TITLE = N_("You are invited to %(service)s")
LEAD = N_("Scan this code with your phone's camera.")
ADDRESS = N_("The code opens %(address)s.")
DOMAIN = N_("For email addresses at %(domain)s.")
UNTIL = N_("For %(places)s people, until %(until)s.")
UNTIL_FOR_ONE = N_("For one person, until %(until)s.")
BACK = N_("Back")
TEMPLATE = "admin/poster.html"


def poster_context(row: SharedInvite, url: str, *, style: str = "") -> dict[str, Any]:
    """Return what the poster of a link shows, in the language of those who are invited, or else of this page.

    :param url: the link.
    :param style: the style itself, where there is no address to load it from.
    """
    languages, locale = runtime().languages, row.locale or context.get_language()
    place = urlsplit(runtime().site.link_signer.page_url(""))

    def say(text: str, **values: object) -> str:
        return languages.translate(locale, text, values)

    lines = [say(DOMAIN, domain=describe_domains((row.domain,)))] if row.domain else []
    until = UNTIL if row.places > 1 else UNTIL_FOR_ONE
    lines.append(say(until, places=row.places, until=format_moment(row.expires_at, locale)))
    return {
        "locale": locale,
        "title": row.title or say(TITLE, service=runtime().site.settings.service_name),
        "lead": say(LEAD),
        "code": qr_code_svg(url),
        "address": say(ADDRESS, address=f"{place.netloc}{place.path}"),
        "lines": lines,
        "url": url,
        "id": row.id,
        "back": say(BACK),
        "style": style,
    }


def render_poster(row: SharedInvite, url: str) -> str:
    """Return the poster as a file that needs no server."""
    style = Markup((STATIC_FOLDER / "poster.css").read_text("utf-8"))  # noqa: S704 - a file of our own
    return Rendering.of_request().render(TEMPLATE, poster_context(row, url, style=style))
