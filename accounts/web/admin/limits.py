"""Limits that hold somebody up, and the keys of this installation, for admins."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.limits import LimitsForm
from accounts.flows.keys import report as key_report
from accounts.web.answers.limits import KeyOut, KeysOut, LiftedLimitsOut, LimitsOut
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

LIMITS_TEMPLATE = "admin/limits.html"


def empty_context() -> dict[str, Any]:
    """Return what the page shows before anything was asked."""
    return {"limits": None, "asked": None, "done": request.args.get("done", "")}


def see_limits(form: LimitsForm) -> Reply:
    """Show what is counted of an address and of a network."""
    body = LimitsOut.model_validate({"limits": helpdesk_limits.list_limits(uow(), form)})
    given = {"email": form.email.email if form.email else "", "network": form.network, "link": form.link}
    # The form below asks about somebody else: a link that is looked at stays out of it.
    fields = forms.form_fields(LimitsForm, given | {"link": ""})
    page_context = {"fields": fields, "problem": None, "asked": given, "done": ""}
    # No redirect: the address would stand in an address.
    return Reply(template=LIMITS_TEMPLATE, json=body, context=page_context)


def lift_limits(form: LimitsForm) -> Reply:
    """Have counting begin anew for an address and a network."""
    body = LiftedLimitsOut(lifted=tuple(helpdesk_limits.clear_limits(uow(), form)))
    if form.link:
        return Reply(json=body, location=page_url("show_shared_invite", shared_id=form.link, done="lifted"))
    return Reply(json=body, location=page_url("see_limits_form", done="lifted"))


def list_keys() -> Reply:
    """List the key ring without its secrets, oldest first."""
    reports = key_report.report_keys(uow())
    return Reply(template="admin/keys.html", json=KeysOut(keys=tuple(map(KeyOut.from_report, reports))))
