"""Password managers find whose password it is on every form that asks for one or sets one."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from accounts.core.links.link import list_links
from accounts.flows import LINKS
from tests.people import Service
from tests.web.endpoints import list_endpoints
from tests.web.live_links import account_of_link, browser_for_link, make_link_url, open_in
from tests.web.parsed_page import ParsedPage


def asks_for_password(model: type[BaseModel] | None) -> bool:
    """Whether a form has a field for a password."""
    fields = model.model_fields.values() if model else ()
    extras = [field.json_schema_extra for field in fields if isinstance(field.json_schema_extra, dict)]
    return any(str(extra.get("autocomplete", "")).endswith("-password") for extra in extras)


def check_form(page: ParsedPage, email: str) -> None:
    """Check that the address comes before the first password, as text that no one has to type."""
    inputs = page.find_all("input")
    kinds = [each.get("autocomplete", "") for each in inputs]
    first = min(kinds.index(each) for each in ("current-password", "new-password") if each in kinds)
    assert kinds.count("username") == 1
    assert kinds.index("username") < first
    username = inputs[kinds.index("username")]
    assert username.get("value", "") in (email, "") if "name" in username else username["value"] == email
    assert set(kinds) - {"username", "name", "current-password", "new-password", "", "off"} == set()


def test_every_form_of_a_route_that_asks_for_a_password_names_its_account(service: Service) -> None:
    admin = service.admin()
    pages = {
        endpoint.rule: bool(endpoint.route.access)
        for endpoint in list_endpoints(service)
        if endpoint.route
        and endpoint.format == "html"
        and not endpoint.prefix
        and endpoint.route.template
        and asks_for_password(endpoint.route.form)
    }
    assert {"/sign-in", "/confirm", "/account/password"} <= set(pages)
    for path, is_own in pages.items():
        client = admin.client if is_own else service.app.test_client()
        check_form(ParsedPage(client.get(path)), admin.email)


@pytest.mark.parametrize("purpose", [link.purpose for link in LINKS if asks_for_password(link.form)])
def test_every_link_that_sets_a_password_names_its_account(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    browser = browser_for_link(service, purpose, url)
    open_in(browser.client, url)
    link = next(each for each in list_links(service.site) if each.purpose == purpose)
    subject = service.site.link_signer.verify(link, url.split("/")[-2]).subject_id
    email = account_of_link(service, purpose, url).email if link.about == "account" else subject
    check_form(ParsedPage(browser.get(f"/l/{purpose}")), email)
