"""Print invitations: one letter a page, with the link as a QR code, in piles. Printed from the browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import segno
from markupsafe import Markup
from pydantic import Field

from accounts.core.clock import now
from accounts.core.local_time import format_moment
from accounts.core.messages import N_
from accounts.flows.invites.export import ExportedInvite, ExportInvitesForm
from accounts.flows.invites.report import BatchSummary
from accounts.flows.shared.fields import Checkbox
from accounts.web.kit.context import runtime
from accounts.web.kit.rendering import Rendering
from accounts.web.kit.streams import join_chunks
from accounts.web.kit.templates import STATIC_FOLDER

TITLE = N_("You are invited to %(service)s")
APP_TITLE = N_("You are invited to use %(app)s")
SIGN_IN = N_("You sign in with an account at %(service)s.")
SAYS = N_("%(inviter)s writes:")
NOTE = N_("Message with this invitation:")
LEAD = N_("This invitation is for %(email)s. Scan this code with a phone, or type the address below into a browser.")
GROUPS = N_("Your groups: %(groups)s")
UNTIL = N_("The code works once, until %(until)s.")


class PrintInvitesForm(ExportInvitesForm):
    """Which letters to print, in which order, and whether a sheet for whoever hands them out lies on top.

    By ``group`` each pile has a sheet of its own in front that names it.
    """

    cover: Checkbox = Field(default=True, json_schema_extra={"input": "checkbox"})


def render_letters(
    invitations: Iterator[ExportedInvite],
    form: PrintInvitesForm,
    cover: BatchSummary | None = None,
    *,
    standalone: bool = False,
) -> Iterator[str]:
    """Yield the whole page, piece by piece.

    :param cover: what the sheet on top says; None for no such sheet.

    :param standalone: as a file that needs no server; else its style comes from an address, as the policy of pages
        wants.
    """
    by_group = form.order == "group"
    style = Markup((STATIC_FOLDER / "letters.css").read_text("utf-8")) if standalone else ""  # noqa: S704 - a file of our own
    letters = map(_letter_context, invitations)
    piles = ((key, group) for key, group in groupby(letters, key=lambda each: each["pile"] if by_group else None))
    values = {"piles": piles, "cover": cover, "style": style, "printed_at": now()}
    if cover is not None:
        # On paper: as somebody types them.
        page_url = runtime().site.link_signer.page_url
        values["url_of_batch"] = page_url(f"/admin/invites/batches/{cover.id}")
        values["url_of_invites"] = page_url("/admin/invites")
    return join_chunks(Rendering.of_request().stream("admin/letters.html", values))


def _letter_context(invitation: ExportedInvite) -> dict[str, Any]:
    """Return the values of a letter, in the language of who is invited, not of who prints it."""
    languages, locale = runtime().languages, invitation.locale
    service, groups = runtime().site.settings.service_name, ", ".join(invitation.groups)
    return {
        "locale": locale,
        "pile": ", ".join(invitation.groups),
        "title": languages.translate(locale, APP_TITLE, {"app": invitation.app})
        if invitation.app
        else languages.translate(locale, TITLE, {"service": service}),
        "says": (
            languages.translate(locale, SAYS, {"inviter": invitation.inviter})
            if invitation.inviter
            else languages.translate(locale, NOTE)
        )
        if invitation.message
        else "",
        "message": invitation.message,
        "sign_in": languages.translate(locale, SIGN_IN, {"service": service}) if invitation.app else "",
        "name": invitation.name,
        "lead": languages.translate(locale, LEAD, {"email": invitation.email}),
        "code": qr_code_svg(invitation.url),
        "url": invitation.url,
        "groups": languages.translate(locale, GROUPS, {"groups": groups}) if groups else "",
        "until": languages.translate(locale, UNTIL, {"until": format_moment(invitation.expires_at, locale)}),
    }


def qr_code_svg(text: str) -> Markup:
    """Return a QR code as inline SVG that takes the size of its place. A seventh of it may be dirty or creased."""
    # With a mask that is given: trying out all eight for the prettiest takes four fifths of the time of a letter.
    try:
        code = segno.make_qr(text, error="m", mask=3, boost_error=False)
    except segno.DataOverflowError:
        return Markup("")  # more than any code holds: the address beside it has to do
    return Markup(code.svg_inline(omitsize=True, border=4))  # noqa: S704 - made of squares, not of text
