"""What the next page says of an act on one's own account, where the act is declared apart from its view."""

from __future__ import annotations

from accounts.core.messages import N_, nN_

DEVICE_ENDED, BROWSER_ENDED = N_("%(device)s was signed out."), N_("%(browser)s on %(system)s was signed out.")
UNKNOWN_ENDED = N_("The device was signed out.")
OTHERS_ENDED = nN_("%(count)s other device was signed out.", "%(count)s other devices were signed out.")
NO_OTHERS = N_("No other devices were signed in.")
NAME_SAVED = N_("Device name saved.")
APP_DISCONNECTED = N_("%(app)s was disconnected. It will be notified, and its access has been revoked.")
IDENTITY_CONNECTED = N_(
    "%(service)s was connected. You can now sign in this way too. All other devices have been signed out."
)
IDENTITY_DISCONNECTED = N_("%(service)s was disconnected. All other devices have been signed out.")
