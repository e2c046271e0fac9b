"""Who gets in at addresses of admins: a stranger, a member, an admin."""

from __future__ import annotations

BATCH_QUESTIONS = ("send", "discard", "resend", "extend", "revoke")
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
    "GET /admin/invites/shared/<shared_id>/revoke": (303, 403, 404),
    "POST /admin/invites/shared/<shared_id>/revoke": (401, 403, 404),
    "POST /api/admin/invites/shared/<shared_id>/revoke": (401, 403, 404),
}
BULK_ROWS = {
    "GET /admin/accounts/bulk": (303, 403, 200),
    "GET /api/admin/accounts/bulk": (401, 403, 200),
    "POST /admin/accounts/bulk": (401, 403, 422),
    "POST /api/admin/accounts/bulk": (401, 403, 422),
    "GET /admin/accounts/bulk/acts": (303, 403, 200),
    "GET /admin/accounts/bulk/<act_id>": (303, 403, 404),
    "GET /api/admin/accounts/bulk/<act_id>": (401, 403, 404),
    "POST /admin/accounts/bulk/<act_id>/run": (401, 403, 404),
    "POST /api/admin/accounts/bulk/<act_id>/run": (401, 403, 404),
    "POST /admin/accounts/bulk/<act_id>/discard": (401, 403, 404),
    "POST /api/admin/accounts/bulk/<act_id>/discard": (401, 403, 404),
    "GET /admin/accounts/bulk/<act_id>/report": (303, 403, 404),
    "GET /api/admin/accounts/bulk/<act_id>/report": (401, 403, 404),
}
MAIL_ROWS = {
    "GET /admin/mail": (303, 403, 200),
    "GET /api/admin/mail": (401, 403, 200),
    "POST /admin/mail": (401, 403, 422),
    "POST /api/admin/mail": (401, 403, 422),
    "POST /admin/mail/<batch_id>/pause": (401, 403, 404),
    "POST /api/admin/mail/<batch_id>/pause": (401, 403, 404),
    "POST /admin/mail/<batch_id>/resume": (401, 403, 404),
    "POST /api/admin/mail/<batch_id>/resume": (401, 403, 404),
    "GET /admin/mail/<batch_id>/cancel": (303, 403, 404),
    "POST /admin/mail/<batch_id>/cancel": (401, 403, 404),
    "POST /api/admin/mail/<batch_id>/cancel": (401, 403, 404),
    "GET /admin/mail/bounced": (303, 403, 200),
    "GET /api/admin/mail/bounced": (401, 403, 200),
    "POST /admin/mail/bounced/lift": (401, 403, 422),
    "POST /api/admin/mail/bounced/lift": (401, 403, 422),
    "POST /mail/bounces": (404, 404, 404),
    "POST /admin/mail/<mail_id>/again": (401, 403, 404),
    "POST /api/admin/mail/<mail_id>/again": (401, 403, 404),
}
TERMS_ROWS = {
    "GET /account/terms": (303, 404, 404),
    "POST /account/terms": (401, 404, 404),
    "GET /api/account/terms": (401, 404, 404),
    "POST /api/account/terms": (401, 404, 404),
    "GET /account/close": (303, 200, 200),
    "POST /account/close": (401, 303, 303),
    "POST /api/account/close": (401, 202, 202),
    "GET /account/export": (303, 200, 200),
    "GET /api/account/export": (401, 200, 200),
}
"""The terms, of which there are none here, and what can be done without accepting them."""
