"""Declare the addresses of admins: those of the views in ``admin/<name>.py`` stand in ``routes/<name>.py``.

The views, and the models of these, are imported on first use.
"""

from __future__ import annotations

from accounts.web.admin.routes import (
    accounts,
    app_access,
    app_trial,
    apps,
    audit,
    batches,
    bulk,
    invites,
    limits,
    links,
    mail,
    overview,
    shared_invites,
    unreachable,
)

ADMIN_ROUTES = tuple(
    feature.routes
    for feature in (
        overview,
        invites,
        shared_invites,
        accounts,
        app_access,
        bulk,
        mail,
        unreachable,
        links,
        batches,
        apps,
        app_trial,
        audit,
        limits,
    )
)
