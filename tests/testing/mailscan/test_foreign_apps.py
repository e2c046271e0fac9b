"""The kit judges apps that are not ours: the good come through, the bad fail in words that say why."""

from __future__ import annotations

from itertools import count

import pytest
from flask import Flask, Response, request

from accounts.testing.mailscan import Harmful, MailScanner, ScanImpossible, Severity
from tests.testing.mailscan import foreign
from tests.testing.mailscan.foreign import ORIGIN, TOKEN

URL = f"{ORIGIN}/confirm/{TOKEN}"


def test_an_app_that_acts_on_get_fails_with_a_report_that_says_why() -> None:
    app, store = foreign.app_that_acts_on_get()
    report = MailScanner().scan(app, URL, alive=lambda: store.alive, unchanged=lambda: len(store.done))
    with pytest.raises(Harmful) as failed:
        report.assert_harmless()
    text = str(failed.value)
    assert "mail scanners against https://other.example/confirm/<token>: 1 of 11 scans found something" in text
    assert "harm  link preview (a mail program or chat fetches the page to show a preview of it)" in text
    assert "harm [changed] alive() says that the link is dead" in text
    assert "did: GET /confirm/<token> -> 200" in text
    assert "not run, the link was spent by: link preview" in text


def test_an_app_that_acts_on_get_is_caught_without_a_word_from_its_host() -> None:
    app, _ = foreign.app_that_acts_on_get()
    report = MailScanner().scan(app, URL)
    assert report.codes == {"changed", "token-in-address"}
    assert "200 'Confirm' with 0 forms became 410" in report.scan("link preview").findings[-1].message


def test_a_report_never_shows_the_token() -> None:
    for app, _ in (foreign.app_that_acts_on_get(), foreign.app_that_acts_on_post()):
        report = MailScanner().scan(app, URL)
        assert TOKEN not in str(report)
        assert TOKEN[:-10] not in str(report)
        assert TOKEN not in repr(report)


def test_with_a_fresh_link_for_each_scan_every_scan_tells_its_own_harm() -> None:
    app, store = foreign.app_that_acts_on_get()

    def fresh() -> str:
        store.done.clear()
        return URL

    report = MailScanner().scan(app, fresh, unchanged=lambda: len(store.done))
    harmed = {scan.name for scan in report.scans if "changed" in {finding.code for finding in scan.findings}}
    assert {"link preview", "HEAD", "GET twice", "parallel GET", "rewritten link", "second device"} <= harmed


def test_a_good_app_passes() -> None:
    app, store = foreign.app_that_acts_on_post(foreign.PASSWORD_FORM, asks="password")
    report = MailScanner().scan(
        app.test_client(), URL, alive=lambda: store.alive, types={"password": "correct horse battery staple"}
    )
    report.assert_harmless()
    assert not report.findings
    assert store.done == [TOKEN], "the person finished in the end"


def test_an_app_that_takes_head_for_a_press_is_caught_by_the_link_checker() -> None:
    # Flask answers HEAD wherever it answers GET, and `if request.method == "GET"` is false for it.
    app, _ = foreign.app_that_acts_on_post(shows_on=("GET",))
    report = MailScanner().scan(app, URL, button_is_the_act=True)
    assert [finding.code for finding in report.scan("HEAD").findings] == ["changed"]


def test_a_form_that_takes_no_for_an_answer_is_harm() -> None:
    app, store = foreign.app_that_acts_on_post(foreign.PASSWORD_FORM)
    report = MailScanner().scan(app, URL, alive=lambda: store.alive)
    assert [finding.code for finding in report.scan("sandbox").findings] == ["changed"]


def test_a_robot_that_presses_the_only_button_is_harm_unless_the_host_declares_that_it_is_the_act() -> None:
    app, _ = foreign.app_that_acts_on_post()
    assert MailScanner().scan(app, URL).codes == {"presses-button"}
    app, _ = foreign.app_that_acts_on_post()
    report = MailScanner().scan(app, URL, button_is_the_act=True)
    report.assert_harmless()
    assert [finding.severity for finding in report.findings] == [Severity.NOTE]


@pytest.mark.parametrize(
    ("head", "body", "code"),
    [
        ("", '<body onload="document.forms[0].submit()">' + foreign.FORM, "submits-itself"),
        ("", foreign.FORM + "<script>document.querySelector('button').click()</script>", "submits-itself"),
        ('<link rel="stylesheet" href="https://fonts.example/a.css">', foreign.FORM, "third-party"),
        ("", foreign.FORM + '<img srcset="/a.png 1x, https://cdn.example/b.png 2x">', "third-party"),
        ("", foreign.FORM + f"<p>Your code: {TOKEN}", "token-in-page"),
        ('<meta http-equiv="refresh" content="0; url=/confirm/none">', foreign.FORM, ""),
    ],
)
def test_a_page_is_judged_by_what_stands_in_it(head: str, body: str, code: str) -> None:
    app, _ = foreign.app_that_acts_on_post(body, head=head)
    assert MailScanner().scan(app, URL, button_is_the_act=True).codes == ({code} if code else set())


def test_a_plain_wsgi_app_is_scanned_and_what_its_host_lives_with_can_be_accepted() -> None:
    methods: set[str] = set()
    app = foreign.plain_wsgi(methods.add)
    report = MailScanner().scan(app, f"{ORIGIN}/c?t={TOKEN}", button_is_the_act=True)
    weak = {"token-in-address", "token-in-page", "cacheable", "referrer"}
    assert report.codes == weak
    report.assert_harmless(accept=weak)
    with pytest.raises(Harmful):
        report.assert_harmless(accept=weak - {"referrer"})
    assert methods == {"GET", "HEAD", "POST"}


def test_an_app_that_breaks_on_a_cut_link_is_told_of_its_server_error() -> None:
    app, _ = foreign.app_that_acts_on_post()

    @app.before_request
    def parse() -> None:
        view = (request.view_args or {}).get("token", "a.b.c")
        _one, _two, _three = view.split(".")[:3] if view.endswith("dXV4") or view == "a.b.c" else view.split("!")

    app.testing = True
    found = MailScanner().scan(app, URL, button_is_the_act=True)
    assert "broke" in {finding.code for finding in found.scan("cut link").findings}
    assert "ValueError" in str(found)


def test_an_app_that_binds_its_link_to_the_first_device_is_told() -> None:
    app, _ = foreign.app_that_acts_on_post()
    visitors: list[str | None] = []

    @app.before_request
    def only_the_first() -> Response | None:
        visitors.append(request.remote_addr)
        return None if request.remote_addr == visitors[0] else foreign.page("Not this device.", status=403)

    report = MailScanner().scan(app, URL)
    assert "changed" in report.codes


def test_a_press_that_signs_in_another_browser_is_harm() -> None:
    app, store = foreign.app_that_acts_on_post()
    report = MailScanner().scan(app, URL, button_is_the_act=True, signed_in=lambda client: bool(store.done))
    assert report.codes == {"opens-session"}


def test_a_used_link_that_answers_like_an_unknown_one_leaves_the_later_click_unclear() -> None:
    app, store = foreign.app_that_acts_on_post()

    @app.before_request
    def forget() -> Response | None:
        return foreign.page("No such link.", status=404) if store.done else None

    assert MailScanner().scan(app, URL, button_is_the_act=True).codes == {"later-click-unclear"}


def test_a_link_that_nothing_comes_of_is_dead_for_the_person() -> None:
    app, _ = foreign.app_that_acts_on_post(foreign.PASSWORD_FORM, asks="password")
    report = MailScanner().scan(app, URL, unchanged=lambda: 0, types={"password": "x"})
    assert report.scan("the person finishes").findings[0].code == "dead-for-person"


def test_a_link_that_is_dead_or_none_cannot_be_scanned() -> None:
    app = Flask("empty")
    with pytest.raises(ScanImpossible, match="dead before anything"):
        MailScanner().scan(app, URL, alive=lambda: False)
    for url in ("/confirm/" + TOKEN, "https://other.example/a/b", "javascript:alert(1)"):
        with pytest.raises(ScanImpossible):
            MailScanner().scan(app, url)


def test_a_link_that_does_not_open_at_all_is_harm() -> None:
    assert "not-opened" in MailScanner().scan(Flask("empty"), URL).codes


def test_two_looks_that_differ_are_told_though_each_scan_has_a_fresh_link() -> None:
    app, numbers = Flask("counts"), count()

    @app.get("/confirm/<token>")
    def confirm(token: str) -> Response:
        return foreign.page(foreign.FORM * (next(numbers) % 2 + 1))

    assert "second-look" in MailScanner().scan(app, lambda: URL).codes
