"""Purpose x purpose: a token is valid for the one purpose it was signed for, and no other, as page and as JSON."""

from __future__ import annotations

from itertools import permutations

import pytest

from accounts.core.clock import now
from accounts.flows import LINKS, TOKENS
from accounts.flows.sign_in.devices import KnownDevice
from accounts.web.kit import context
from accounts.web.kit.cookies import known_device
from tests.flows.token_samples import sample_payloads
from tests.kit.tables import dump_tables
from tests.people import Person, Service, token_of_url
from tests.web.endpoints import csrf_token, problem_code
from tests.web.live_links import FORM_DATA, MAKERS, browser_for_link, make_link_url

PURPOSES = [link.purpose for link in LINKS]
OTHERS = [kind.purpose for kind in TOKENS]


def token_of(service: Service, purpose: str, admin: Person) -> str:
    """A live token of a link, or of any other kind: of a browser where one has it, else made up."""
    if purpose in ("session", "device"):
        cookie = service.member().client.get_cookie(purpose)
        assert cookie is not None
        return str(cookie.value)
    if purpose == "csrf":
        return csrf_token(service.member())
    if purpose in OTHERS:
        payload = sample_payloads(service.site.ring.signing, int(now().timestamp()))[purpose]
        return service.site.signer.sign(service.site.tokens[purpose], payload)
    return token_of_url(make_link_url(service, purpose, admin))


def test_every_kind_of_link_is_made_in_these_tests() -> None:
    assert set(MAKERS) == set(FORM_DATA) == set(PURPOSES)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_is_accepted_at_the_endpoint_of_its_own_purpose(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    token, person = token_of_url(url), browser_for_link(service, purpose, url)
    assert person.get(f"/api/l/{purpose}?token={token}").status_code == 200
    assert person.get(f"/l/{purpose}/{token}/go").status_code == 303
    assert person.get(f"/l/{purpose}").status_code == 200
    assert person.post(f"/api/l/{purpose}", {"token": token, **FORM_DATA[purpose]}).status_code in (200, 201)


def test_every_kind_of_token_is_made_in_these_tests(service: Service) -> None:
    assert set(sample_payloads(service.site.ring.signing)) == set(OTHERS)
    assert set(OTHERS).isdisjoint(PURPOSES)


def test_a_token_is_read_as_its_own_kind_and_as_no_other(service: Service) -> None:
    admin = service.admin()
    for issued in (*PURPOSES, *OTHERS):
        token = token_of(service, issued, admin)
        read = [kind.purpose for kind in TOKENS if service.site.signer.read(kind, token) is not None]
        assert read == [issued] * (issued in OTHERS)


def test_a_token_is_refused_at_the_endpoint_of_every_other_purpose(service: Service) -> None:
    admin = service.admin()
    tokens = {purpose: token_of(service, purpose, admin) for purpose in (*PURPOSES, *OTHERS)}
    before = dump_tables(service, "rate_limits")
    answers = set()
    for issued, at in permutations(tokens, 2):
        if at in OTHERS:
            continue
        token, person = tokens[issued], service.person()
        shown = person.get(f"/api/l/{at}?token={token}")
        done = person.post(f"/api/l/{at}", {"token": token, **FORM_DATA[at]})
        again = person.post(f"/api/l/{at}/again", {"token": token})
        answers |= {shown.get_data(), done.get_data(), again.get_data()}
        assert (shown.status_code, done.status_code, again.status_code) == (400, 400, 400), f"{issued} at {at}"
        assert person.get(f"/l/{at}/{token}/go").status_code == 400
        form = csrf_token(person)
        person.client.set_cookie(f"link-{at}", token)
        assert person.get(f"/l/{at}").status_code == 400
        data = {"csrf_token": form, "link_id": "x", **FORM_DATA[at]}
        assert person.client.post(f"/l/{at}", data=data).status_code == 400
        assert person.client.post(f"/l/{at}/again", data={"csrf_token": form}).status_code == 400
    assert len(answers) == 1, "why a token is refused is nobody's business"
    assert dump_tables(service, "rate_limits") == before


@pytest.mark.parametrize("purpose", [*PURPOSES, *(purpose for purpose in OTHERS if purpose != "session")])
def test_no_other_token_is_a_session(service: Service, purpose: str) -> None:
    token = token_of(service, purpose, service.admin())
    person = service.person()
    person.client.set_cookie("session", token)
    assert not person.signed_in


@pytest.mark.parametrize("purpose", [*PURPOSES, *(purpose for purpose in OTHERS if purpose != "csrf")])
def test_no_other_token_is_a_csrf_token(service: Service, purpose: str) -> None:
    admin = service.admin()
    token = token_of(service, purpose, admin)
    answer = admin.post("/api/admin/invites", {"email": "x@example.org"}, headers={"X-CSRF-Token": token})
    assert (answer.status_code, problem_code(answer)) == (403, "csrf_failed")


def test_not_even_the_session_itself_is_its_csrf_token(service: Service) -> None:
    admin = service.admin()
    cookie = admin.client.get_cookie("session")
    assert cookie is not None
    answer = admin.post("/api/sign-out", headers={"X-CSRF-Token": cookie.value})
    assert answer.status_code == 403
    assert admin.signed_in


@pytest.mark.parametrize("purpose", [*PURPOSES, *(purpose for purpose in OTHERS if purpose != "device")])
def test_no_other_token_is_a_device_that_somebody_signed_in_from(service: Service, purpose: str) -> None:
    token = token_of(service, purpose, service.admin())
    with service.app.test_request_context(headers={"Cookie": f"device={token}"}):
        assert known_device(context.state()) == KnownDevice()
