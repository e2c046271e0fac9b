"""Print invitations: one letter a page, with the link as a QR code. Printed from the browser."""

from __future__ import annotations

from collections.abc import Iterator

import segno
from markupsafe import Markup

from accounts.core.errors import N_
from accounts.flows.invites.export import ExportedInvite
from accounts.web.kit.context import runtime
from accounts.web.kit.rendering import Rendering
from accounts.web.kit.streams import join_chunks
from accounts.web.kit.templates import STATIC_FOLDER

TITLE = N_("You are invited to %(service)s")
LEAD = N_("The invitation is for %(email)s. Point a phone at this code, or type the address below into a browser.")
GROUPS = N_("Your groups: %(groups)s")
UNTIL = N_("It works once, until %(until)s.")


def render_letters(invitations: Iterator[ExportedInvite], *, standalone: bool = False) -> Iterator[str]:
    """Yield the whole page, piece by piece.

    :param standalone: as a file that needs no server; else its style comes from an address, as the policy of pages
        wants.
    """
    style = Markup((STATIC_FOLDER / "letters.css").read_text("utf-8")) if standalone else ""  # noqa: S704 - a file of our own
    values = {"letters": map(_letter_context, invitations), "style": style}
    return join_chunks(Rendering.of_request().stream("admin/letters.html", values))


def _letter_context(invitation: ExportedInvite) -> dict[str, object]:
    """Return the values of a letter, in the language of who is invited, not of who prints it."""
    languages, locale = runtime().languages, invitation.locale
    service, groups = runtime().site.settings.service_name, ", ".join(invitation.groups)
    return {
        "locale": locale,
        "title": languages.translate(locale, TITLE, {"service": service}),
        "name": invitation.name,
        "lead": languages.translate(locale, LEAD, {"email": invitation.email}),
        "code": qr_code_svg(invitation.url),
        "url": invitation.url,
        "groups": languages.translate(locale, GROUPS, {"groups": groups}) if groups else "",
        "until": languages.translate(
            locale, UNTIL, {"until": languages.format_timestamp(locale, invitation.expires_at)}
        ),
    }


def qr_code_svg(text: str) -> Markup:
    """Return a QR code as inline SVG that takes the size of its place. A seventh of it may be dirty or creased."""
    # With a mask that is given: trying out all eight for the prettiest takes four fifths of the time of a letter.
    code = segno.make_qr(text, error="m", mask=3, boost_error=False)
    return Markup(code.svg_inline(omitsize=True, border=4))  # noqa: S704 - made of squares, not of text
