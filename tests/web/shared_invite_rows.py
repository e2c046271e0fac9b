"""Who gets in at the addresses of links for several people: a stranger, a member, an admin."""

from __future__ import annotations

SHARED_INVITE_ROWS = {
    "GET /admin/invites/shared": (303, 403, 200),
    "GET /api/admin/invites/shared": (401, 403, 200),
    "POST /api/admin/invites/shared": (401, 403, 422),
    "GET /admin/invites/shared/new": (303, 403, 200),
    "POST /admin/invites/shared/new": (401, 403, 422),
    "GET /admin/invites/shared/<shared_id>": (303, 403, 404),
    "GET /api/admin/invites/shared/<shared_id>": (401, 403, 404),
    "POST /admin/invites/shared/<shared_id>/link": (401, 403, 404),
    "POST /api/admin/invites/shared/<shared_id>/link": (401, 403, 404),
    "POST /admin/invites/shared/<shared_id>/extend": (401, 403, 404),
    "POST /api/admin/invites/shared/<shared_id>/extend": (401, 403, 404),
    "POST /admin/invites/shared/<shared_id>/revoke": (401, 403, 404),
    "POST /api/admin/invites/shared/<shared_id>/revoke": (401, 403, 404),
}
