"""A signed-token account service: runs by itself, or mounts in a Flask app as an extension.

from accounts import Accounts, current_account, login_required

auth = Accounts(url_prefix="/auth")
auth.init_app(app)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from accounts.version import __version__

if TYPE_CHECKING:
    from accounts.app import create_app
    from accounts.config import Settings
    from accounts.config_sources import SettingsError
    from accounts.core.errors import Problem
    from accounts.core.links.link import Link
    from accounts.extension import Accounts
    from accounts.flows.shared.fields import Form
    from accounts.host import binds
    from accounts.signals import account_changed, account_created, account_deleted, signed_in, signed_out
    from accounts.web.kit.context import current_account, login_required
    from accounts.web.kit.reply import Reply

__all__ = [
    "Accounts",
    "Form",
    "Link",
    "Problem",
    "Reply",
    "Settings",
    "SettingsError",
    "__version__",
    "account_changed",
    "account_created",
    "account_deleted",
    "binds",
    "create_app",
    "current_account",
    "login_required",
    "signed_in",
    "signed_out",
]

_MODULE_OF = {
    "Accounts": "extension",
    "Form": "flows.shared.fields",
    "Link": "core.links.link",
    "Problem": "core.errors",
    "Reply": "web.kit.reply",
    "Settings": "config",
    "SettingsError": "config_sources",
    "account_changed": "signals",
    "account_created": "signals",
    "account_deleted": "signals",
    "binds": "host",
    "create_app": "app",
    "current_account": "web.kit.context",
    "login_required": "web.kit.context",
    "signed_in": "signals",
    "signed_out": "signals",
}

if not TYPE_CHECKING:
    # On first use: the pytest plug-in lives in this package, and must not load the service into every test run.
    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        return value
