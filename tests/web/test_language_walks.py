"""The language stays the same through a whole walk: of every kind of link, by prefix, and through signing in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import update

from accounts.config import LOCALES
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import Link
from accounts.core.models.account import Account
from accounts.flows import LINKS
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.upstream.waiting import PENDING_SIGN_IN, PendingSignIn
from tests.apps import register_app
from tests.kit.browser import Browser
from tests.kit.shared_invites import make_shared_link
from tests.people import PASSWORD, Person, Service, make_email, token_of_url
from tests.web.live_links import FORM_DATA, make_link_url
from tests.web.parsed_page import ParsedPage

OTHER = {"en": "de", "de": "en", "fr": "es", "es": "fr"}
"""What the browser speaks that opens a link in a language."""
PAGES_BY_LINK = [(link, language) for link in LINKS for language in LOCALES]


def spoken(browser: Browser) -> str:
    """The language of the page that is shown, by its own word."""
    found = re.search(r'<html lang="(\w+)"', browser.response.get_data(as_text=True))
    assert found is not None
    return found[1]


def in_language(service: Service, link: Link, url: str, language: str) -> str:
    """The link as its email would have it in a language."""
    claims = service.site.link_signer.verify(service.site.links[link.purpose], token_of_url(url))
    with service.uow() as uow:
        if link.about == "account":
            uow.session.execute(update(Account).where(Account.id == claims.subject_id).values(locale=language))
            return url
        carried = claims.carried.model_copy(update={"locale": language})
        return uow.link_url(service.site.links[link.purpose], Subject(claims.subject_id, None), carried)


def browser_for(service: Service, link: Link, url: str, language: str) -> Browser:
    """A browser that speaks a language, in which somebody is signed in whose session the link needs."""
    browser = Browser(service.app.test_client(), language)
    if link.needs_session:
        account_id = service.site.link_signer.verify(service.site.links[link.purpose], token_of_url(url)).subject_id
        with service.uow() as uow:
            email = uow.session.get_one(Account, account_id).email
        browser.visit("/sign-in")
        browser.sign_in_as(email)
    return browser


def walk(browser: Browser, link: Link, url: str) -> list[str]:
    """Open a link, use it, go on, and open it once more; the language of every page on the way."""
    browser.visit(url)
    heard = [spoken(browser)]
    if "password" in FORM_DATA[link.purpose]:
        browser.submit(browser.form("password", "link_id"), password="short")
        assert browser.status == 422
        heard.append(spoken(browser))
    data = {name: str(value) for name, value in FORM_DATA[link.purpose].items()}
    browser.submit(browser.form("link_id"), **data)
    assert browser.status == 200, browser.page.text
    heard.append(spoken(browser))
    links = [each for each in browser.page.links if each not in browser.page.language_links]
    onward = [each for each in links if each.partition("?")[0].endswith(("/account", "/sign-in", "/"))]
    browser.visit(onward[-1])
    heard.append(spoken(browser))
    browser.visit(url)
    assert browser.status >= 400
    heard.append(spoken(browser))
    return heard


@pytest.mark.parametrize(("link", "language"), PAGES_BY_LINK, ids=lambda each: getattr(each, "purpose", each))
def test_a_link_speaks_the_language_of_its_email_to_the_end(service: Service, link: Link, language: str) -> None:
    url = in_language(service, link, make_link_url(service, link.purpose, service.admin()), language)
    browser = browser_for(service, link, url, OTHER[language])
    *heard, once_more = walk(browser, link, url)
    assert set(heard) == {language}
    # Of an account that is gone nobody knows the language any more.
    assert once_more == (OTHER[language] if link.purpose == "close-account" else language)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.purpose)
def test_a_language_that_was_chosen_on_the_page_wins_to_the_end(service: Service, link: Link) -> None:
    url = in_language(service, link, make_link_url(service, link.purpose, service.admin()), "de")
    browser = browser_for(service, link, url, "en")
    assert set(walk(browser, link, urlsplit(url).path.replace("/l/", "/fr/l/", 1))) == {"fr"}


def test_a_link_for_several_people_speaks_its_language_to_the_email(service: Service) -> None:
    link = make_shared_link(service, locale="es")
    browser = Browser(service.app.test_client(), "de")
    browser.visit(link.url)
    heard, email = [spoken(browser)], make_email()
    browser.submit(browser.form("email"), email="nonsense")
    heard.append(spoken(browser))
    browser.submit(browser.form("email"), email=email)
    assert [*heard, spoken(browser)] == ["es", "es", "es"]
    browser.visit(service.link_url(email, "join-shared"))
    assert spoken(browser) == "es"


def signed_in(service: Service, locale: str, path: str, language: str = "en") -> tuple[Browser, Person]:
    """Somebody whose account has a language, at the first page after signing in by the page at a path."""
    member = service.member()
    assert member.patch("/api/account", {"locale": locale}).status_code == 200
    browser = Browser(service.app.test_client(), language)
    browser.visit(path)
    browser.sign_in_as(member.email)
    return browser, member


@pytest.mark.parametrize("target", ["/account/password", "/de/account/password", "/account?x=1"])
def test_a_language_that_was_chosen_before_signing_in_stays(service: Service, target: str) -> None:
    browser, _ = signed_in(service, "de", f"/es/sign-in?{urlencode({'next': target})}")
    plain = target.removeprefix("/de")
    assert (browser.url, spoken(browser)) == ((f"/es{plain}", "es") if plain == target else (target, "de"))


def test_without_a_choice_the_account_says_the_language(service: Service) -> None:
    browser, _ = signed_in(service, "fr", "/sign-in")
    assert (browser.url, spoken(browser)) == ("/account", "fr")


def test_a_language_that_is_saved_is_the_one_of_the_next_page(service: Service) -> None:
    browser, _ = signed_in(service, "de", "/fr/sign-in")
    assert spoken(browser) == "fr"
    browser.submit(browser.form("locale"), locale="de", name="Ana")
    assert spoken(browser) == "fr", "nothing was chosen anew"
    browser.submit(browser.form("locale"), locale="es")
    assert spoken(browser) == "es"


def authorize_path(service: Service, **more: str) -> str:
    app = register_app(service).app
    query = {"client_id": app.id, "redirect_uri": app.redirect_uris[0], "response_type": "code", "scope": "openid"}
    return f"/oauth/authorize?{urlencode(query | more)}"


@pytest.mark.parametrize(
    ("asked", "heard"), [("fr", "fr"), ("fr-CA en", "fr"), ("tlh es", "es"), ("tlh", "de"), ("", "de")]
)
def test_an_app_chooses_a_language_that_is_spoken_here(service: Service, asked: str, heard: str) -> None:
    service.admin()
    browser, _ = signed_in(service, "de", authorize_path(service, **({"ui_locales": asked} if asked else {})), "de")
    assert urlsplit(browser.url).path == "/oauth/authorize"
    assert spoken(browser) == heard


def test_a_language_chosen_on_the_way_wins_over_that_of_the_app(service: Service) -> None:
    service.admin()
    member = service.member()
    browser = Browser(service.app.test_client())
    browser.visit(authorize_path(service, ui_locales="fr"))
    assert browser.url.startswith("/fr/sign-in?")
    browser.visit(browser.url.replace("/fr/", "/es/", 1))
    browser.sign_in_as(member.email)
    assert (urlsplit(browser.url).path, spoken(browser)) == ("/oauth/authorize", "es")


def test_a_visit_to_another_service_comes_back_in_its_language(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(
        upstream_office_issuer="https://office.example.org",
        upstream_office_client_id="x",
        upstream_office_client_secret="a secret of the office",
    )
    client = service.app.test_client()
    browser = Browser(client)
    browser.visit("/fr/sign-in")
    form = browser.form("csrf_token", action="/fr/upstream/office/sign-in")
    left = client.post(form.action, data=form.values, headers={"Origin": "null"})
    assert left.location == "/fr/upstream/office/onward"
    cookie = client.get_cookie("upstream")
    pending = service.site.signer.read(PENDING_SIGN_IN, cookie.value if cookie else "")
    assert pending is not None
    assert pending.prefix == "fr"
    back = client.get(f"/upstream/office/callback?{urlencode({'state': pending.state, 'error': 'access_denied'})}")
    assert back.status_code >= 400
    assert '<html lang="fr"' in back.get_data(as_text=True)


def test_a_visit_that_says_nothing_new_is_laid_out_as_before() -> None:
    plain = PendingSignIn("office", "sign-in")
    assert len(PENDING_SIGN_IN.to_json(plain)) == 8
    assert len(PENDING_SIGN_IN.to_json(PendingSignIn("office", "sign-in", prefix="fr"))) == 10


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("fr", "Corrigez les champs ci-dessous."),
        ("tlh, es;q=0.5", "Corrija los campos siguientes."),
        ("tlh", "Bitte korrigieren Sie die folgenden Felder."),
        ("", "Bitte korrigieren Sie die folgenden Felder."),
    ],
)
def test_a_program_gets_the_language_that_it_asks_for_else_that_of_the_account(
    service: Service, header: str, title: str
) -> None:
    member = service.member()
    member.patch("/api/account", {"locale": "de"})
    headers = {"Accept-Language": header} if header else {}
    refused = member.post("/api/account/password", {}, headers=headers)
    assert refused.get_json()["title"] == title


def test_a_person_is_led_to_sign_in_in_the_language_of_the_page(service: Service) -> None:
    browser = Browser(service.app.test_client(), "de")
    browser.visit("/es/account/email")
    assert urlsplit(browser.url).path == "/es/sign-in"
    assert parse_qs(urlsplit(browser.url).query)["next"] == ["/es/account/email"]
    browser.submit(browser.form("password"), email=make_email(), password=PASSWORD)
    assert (browser.status, spoken(browser)) == (401, "es")


def test_the_first_admin_is_spoken_to_in_their_own_language(service: Service) -> None:
    browser = Browser(service.app.test_client(), "fr")
    browser.visit(str(first_admin_url(service.uow())))
    heard = [spoken(browser)]
    browser.submit(browser.form("email"), email=make_email(), password=PASSWORD)
    heard.append(spoken(browser))
    browser.visit("/account")
    assert [*heard, spoken(browser)] == ["fr", "fr", "fr"]


def test_where_nothing_is_the_language_in_front_of_the_address_stays(service: Service) -> None:
    for language in LOCALES:
        page = ParsedPage(service.app.test_client().get(f"/{language}/nothing-here"))
        assert page.find_all("html")[0]["lang"] == language
        assert f"/{language}/" in {each["href"] for each in page.find_all("a")}
