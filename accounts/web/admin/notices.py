"""What pages say after admins have done something about accounts and apps; routes declare it, views fill it in."""

from __future__ import annotations

from accounts.core.messages import N_, nN_

DISABLED = N_("%(email)s was disabled.")
ENABLED = N_("%(email)s was enabled.")
GROUPS_CHANGED = N_("The groups of %(email)s were updated.")
RESET_SENT = N_("An email to reset the password is on its way to %(email)s.")
UNLOCKED = N_("%(email)s was unlocked.")
SIGNED_OUT = N_("%(email)s was signed out everywhere.")
SESSION_ENDED = N_("%(device)s was signed out.")
DELETED = N_("%(email)s was deleted.")
MARKED_INVITED = N_("%(email)s is now marked as invited.")
MARKED_NOT_INVITED = N_("%(email)s is no longer marked as invited.")
ACCOUNT_IDENTITY_DISCONNECTED = N_("%(service)s was disconnected from %(email)s. The user will be notified.")

PREVIEWED = N_("This is a preview. Nothing has changed yet.")
NOTHING_TICKED = N_("Select at least one account.")
ACT_DISCARDED = N_("The change was discarded. What was done before stays done.")
ACT_DISCARDED_WITH_LETTERS = nN_(
    "The change was discarded, and %(count)s unsent email was cancelled. What was done before stays done.",
    "The change was discarded, and %(count)s unsent emails were cancelled. What was done before stays done.",
)

APP_CHANGED = N_("%(name)s was changed.")
APP_DISABLED = N_("%(name)s was disabled.")
APP_ENABLED = N_("%(name)s was enabled.")
APP_REMOVED = N_("%(name)s was removed.")
OLD_SECRET_ENDED = N_("The old secret of %(name)s no longer works.")
