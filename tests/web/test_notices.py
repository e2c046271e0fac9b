"""No act of a browser is done in silence: each route declares what the page that follows says."""

from __future__ import annotations

import pytest

from accounts.core.messages import N_, nN_
from accounts.flows.sessions.notice import make_notice
from accounts.web.kit.notices import UndeclaredNotice, choose_notice
from accounts.web.kit.routes import ActNotice, Onward, Route
from tests.people import Service
from tests.web.endpoints import list_endpoints

SENT, REVOKED = N_("Sent to %(email)s."), nN_("%(count)s revoked.", "%(count)s revoked.")
SILENT = {
    "confirm",
    "forgot_password",
    "sign_in",
    "sign_in_mail",
    "sign_out",
    "sign_up",
    "change_account",
    "change_email",
    "change_password",
    "close_account",
    "end_session",
    "change_groups",
    "delete_account",
    "disable_account",
    "enable_account",
    "end_account_session",
    "send_reset",
    "sign_out_account",
    "unlock_account",
    "change_invited",
    "explain_access",
    "try_app",
    "add_app",
    "change_app",
    "disable_app",
    "enable_app",
    "end_old_app_secret",
    "remove_app",
    "renew_app_secret",
    "discard_batch",
    "export_links",
    "extend_batch",
    "make_batch",
    "print_letters",
    "resend_batch",
    "revoke_batch",
    "send_batch",
    "change_some_invites",
    "extend_invite",
    "resend_invite",
    "revoke_invite",
    "send_invite",
    "extend_shared_invite",
    "make_shared_invite",
    "revoke_shared_invite",
    "show_shared_invite_link",
    "export_audit",
    "see_limits",
    "explain_link",
    "cancel_mail",
    "pause_mail",
    "resume_mail",
    "send_mail_again",
    "trace_mail",
    "count_as_reachable",
    "disconnect_app",
    "join",
    "again",
    "confirm_logout",
    "decide",
    "join_with",
    "sign_in_with",
    "disconnect_identity",
}
"""Acts whose page does not say yet what was done."""


def route(notice: ActNotice | None) -> Route:
    return Route(rule="/x", method="POST", view="accounts.web.admin.links:explain_link", notice=notice)


def acts(service: Service) -> dict[str, Route]:
    """What a form of ours may send: not what other sites and programs send, who get no page."""
    return {
        endpoint.route.name: endpoint.route
        for endpoint in list_endpoints(service)
        if endpoint.format == "html" and endpoint.is_unsafe and endpoint.route and endpoint.route.csrf is not False
    }


def test_every_act_declares_what_the_next_page_says(service: Service) -> None:
    assert {name for name, each in acts(service).items() if each.notice is None} == SILENT


def test_whoever_says_nothing_gives_the_reason(service: Service) -> None:
    reasons = [each.notice.reason for each in acts(service).values() if isinstance(each.notice, Onward)]
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_a_view_says_what_its_route_declares() -> None:
    assert choose_notice(route(None), None) is None
    assert choose_notice(route(Onward("the page lists it")), None) is None
    assert choose_notice(route(N_("Changes saved.")), None) == make_notice(N_("Changes saved."))
    given = make_notice(REVOKED, count=3)
    assert choose_notice(route((SENT, REVOKED)), given) is given
    for notice, said in ((REVOKED, None), ((SENT, REVOKED), None), (SENT, given), (None, given)):
        with pytest.raises(UndeclaredNotice):
            choose_notice(route(notice), said)
