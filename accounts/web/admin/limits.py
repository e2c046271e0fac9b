"""Limits that hold somebody up, and the keys of this installation, for admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.limits import LimitsForm
from accounts.flows.keys import report as key_report
from accounts.flows.keys.report import KeyReport
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, Routes, page_url

routes: Routes = Routes()
LIMITS_TEMPLATE = "admin/limits.html"


def _empty_context() -> dict[str, Any]:
    return {"limits": None, "asked": None, "done": request.args.get("done", "")}


@routes.post("/admin/limits", access=ADMINS, form=LimitsForm, template=LIMITS_TEMPLATE, context=_empty_context)
def see_limits(form: LimitsForm) -> Reply:
    """What has been counted of an address and of a network."""
    limits = [asdict(each) for each in helpdesk_limits.list_limits(uow(), form)]
    given = {"email": form.email.email if form.email else "", "network": form.network}
    page_context = {"fields": forms.form_fields(LimitsForm, given), "problem": None, "asked": given, "done": ""}
    # No redirect: the address would stand in an address.
    return Reply(template=LIMITS_TEMPLATE, json={"limits": limits}, context=page_context)


@routes.post("/admin/limits/lift", access=ADMINS, form=LimitsForm)
def lift_limits(form: LimitsForm) -> Reply:
    """Have counting begin anew for an address and a network."""
    lifted_count = helpdesk_limits.clear_limits(uow(), form)
    return Reply(json={"lifted": lifted_count}, location=page_url("see_limits_form", done="lifted"))


@routes.get("/admin/keys", access=ADMINS)
def list_keys() -> Reply:
    """The key ring without its secrets, oldest first."""
    return Reply(template="admin/keys.html", json={"keys": [_key_json(key) for key in key_report.report_keys(uow())]})


def _key_json(key: KeyReport) -> dict[str, Any]:
    return {
        "number": key.number,
        "name": key.name,
        "state": key.state,
        "signs_from": key.signs_from,
        "safe_from": key.safe_to_drop_from,
        "safe": key.is_safe_to_drop,
        "uses": [asdict(use) for use in key.uses],
    }
