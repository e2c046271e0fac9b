"""The link doctor as JSON and as a page: for admins only, in their language, and never an echo."""

from __future__ import annotations

import re

import pytest

from accounts.web.kit.forms import CSRF_FIELD
from tests.flows.helpdesk.links.dead_links import CASES, assert_no_secret, reset_url
from tests.people import Person, Service, token_of_url

PATH = "/admin/links/explain"


def page_of(admin: Person, link: str, path: str = PATH) -> str:
    """The page that answers a pasted link, without the one token that every form carries."""
    found = re.search(rf'name="{CSRF_FIELD}" value="([^"]+)"', admin.get(path).text)
    assert found is not None
    answer = admin.client.post(path, data={CSRF_FIELD: found[1], "link": link})
    assert answer.headers["Cache-Control"] == "no-store"
    return re.sub(rf'name="{CSRF_FIELD}" value="[^"]+"', "", answer.text)


@pytest.mark.parametrize("name", CASES)
def test_neither_page_nor_json_gives_anything_back_that_opens(service: Service, name: str) -> None:
    admin = service.admin()
    case = CASES[name](service, admin)
    answer = admin.post(f"/api{PATH}", {"link": case.text})
    assert answer.status_code == 200
    assert answer.get_json()["cause"]["code"] == case.cause
    page = page_of(admin, case.text)
    assert answer.get_json()["outcome"] in page
    for text in (answer.text, page):
        assert_no_secret(service, text, case.token)


def test_json_says_whom_it_is_about_when_it_was_signed_and_what_moved(service: Service) -> None:
    admin = service.admin()
    member = service.member()
    url = reset_url(service, member)
    member.post("/api/l/reset-password", {"token": token_of_url(url), "password": "another long password of theirs"})
    said = admin.post(f"/api{PATH}", {"link": url}).get_json()
    assert (said["outcome"], said["status"], said["purpose"]) == ("link_used", 410, "reset-password")
    assert said["account"]["email"] == member.email
    assert said["issued_at"].endswith("Z")
    assert said["issued_at"] < said["expires_at"]
    assert [part["name"] for part in said["parts"] if part["moved"]] == ["password", "auth_epoch"]
    assert said["moved_by"]["kind"] == "password.reset"
    assert said["key"]["state"] == "signs"
    assert said["advice"][0]["text"].startswith("This link is no longer needed.")


def test_only_admins_may_ask(service: Service) -> None:
    url = reset_url(service, service.member())
    assert service.person().post(f"/api{PATH}", {"link": url}).status_code == 401
    assert service.member().post(f"/api{PATH}", {"link": url}).status_code == 403
    assert service.member().get(PATH).status_code == 403


@pytest.mark.parametrize(
    ("said", "code"), [({}, "missing"), ({"link": 1}, "string_type"), ({"link": "hello"}, "no_link")]
)
def test_what_is_no_link_is_refused(service: Service, said: dict[str, object], code: str) -> None:
    answer = service.admin().post(f"/api{PATH}", said)
    assert answer.status_code == 422
    assert [each["code"] for each in answer.get_json()["errors"]] == [code]


def test_a_link_that_is_refused_for_its_length_is_not_shown_again(service: Service) -> None:
    admin = service.admin()
    url = reset_url(service, service.member())
    page = page_of(admin, url + " " * 4000)
    assert "4000 characters" in page
    assert_no_secret(service, page, token_of_url(url))


def test_the_page_is_in_german(service: Service) -> None:
    admin = service.admin()
    page = page_of(admin, CASES["used"](service, admin).text, f"/de{PATH}")
    assert "Dieser Link wurde bereits verwendet." in page
    assert "Passwort per E-Mail zurückgesetzt" in page


def test_what_a_stranger_wrote_into_a_link_is_only_text(service: Service) -> None:
    admin = service.admin()
    url = reset_url(service, service.member())
    page = page_of(admin, f"https://<script>alert(1)</script>/l/reset-password/{token_of_url(url)}/go")
    assert "<script>" not in page
