"""Links for several people, as admins make them on pages and by JSON."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import time_machine

from accounts.core.clock import now
from accounts.flows.sessions.session import STEP_UP_MAX_AGE
from accounts.web.admin.printing import qr_code_svg
from tests.kit.shared_invites import SharedLink, ask_to_join, join, make_shared_link, shared_token
from tests.people import Service
from tests.web.admin.printed_letters import scan_qr_code
from tests.web.endpoints import problem_code
from tests.web.parsed_page import check_skeleton, submit_form

LIST = "/admin/invites/shared"


def test_an_admin_does_all_of_it_by_pages(service: Service) -> None:
    admin = service.admin()
    assert "No shared links yet." in admin.client.get(LIST).text
    form = admin.client.get(f"{LIST}/new")
    refused = submit_form(admin.client, f"{LIST}/new", form, places="30", groups="admins")
    assert refused.status_code == 422
    assert "make anyone an admin. Invite admins one by one." in refused.text
    made = submit_form(admin.client, f"{LIST}/new", form, places="30", groups="pupils", title="Class <7b>", days="5")
    assert made.status_code == 303
    page_path = made.headers["Location"]
    page = admin.client.get(page_path)
    assert "The link was created." in page.text
    assert "Class &lt;7b&gt;" in page.text
    assert "0 of 30" in page.text
    poster = submit_form(admin.client, f"{page_path}/link", page)
    (svg,) = re.findall("<svg.*?</svg>", poster.text, re.DOTALL)
    scanned = scan_qr_code(svg)
    assert scanned in poster.text
    assert f'<a href="{page_path}">Back</a>' in poster.text
    assert "Class &lt;7b&gt;" in poster.text
    assert join(service, SharedLink("", scanned), pupil := service.person()).status_code == 201
    page = admin.client.get(page_path)
    assert pupil.email in page.text
    assert "1 of 30" in admin.client.get(LIST).text
    extended = submit_form(admin.client, f"{page_path}/extend", page, days="30").headers["Location"]
    assert "Extended. Show the link again" in admin.client.get(extended).text
    asked = admin.client.get(f"{page_path}/revoke")
    assert "1 of 30 places is taken." in check_skeleton(asked).text("main")
    page = admin.client.get(submit_form(admin.client, f"{page_path}/revoke", asked).headers["Location"])
    assert "Revoked. No one can join with this link any more." in page.text
    assert "/link" not in page.text
    assert ask_to_join(service.person(), SharedLink("", scanned)).get_json()["code"] == "link_revoked"


def test_the_page_names_who_made_it_and_offers_to_extend_only_what_has_places_left(service: Service) -> None:
    admin = service.admin()
    by_page, by_console = make_shared_link(service, admin, places=1), make_shared_link(service)
    assert f">{admin.email}</a>" in admin.client.get(f"{LIST}/{by_page.id}").text
    assert "Command line" in admin.client.get(f"{LIST}/{by_console.id}").text
    assert f"{by_page.id}/extend" in admin.client.get(f"{LIST}/{by_page.id}").text
    assert join(service, by_page, service.person()).status_code == 201
    assert "/extend" not in admin.client.get(f"{LIST}/{by_page.id}").text


def test_making_one_and_taking_its_link_along_need_a_fresh_proof(service: Service) -> None:
    admin = service.admin()
    link = make_shared_link(service, admin)
    with time_machine.travel(now() + STEP_UP_MAX_AGE + timedelta(seconds=1), tick=True):
        for path in ("", f"/{link.id}/link", f"/{link.id}/extend", f"/{link.id}/revoke"):
            assert problem_code(admin.post(f"/api{LIST}{path}", {"places": 3} if not path else {})) == (
                "confirmation_required"
            ), path
        assert admin.client.get(f"{LIST}/new").status_code == 303
        assert (
            "Confirm your password to show, extend or revoke the link." in admin.client.get(f"{LIST}/{link.id}").text
        )
        assert admin.get(f"/api{LIST}").status_code == 200


def test_json_has_the_link_once_it_is_made_and_each_time_it_is_taken_along(service: Service) -> None:
    admin = service.admin()
    until = now() + timedelta(days=2)
    made = admin.post(f"/api{LIST}", {"places": 2, "domain": ".Example.org", "until": f"{until:%Y-%m-%d %H:%M}"})
    assert made.status_code == 201
    assert made.get_json()["expires_at"] == f"{until:%Y-%m-%dT%H:%M}:00Z"
    link = make_shared_link(service, admin, places=2)
    taken = admin.post(f"/api{LIST}/{link.id}/link").get_json()
    assert {"title", "places", "uses", "holds", "url"} <= taken.keys()
    shown = admin.get(f"/api{LIST}/{link.id}").get_json()
    assert "url" not in shown
    assert (shown["state"], shown["joined"]) == ("open", [])
    person = service.person()
    assert person.post("/api/join", {"token": shared_token(taken["url"]), "email": person.email}).status_code == 202
    assert ask_to_join(service.person(), link).status_code == 202, "the one before is as good"


def test_the_list_comes_page_by_page(service: Service) -> None:
    admin = service.admin()
    ids = [make_shared_link(service, admin).id for _ in range(3)]
    first = admin.get(f"/api{LIST}?limit=2").get_json()
    second = admin.get(f"/api{LIST}?limit=2&after={first['next']}").get_json()
    assert [each["id"] for each in (*first["invites"], *second["invites"])] == ids[::-1]
    assert second["next"] is None
    page = admin.client.get(f"{LIST}?limit=2")
    assert "Next page" in page.text


def test_the_doctor_explains_a_link_for_several_and_the_links_that_it_mails(service: Service) -> None:
    admin = service.admin()
    link, pupil = make_shared_link(service, admin, places=1), service.person()
    assert ask_to_join(pupil, link).status_code == 202
    mailed = service.link_url(pupil.email, "join-shared")

    def explain(url: str) -> tuple[str, str, str]:
        found = admin.post("/api/admin/links/explain", {"link": f"Look: {url} !"}).get_json()
        return found["purpose"], found["outcome"], found["cause"]["code"]

    assert explain(link.url) == ("shared-invite", "alive", "alive")
    assert explain(mailed) == ("join-shared", "alive", "alive")
    assert join(service, link, service.person()).status_code == 201
    assert explain(link.url) == ("shared-invite", "invite_full", "full")
    assert explain(mailed) == ("join-shared", "invite_full", "full")
    assert admin.post(f"/api{LIST}/{link.id}/revoke").status_code == 200
    assert explain(link.url) == ("shared-invite", "link_revoked", "revoked")
    assert explain(mailed) == ("join-shared", "link_revoked", "revoked")
    assert admin.client.get("/admin/links/explain").status_code == 200


def test_keys_report_links_for_several_among_what_they_have_signed(service: Service) -> None:
    admin = service.admin()
    make_shared_link(service, admin)
    (key,) = admin.get("/api/admin/keys").get_json()["keys"]
    assert any(use["purpose"] == "shared-invite" and use["signed"] == 1 for use in key["uses"])


def test_what_no_code_holds_is_refused_before_it_is_made(service: Service) -> None:
    admin = service.admin()
    long = {"groups": [secrets.token_hex(32) for _ in range(32)], "next": f"/{secrets.token_hex(700)}"}
    answer = admin.post(f"/api{LIST}", {"places": 5, **long})
    assert (answer.status_code, [each["code"] for each in answer.get_json()["errors"]]) == (422, ["too_long"])
    assert admin.get(f"/api{LIST}").get_json()["invites"] == []
    longest = make_shared_link(service, admin, groups=long["groups"])
    assert admin.post(f"/api{LIST}/{longest.id}/link").status_code == 200
    assert not qr_code_svg("x" * 4000), "an address that no code holds is printed alone"
