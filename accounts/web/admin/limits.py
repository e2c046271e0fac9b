"""Limits that hold somebody up, and the keys of this installation, for admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.limits import WhoseLimits
from accounts.flows.keys import report as key_report
from accounts.flows.keys.report import KeyReport
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import Room, page_url

room: Room = Room()
PAGE = "admin/limits.html"


def _nothing_yet() -> dict[str, Any]:
    return {"limits": None, "asked": None, "done": request.args.get("done", "")}


@room.post("/admin/limits", needs=ADMIN_GROUP, asks=WhoseLimits, page=PAGE, fill=_nothing_yet)
def see_limits(said: WhoseLimits) -> Reply:
    """What has been counted of an address and of a network."""
    found = [asdict(each) for each in helpdesk_limits.look(uow(), said)]
    given = {"email": said.email.email if said.email else "", "network": said.network}
    shows = {"fields": forms.fields_of(WhoseLimits, given), "problem": None, "asked": given, "done": ""}
    # No redirect: the address would stand in an address.
    return Reply(page=PAGE, says={"limits": found}, shows=shows)


@room.post("/admin/limits/lift", needs=ADMIN_GROUP, asks=WhoseLimits)
def lift_limits(said: WhoseLimits) -> Reply:
    """Have counting begin anew for an address and a network."""
    lifted = helpdesk_limits.lift(uow(), said)
    return Reply(says={"lifted": lifted}, then=page_url("see_limits_form", done="lifted"))


@room.get("/admin/keys", needs=ADMIN_GROUP)
def list_keys() -> Reply:
    """The key ring without its secrets, oldest first."""
    return Reply(page="admin/keys.html", says={"keys": [_key(life) for life in key_report.report_keys(uow())]})


def _key(life: KeyReport) -> dict[str, Any]:
    return {
        "number": life.number,
        "name": life.name,
        "state": life.state,
        "signs_from": life.signs_from,
        "safe_from": life.safe_to_drop_from,
        "safe": life.is_safe_to_drop,
        "uses": [asdict(use) for use in life.uses],
    }
