"""Hand out everything that is kept about an account to its owner."""

from __future__ import annotations

from accounts.flows.moving import export
from accounts.web.answers.own_data import OwnDataOut
from accounts.web.kit.context import require_account, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import api_url


def export_data() -> Reply:
    """Everything that is kept about this account, without secrets."""
    body = OwnDataOut.model_validate(export.export_own_data(uow(), require_account()))
    return Reply(template="export.html", json=body, context={"file": api_url("export_data")})
