"""Limits that hold somebody up, and the keys of this installation, for admins."""

from __future__ import annotations

from typing import Any

from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.limits import LimitsForm
from accounts.flows.helpdesk.mail_labels import MAIL_LABELS
from accounts.flows.invites.shared import get_shared_invite
from accounts.flows.keys import report as key_report
from accounts.flows.sessions.notice import make_notice
from accounts.web.admin.routes.limits import LIMITS_RESET, LINK_LIMITS_RESET, NO_LIMITS
from accounts.web.answers.limits import KeyOut, KeysOut, LiftedLimitsOut, LimitsOut
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

LIMITS_TEMPLATE = "admin/limits.html"


def empty_context() -> dict[str, Any]:
    """Return what the page shows before anything was asked."""
    return {"limits": None, "asked": None, **_words()}


def _words() -> dict[str, Any]:
    return {
        "limit_names": helpdesk_limits.LIMIT_LABELS,
        "bucket_names": helpdesk_limits.BUCKET_LABELS,
        "mail_names": MAIL_LABELS,
    }


def see_limits(form: LimitsForm) -> Reply:
    """Show what is counted of an address and of a network."""
    body = LimitsOut.model_validate({"limits": helpdesk_limits.list_limits(uow(), form)})
    given = {"email": form.email.email if form.email else "", "network": form.network, "link": form.link}
    # The form below asks about somebody else: a link that is looked at stays out of it.
    fields = forms.form_fields(LimitsForm, given | {"link": ""})
    page_context = {"fields": fields, "problem": None, "asked": given, **_words()}
    # No redirect: the address would stand in an address.
    return Reply(template=LIMITS_TEMPLATE, json=body, context=page_context)


def lift_limits(form: LimitsForm) -> Reply:
    """Have counting begin anew for an address and a network."""
    body = LiftedLimitsOut(lifted=tuple(helpdesk_limits.clear_limits(uow(), form)))
    if form.link:
        location = page_url("show_shared_invite", shared_id=form.link)
        notice = make_notice(LINK_LIMITS_RESET, title=get_shared_invite(uow(), form.link).title)
    else:
        location = page_url("see_limits_form")
        who = ", ".join(filter(None, (form.email.email if form.email else "", form.network)))
        notice = make_notice(LIMITS_RESET if body.lifted else NO_LIMITS, who=who)
    return Reply(json=body, location=location, notice=notice)


def list_keys() -> Reply:
    """List the key ring without its secrets, oldest first."""
    reports = key_report.report_keys(uow())
    body = KeysOut(keys=tuple(map(KeyOut.from_report, reports)))
    return Reply(template="admin/keys.html", json=body, context={"mail_names": MAIL_LABELS})
