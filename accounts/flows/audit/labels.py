"""Kinds of lines of the audit log in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.core.messages import N_

EVENT_LABELS: Mapping[str, str] = {
    "account.activated": N_("Account created"),
    "account.close-asked": N_("Account closure requested"),
    "account.close-refused": N_("Account closure refused: email change can still be undone"),
    "account.closed": N_("Account closed"),
    "account.deleted": N_("Account deleted by an admin"),
    "account.disabled": N_("Account disabled"),
    "account.enabled": N_("Account enabled"),
    "account.exported": N_("Own data viewed"),
    "account.groups": N_("Groups changed"),
    "account.hash-added": N_("Password from the previous system added"),
    "account.imported": N_("Account imported from another system"),
    "account.let-in": N_("Invited status changed"),
    "account.locked": N_("Sign-in locked after wrong passwords"),
    "account.profile": N_("Profile changed"),
    "account.reset-sent": N_("Password reset link sent by an admin"),
    "account.recovered": N_("Account recovered, access by others revoked"),
    "account.unlocked": N_("Sign-in unlocked"),
    "accounts.exported": N_("All accounts exported"),
    "accounts.imported": N_("Accounts imported from another system"),
    "app.changed": N_("App changed"),
    "app.code-replayed": N_("Authorization code used twice, resulting access revoked"),
    "app.consent": N_("App access approved"),
    "app.disabled": N_("App disabled"),
    "app.disconnected": N_("App disconnected"),
    "app.enabled": N_("App enabled"),
    "app.entered": N_("App behind a proxy opened"),
    "app.logout-confirmed": N_("App confirmed sign-out"),
    "app.logout-delayed": N_("App has not confirmed sign-out yet"),
    "app.logout-given-up": N_("App not notified of sign-out"),
    "app.old-secret-ended": N_("Old client secret of an app ended"),
    "app.refresh-replayed": N_("Old refresh token used, resulting access revoked"),
    "app.refused": N_("App access declined"),
    "app.registered": N_("App registered"),
    "app.removed": N_("App removed"),
    "app.revoked": N_("App revoked its own tokens"),
    "app.secret-changed": N_("New client secret created for an app"),
    "app.sign-in": N_("Signed in to an app"),
    "app.tried": N_("App tested"),
    "approval.approved": N_("Account request approved"),
    "approval.asked": N_("Account requested from the admins"),
    "approval.declined": N_("Account request declined"),
    "audit.exported": N_("Audit log exported"),
    "audit.pruned": N_("Old entries pseudonymised"),
    "backup.restored": N_("Restored from a backup"),
    "batch.discarded": N_("Invitation list discarded"),
    "batch.exported": N_("Links of an invitation list downloaded"),
    "batch.made": N_("Invitation list submitted"),
    "batch.sent": N_("Invitation list sent"),
    "bulk.discarded": N_("Bulk change discarded"),
    "bulk.done": N_("Bulk change completed"),
    "bulk.made": N_("Bulk change prepared"),
    "confirm.refused": N_("Wrong password at confirmation"),
    "email.change-asked": N_("Email change requested"),
    "email.changed": N_("Email address changed"),
    "email.restored": N_("Previous email address restored"),
    "identity.connected": N_("Sign-in service connected"),
    "identity.disconnected": N_("Sign-in service disconnected"),
    "identity.refused": N_("Sign-in with a sign-in service refused"),
    "invite.accepted": N_("Invitation accepted"),
    "invite.extended": N_("Invitation extended"),
    "invite.resent": N_("Invitation resent"),
    "invite.revoked": N_("Invitation revoked"),
    "invite.sent": N_("Invitation sent"),
    "invites.extended": N_("Invitation list extended"),
    "invites.resent": N_("Invitation list resent"),
    "invites.revoked": N_("Invitation list revoked"),
    "keys.adopted": N_("Key ring adopted"),
    "keys.dropped": N_("Signing key removed"),
    "keys.rotated": N_("Signing key added"),
    "limits.lifted": N_("Rate limits reset"),
    "link.again": N_("New link requested"),
    "link.explained": N_("Link checked"),
    "mail.bounced": N_("Reported as undelivered"),
    "mail.cancelled": N_("Emails of an invitation list cancelled"),
    "mail.complained": N_("Reported as spam"),
    "mail.delayed": N_("Not accepted yet, will be retried"),
    "mail.dropped": N_("No email created"),
    "mail.given-up": N_("Failed after the last attempt"),
    "mail.held": N_("Held back by a rate limit"),
    "mail.paused": N_("Email sending paused"),
    "mail.reachable": N_("Address marked as reachable again"),
    "mail.refused": N_("Rejected by the mail server"),
    "mail.resumed": N_("Email sending resumed"),
    "mail.revived": N_("Resent by an admin"),
    "mail.sent": N_("Accepted by the mail server"),
    "mail.traced": N_("Email delivery checked"),
    "not-me": N_("“This wasn't me” reported"),
    "oidc-key.brought-forward": N_("ID token key set to start earlier"),
    "oidc-key.dropped": N_("ID token key removed"),
    "oidc-key.made": N_("ID token key created"),
    "password.changed": N_("Password changed"),
    "password.refused": N_("Wrong password when changing it"),
    "password.reset": N_("Password reset by email"),
    "password.reset-asked": N_("Password reset requested"),
    "session.ended": N_("Device signed out"),
    "shared-invite.asked": N_("Asked to join with a shared link"),
    "shared-invite.extended": N_("Shared link extended"),
    "shared-invite.full": N_("All places on a shared link taken"),
    "shared-invite.made": N_("Shared link created"),
    "shared-invite.revoked": N_("Shared link revoked"),
    "shared-invite.taken-along": N_("Shared link viewed or printed"),
    "shared-invite.used": N_("Joined with a shared link"),
    "sign-in": N_("Sign-in"),
    "sign-in.by-mail": N_("Sign-in by email link"),
    "sign-in.failed": N_("Sign-in failed"),
    "sign-in.mail-asked": N_("Sign-in link requested"),
    "sign-out": N_("Sign-out"),
    "sign-out.everywhere": N_("Signed out everywhere"),
    "sign-out.others": N_("Other devices signed out"),
    "sign-up.asked": N_("Sign-up requested"),
    "terms.accepted": N_("Terms accepted"),
}


@dataclass(frozen=True, slots=True)
class EventTopic:
    """Kinds of lines that belong together, for whoever chooses some.

    :ivar prefixes: what the kinds begin with, before their dot.
    """

    label: str
    prefixes: tuple[str, ...]

    @property
    def whole(self) -> str:
        """What all its kinds begin with, if that is one word: a search for it finds them all."""
        return self.prefixes[0] if len(self.prefixes) == 1 else ""

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of the topic, in the order of their labels in English."""
        return sorted(
            (kind for kind in EVENT_LABELS if _prefix_of(kind) in self.prefixes), key=EVENT_LABELS.__getitem__
        )


def _prefix_of(kind: str) -> str:
    return kind.partition(".")[0]


EVENT_TOPICS: Sequence[EventTopic] = (
    EventTopic(N_("Sign-in and sessions"), ("sign-in", "sign-out", "session", "confirm", "not-me")),
    EventTopic(N_("Passwords"), ("password",)),
    EventTopic(N_("Accounts"), ("account", "accounts", "sign-up", "email", "terms", "bulk")),
    EventTopic(N_("Account requests"), ("approval",)),
    EventTopic(N_("Invitations"), ("invite", "invites", "batch", "shared-invite")),
    EventTopic(N_("Sign-in services"), ("identity",)),
    EventTopic(N_("Apps"), ("app",)),
    EventTopic(N_("Emails and links"), ("mail", "link")),
    EventTopic(N_("Signing keys"), ("keys", "oidc-key")),
    EventTopic(N_("Audit log, limits and backups"), ("audit", "limits", "backup")),
)
"""All kinds of ours by topic. What a host app writes is in none."""
