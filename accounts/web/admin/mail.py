"""The helpdesk's screen: what became of the mail to an address, why a link does not work, and what was given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core import outbox
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import dead_letters, mail_trace
from accounts.flows.helpdesk.dead_letters import DeadPage
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.mail_trace import TraceMail
from accounts.web.admin import links
from accounts.web.kit import forms
from accounts.web.kit.context import house, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, Room, page_url

room: Room = Room()
PAGE = "admin/mail.html"


def _given_up(said: DeadPage) -> dict[str, Any]:
    waiting, dead = outbox.count_items(house().store.engine)
    letters, place = dead_letters.listing(uow(), said)
    return {"waiting": waiting, "dead": dead, "letters": [asdict(each) for each in letters], "next": place}


def _nothing_yet() -> dict[str, Any]:
    after = forms.checked(DeadPage, {"after": request.args.get("after", "")})
    return {**_around(after), "trace": None}


def _around(after: DeadPage) -> dict[str, Any]:
    """What stands on the page beside an answer."""
    return {
        **_given_up(after),
        "found": None,
        "happened": audit_labels.HAPPENED,
        "part_names": link_advice.PARTS,
        "done": request.args.get("done", ""),
    }


@room.get("/admin/mail", needs=ADMIN_GROUP, speaks=JSON, query=DeadPage)
def list_mail(said: DeadPage) -> Reply:
    """How many letters wait, and those that were given up."""
    return Reply(says=_given_up(said))


@room.post("/admin/mail", needs=ADMIN_GROUP, asks=TraceMail, page=PAGE, fill=_nothing_yet)
def trace_mail(said: TraceMail) -> Reply:
    """What became of the mail to an address, and why a link does or does not work."""
    trace, explained = mail_trace.look(uow(), said)
    email = said.email.email if said.email else trace.email if trace else ""
    shows = {
        **_around(DeadPage()),
        "found": explained,
        "fields": forms.fields_of(TraceMail, {"email": email}),
        "problem": None,
    }
    says = {"trace": asdict(trace) if trace else None, "link": links.told(explained) if explained else None}
    # No redirect to the answer: it would need the address or the link in an address, or kept somewhere.
    return Reply(page=PAGE, says=says, shows=shows)


@room.post("/admin/mail/<mail_id>/again", needs=ADMIN_GROUP, statuses=(202,))
def send_mail_again(mail_id: str) -> Reply:
    """Try a letter that was given up once more; its link is signed then."""
    dead_letters.send_again(uow(), mail_id)
    return Reply(says={"sent": True}, status=202, then=page_url("trace_mail_form", done="again"))
