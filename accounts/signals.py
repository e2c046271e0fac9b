"""Signals of a host app (blinker, as Flask's own): what has happened to accounts, sent after the commit.

The sender is the Flask app. Each is sent with ``account_id`` (str), ``event`` (str: the kind that the audit log has),
``actor_id`` (str, or None for strangers and the console) and ``facts`` (dict: what the audit log knows beside).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence

from blinker import NamedSignal, Namespace
from flask import Flask, has_app_context

from accounts.core.site import CommittedEvent

log = logging.getLogger("accounts")
_signals = Namespace()

signed_in = _signals.signal("accounts-signed-in")
"""Somebody has signed in. ``facts``: ``session`` (its id), ``amr`` (RFC 8176)."""
signed_out = _signals.signal("accounts-signed-out")
"""Somebody has signed out, here, on another device, or everywhere. ``facts``: ``session``, but for everywhere."""
account_created = _signals.signal("accounts-account-created")
"""There is a new account: by sign-up, by invitation, or brought in from another system."""
account_changed = _signals.signal("accounts-account-changed")
"""Profile, address, password, groups, status or connected sign-ins of an account have changed; see ``event``."""
account_deleted = _signals.signal("accounts-account-deleted")
"""An account is gone, closed by its owner or deleted by an admin."""

SIGNAL_OF_EVENT: Mapping[str, NamedSignal] = {
    "sign-in": signed_in,
    "sign-out": signed_out,
    "sign-out.everywhere": signed_out,
    "session.ended": signed_out,
    "account.created": account_created,
    "account.imported": account_created,
    "account.disabled": account_changed,
    "account.enabled": account_changed,
    "account.groups": account_changed,
    "account.profile": account_changed,
    "email.changed": account_changed,
    "email.restored": account_changed,
    "identity.connected": account_changed,
    "identity.disconnected": account_changed,
    "not-me": account_changed,
    "password.changed": account_changed,
    "password.reset": account_changed,
    "account.closed": account_deleted,
    "account.deleted": account_deleted,
}
"""Which signal follows which event of a unit of work."""


def send_signals(app: Flask, events: Sequence[CommittedEvent]) -> None:
    """Send what follows from a commit of this app's installation."""
    for event in events:
        signal = SIGNAL_OF_EVENT.get(event.kind)
        if signal is None or signal.is_muted or not signal.receivers:
            continue
        with contextlib.nullcontext() if has_app_context() else app.app_context():
            for receiver in signal.receivers_for(app):
                _call_receiver(receiver, app, event)


def _call_receiver(receiver: Callable[..., object], app: Flask, event: CommittedEvent) -> None:
    try:
        receiver(app, account_id=event.account_id, event=event.kind, actor_id=event.actor_id, facts=dict(event.facts))
    except Exception:
        # What it was told of is done, and cannot fail any more.
        log.exception("a receiver of %s failed", event.kind)
