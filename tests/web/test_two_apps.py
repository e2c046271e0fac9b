"""Two apps in one process: own stores, own keys, own mail; what one signed is nothing to the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts import Accounts, Settings
from accounts.core.database import schema
from accounts.extension import get_app_state
from tests.conftest import KEY
from tests.people import PASSWORD, Person, Service, token_of_url
from tests.servers.smtp import SmtpSink
from tests.web import hosts
from tests.web.endpoints import csrf_token, problem_code
from tests.web.live_links import FORM_DATA, make_link_url

mount = hosts.mount
MakeService = Callable[..., Service]
OTHER_KEY = "Xr7Lw2Qz9Bn4Vt6Ym1Kc8Pd5Hs3Jf0Ga-other"
ORIGINS = {"public_origin": "http://127.0.0.1:8001"}


@pytest.fixture(params=["other key", "other origin", "both"])
def two(request: pytest.FixtureRequest, make_service: MakeService, tmp_path: Path) -> tuple[Service, Service]:
    """The same rows in two stores, so that nothing but key or origin keeps the two apart."""
    changes: dict[str, object] = {"database_url": f"sqlite:///{tmp_path / 'second.db'}"}
    if request.param != "other origin":
        changes["secret_keys"] = [OTHER_KEY]
    if request.param != "other key":
        changes |= ORIGINS
    return make_service(), make_service(**changes)


def copy_store(first: Service, second: Service) -> None:
    """Give the second the very rows of the first."""
    first.site.store.close()
    shutil.copy(str(first.site.store.engine.url.database), str(second.site.store.engine.url.database))


def test_tokens_and_cookies_of_one_are_refused_by_the_other(two: tuple[Service, Service]) -> None:
    first, second = two
    admin = first.admin()
    tokens = {purpose: token_of_url(make_link_url(first, purpose, admin)) for purpose in FORM_DATA}
    copy_store(first, second)
    for purpose, token in tokens.items():
        stranger = second.person()
        assert problem_code(stranger.get(f"/api/l/{purpose}?token={token}")) == "link_invalid"
        assert (
            problem_code(stranger.post(f"/api/l/{purpose}", {"token": token, **FORM_DATA[purpose]})) == "link_invalid"
        )
        assert stranger.get(f"/l/{purpose}/{token}/go").status_code == 400
        assert first.person().get(f"/api/l/{purpose}?token={token}").status_code == 200
    cookie = admin.client.get_cookie("session")
    assert cookie is not None
    foreign = second.person()
    foreign.client.set_cookie("session", cookie.value)
    assert not foreign.signed_in
    there = Person(second.app.test_client(), email=admin.email)
    assert there.sign_in().status_code == 200
    refused = there.post("/api/sign-out", headers={"X-CSRF-Token": csrf_token(admin)})
    assert problem_code(refused) == "csrf_failed"


def test_each_has_its_own_store_and_its_own_mail(make_service: MakeService, tmp_path: Path) -> None:
    with SmtpSink() as other_sink:
        first = make_service()
        changes = {"database_url": f"sqlite:///{tmp_path / 'second.db'}", "mail_port": other_sink.port, **ORIGINS}
        second = make_service(service_name="Second", **changes)
        second.sink = other_sink
        schema.upgrade(second.site.store)
        one, two = first.member_by_mail(), second.member_by_mail()
        assert not [mail for mail in first.sink.messages if two.email in mail.recipients]
        assert not [mail for mail in other_sink.messages if one.email in mail.recipients]
        assert "127.0.0.1:8001" in second.link_url(two.email, "activate")
        assert Person(second.app.test_client(), email=one.email).sign_in().status_code == 401
        assert one.signed_in
        assert two.signed_in
        assert "Second" in two.get("/account").text
        assert "Second" not in one.get("/account").text


def test_two_mounts_of_one_origin_are_two_installations(mount: Callable[..., Service], tmp_path: Path) -> None:
    shop = mount(hosts.make_host(tmp_path / "shop"), url_prefix="/shop")
    club = mount(hosts.make_host(tmp_path / "club"), url_prefix="/club")
    admin = shop.site.link_signer
    assert admin.page_url("") != club.site.link_signer.page_url("")
    person = shop.person()
    client = shop.app.test_client()
    assert client.post("/shop/api/sign-up", json={"email": person.email}).status_code == 202
    token = token_of_url(shop.link_url(person.email, "activate"))
    assert club.app.test_client().get(f"/club/api/l/activate?token={token}").status_code == 400
    assert client.get(f"/shop/api/l/activate?token={token}").status_code == 200


def test_one_extension_object_serves_several_apps(
    settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path
) -> None:
    extension = Accounts(settings=settings())
    apps = [hosts.make_host(tmp_path / name) for name in ("a", "b")]
    for app in apps:
        extension.init_app(app)
    assert get_app_state(apps[0]) is not get_app_state(apps[1])
    assert get_app_state(apps[0]).site is not get_app_state(apps[1]).site
    member = Service(apps[0], sink).member()
    there = Person(apps[1].test_client(), email=member.email, password=PASSWORD)
    assert there.client.post("/api/sign-in", json={"email": member.email, "password": PASSWORD}).status_code == 200
    for app in apps:
        get_app_state(app).site.store.close()


def test_a_context_of_one_app_inside_one_of_the_other_keeps_to_itself(
    make_service: MakeService, tmp_path: Path
) -> None:
    from accounts.web.kit.context import site

    first = make_service()
    second = make_service(database_url=f"sqlite:///{tmp_path / 'second.db'}", secret_keys=[OTHER_KEY, KEY])
    with first.app.app_context():
        assert site() is first.site
        with second.app.app_context():
            assert site() is second.site
        assert site() is first.site
