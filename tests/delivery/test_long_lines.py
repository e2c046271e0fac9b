"""A link may be longer than a line of an email."""

from __future__ import annotations

from tests.people import Service, make_email, token_of_url


def test_a_link_that_is_longer_than_a_line_arrives_whole(service: Service) -> None:
    email, target = (
        make_email(),
        "/somewhere?" + "&".join(f"p{number}={number * 7919 % 9973:04}" for number in range(150)),
    )
    assert service.person().post("/api/sign-up", {"email": email, "next": target[:1400]}).status_code == 202
    (mail,) = service.mails_to(email)
    url = service.link_url(email, "activate")
    assert len(url) > 998, "RFC 5322 2.1.1"
    assert max(len(line) for line in mail.message.as_bytes().splitlines()) <= 998
    answer = service.person().get(f"/api/l/activate?token={token_of_url(url)}")
    assert answer.status_code == 200
    html = mail.message.get_body(("html",))
    assert html is not None
    assert url in html.get_content()
