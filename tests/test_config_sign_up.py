"""Who may sign up, and whom people are told to ask: what is accepted, and what is refused at start."""

from __future__ import annotations

import pytest

from accounts.config import Settings
from accounts.config_contact import contact_url
from tests.test_config import refused


def load(**given: object) -> Settings:
    return Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items()})


def test_anybody_may_sign_up_unless_something_else_is_said() -> None:
    found = load()
    assert (found.sign_up, found.sign_up_domains, found.support, found.sign_up_offered) == ("open", (), None, True)
    assert not load(sign_up="invited").sign_up_offered


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("example.org", ("example.org",)),
        ("Example.ORG., .Lab.example", ("example.org", ".lab.example")),
        ("example.org\n.example.org example.org", ("example.org", ".example.org")),
        ("münchen.example .MÜNCHEN.example", ("xn--mnchen-3ya.example", ".xn--mnchen-3ya.example")),
        ("localhost, intra.local, lab.test", ("localhost", "intra.local", "lab.test")),
        (["example.org", ".example.com"], ("example.org", ".example.com")),
    ],
)
def test_domains_are_taken_in_one_form(text: object, domains: tuple[str, ...]) -> None:
    assert load(sign_up="domains", sign_up_domains=text).sign_up_domains == domains


@pytest.mark.parametrize(
    "domain",
    ["-x.org", "ana@example.org", "10.0.0.1", "*.example.org", "..example.org", ".", "a..b", "https://a.org"],
)
def test_what_is_no_domain_is_refused_by_its_name(domain: str) -> None:
    line = refused(sign_up="domains", sign_up_domains=f"example.com, {domain}")
    assert line.startswith(f"ACCOUNTS_SIGN_UP_DOMAINS: {domain} is no domain")


@pytest.mark.parametrize("given", [{}, {"sign_up_domains": ""}, {"sign_up_domains": " , "}])
def test_domains_must_be_named_where_they_decide(given: dict[str, str]) -> None:
    assert refused(sign_up="domains", **given).startswith("ACCOUNTS_SIGN_UP_DOMAINS: name the domains")


@pytest.mark.parametrize("policy", ["open", "invited", "approval"])
def test_domains_are_refused_where_they_decide_nothing(policy: str) -> None:
    line = refused(sign_up=policy, sign_up_domains="example.org")
    assert line.startswith("ACCOUNTS_SIGN_UP_DOMAINS: is for ACCOUNTS_SIGN_UP=domains")


def test_another_policy_is_refused() -> None:
    assert refused(sign_up="closed").startswith("ACCOUNTS_SIGN_UP: ")


@pytest.mark.parametrize(
    "contact",
    [
        "",
        "help",
        "http://example.org",
        "javascript:alert(1)",
        "mailto:a@example.org",
        "a@b@example.org",
        'https://a"b/',
    ],
)
def test_a_contact_that_could_not_be_a_link_is_refused(contact: str) -> None:
    assert refused(support=contact) == (
        "ACCOUNTS_SUPPORT: must be an email address, or an address such as https://example.org/help"
    )


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ("help@example.org", "mailto:help@example.org"),
        ("a?subject=x&b@example.org", "mailto:a%3Fsubject%3Dx%26b@example.org"),
        ("https://example.org/help?a=b#c", "https://example.org/help?a=b#c"),
    ],
)
def test_a_contact_leads_to_itself_and_to_nothing_more(contact: str, url: str) -> None:
    found = load(support=contact).support
    assert found is not None
    assert contact_url(found) == url
