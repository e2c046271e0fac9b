"""Pages of admins name people by their addresses, lead on, and say beforehand what needs a fresh proof."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from accounts.core.clock import now
from accounts.flows.sessions.session import STEP_UP_MAX_AGE
from tests.people import Service


def test_the_mail_page_and_that_of_unreachable_addresses_lead_to_each_other(service: Service) -> None:
    admin = service.admin()
    assert 'href="/admin/mail/bounced"' in admin.client.get("/admin/mail").text
    page = admin.client.get("/admin/mail/bounced").text
    assert "No bounced emails." in page
    assert '<p class="below"><a href="/admin/mail">' in page


def test_pausing_is_offered_with_a_fresh_proof_and_otherwise_the_way_to_one_is(service: Service) -> None:
    admin = service.admin()
    assert 'action="/admin/mail/bulk/pause"' in admin.client.get("/admin/mail").text
    with time_machine.travel(now() + STEP_UP_MAX_AGE + timedelta(seconds=1), tick=True):
        page = admin.client.get("/admin/mail").text
    assert "/pause" not in page
    assert 'href="/confirm?next=/admin/mail"' in page


def test_acts_on_many_accounts_name_who_made_them(service: Service) -> None:
    admin, member = service.admin(), service.member()
    made = admin.post("/api/admin/accounts/bulk", {"act": "sign-out", "who": [member.email]})
    assert made.status_code == 201
    page = admin.client.get("/admin/accounts/bulk/acts").text
    assert f">{admin.email}</a>" in page
