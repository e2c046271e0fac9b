"""A signed-token account service: runs by itself, or mounts in a Flask app as an extension.

from accounts import Accounts, current_account, login_required

Accounts(app)
"""

from __future__ import annotations

from accounts.app import create_app
from accounts.config import Settings, SettingsError
from accounts.core.links import Link
from accounts.extension import Accounts
from accounts.version import __version__
from accounts.web.bound import current_account, login_required
from accounts.web.reply import Reply

__all__ = [
    "Accounts",
    "Link",
    "Reply",
    "Settings",
    "SettingsError",
    "__version__",
    "create_app",
    "current_account",
    "login_required",
]
