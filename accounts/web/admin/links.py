"""The link doctor for admins: paste what somebody sent in, and read why it does not work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.advice import Line
from accounts.flows.helpdesk.links.explain import ExplainLink, Explanation
from accounts.web.kit import errors, forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import Room

room: Room = Room()
PAGE = "admin/link_doctor.html"


def _nothing_yet() -> dict[str, Any]:
    return {"found": None, "happened": audit_labels.HAPPENED, "part_names": link_advice.PARTS}


@room.post("/admin/links/explain", needs=ADMIN_GROUP, asks=ExplainLink, page=PAGE, fill=_nothing_yet)
def explain_link(said: ExplainLink) -> Reply:
    """Explain why a link does or does not work."""
    found = link_explanation.explain(uow(), said.link)
    shows = {**_nothing_yet(), "found": found, "fields": forms.fields_of(ExplainLink), "problem": None}
    # No redirect to the answer: it would need the link in an address, or kept somewhere.
    return Reply(page=PAGE, says=told(found), shows=shows)


def told(found: Explanation) -> dict[str, Any]:
    """An explanation as JSON says it."""
    says = asdict(found)
    says["cause"] = _words(found.cause)
    for name in ("remarks", "advice"):
        says[name] = [_words(line) for line in getattr(found, name)]
    return says


def _words(line: Line) -> dict[str, str]:
    return {"code": line.code, "text": errors.words(line.text, **line.values)}
