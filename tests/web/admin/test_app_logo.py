"""The picture of an app: uploaded by admins, kept here, shown where people sign in to it, gone with the app."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from accounts.core.models.apps import AppLogo
from accounts.core.models.audit import AuditRow
from tests.apps import register_app
from tests.kit.images import WEBP, png, svg
from tests.kit.pages import Page
from tests.people import Person, Service

IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def upload(admin: Person, app_id: str, data: bytes) -> TestResponse:
    """Send a picture as JSON does."""
    return admin.post(f"/api/admin/apps/{app_id}/logo", {"image": b64encode(data).decode()})


def send_form(admin: Person, app_id: str, data: bytes | None) -> TestResponse:
    """Send a picture as a browser does."""
    path = f"/admin/apps/{app_id}/logo"
    (form,) = [each for each in Page(admin.get(path).text).forms if each.action == path]
    values: dict[str, Any] = dict(form.values)
    values.pop("image", None)
    if data is not None:
        values["image"] = (io.BytesIO(data), "logo")
    return admin.client.post(path, data=values, content_type="multipart/form-data")


def fingerprint(admin: Person, app_id: str) -> Any:
    """What the app says of its picture."""
    return admin.get(f"/api/admin/apps/{app_id}").get_json()["logo"]


@pytest.mark.parametrize(
    ("data", "kind"), [(png(), "image/png"), (WEBP, "image/webp"), (svg("<script/>"), "image/svg+xml")]
)
def test_a_logo_is_served_from_here_and_can_do_nothing(service: Service, data: bytes, kind: str) -> None:
    admin, app = service.admin(), register_app(service).app
    assert fingerprint(admin, app.id) is None
    assert service.person().get(f"/apps/{app.id}/logo").status_code == 404
    changed = upload(admin, app.id, data).get_json()["logo"]
    assert changed == fingerprint(admin, app.id)
    response = service.person().get(f"/apps/{app.id}/logo?v={changed}")
    assert (response.data, response.content_type) == (data, kind)
    assert response.headers["Content-Security-Policy"] == IMAGE_POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in response.headers
    for query in ("", "?v=0123456789abcdef"):
        assert service.person().get(f"/apps/{app.id}/logo{query}").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<html></html>", png()[:-4], png() + bytes(100_000)])
def test_what_is_no_picture_is_refused_with_words(service: Service, data: bytes) -> None:
    admin, app = service.admin(), register_app(service).app
    refused = upload(admin, app.id, data)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.get_json()["errors"]] == ["image"]
    page = send_form(admin, app.id, data)
    assert page.status_code == 422
    assert "Choose a PNG, WebP or SVG file of up to 100 kB." in page.text
    assert fingerprint(admin, app.id) is None
    assert send_form(admin, app.id, None).status_code == 422


def test_by_the_page_a_logo_is_set_changed_and_removed_and_said(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    seen = set()
    for data in (png(2, 2), png(3, 3)):
        answer = send_form(admin, app.id, data)
        assert (answer.status_code, answer.location) == (303, f"/admin/apps/{app.id}")
        page = admin.get(answer.location).text
        assert "The logo has been saved." in page
        logo = fingerprint(admin, app.id)
        assert f'src="/apps/{app.id}/logo?v={logo}" alt=""' in page
        seen.add(logo)
    assert len(seen) == 2
    path = f"/admin/apps/{app.id}/logo/remove"
    (form,) = [each for each in Page(admin.get(f"/admin/apps/{app.id}/logo").text).forms if each.action == path]
    answer = admin.client.post(path, data=form.values)
    assert answer.status_code == 303
    assert "The logo has been removed." in admin.get(answer.location).text
    assert fingerprint(admin, app.id) is None


def test_setting_the_same_logo_twice_is_one_change(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    for _ in range(2):
        assert upload(admin, app.id, png()).status_code == 200
    assert admin.delete(f"/api/admin/apps/{app.id}/logo").status_code == 200
    assert admin.delete(f"/api/admin/apps/{app.id}/logo").status_code == 200
    changes = select(func.count()).where(AuditRow.kind == "app.changed", AuditRow.app == app.id)
    assert service.uow().session.scalar(changes) == 2


def test_a_logo_goes_with_its_app(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    upload(admin, app.id, png())
    assert admin.delete(f"/api/admin/apps/{app.id}").status_code == 204
    assert service.person().get(f"/apps/{app.id}/logo").status_code == 404
    assert service.uow().session.scalar(select(func.count()).select_from(AppLogo)) == 0
    assert upload(admin, app.id, png()).status_code == 404


def test_consent_shows_the_logo_and_costs_no_statement_more(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    query = f"client_id={app.id}&response_type=code&scope=openid&redirect_uri={app.redirect_uris[0]}"
    counts, pages = [], []
    for data in (None, svg()):
        if data is not None:
            upload(admin, app.id, data)
        with service.record_statements() as statements:
            pages.append(admin.get(f"/oauth/authorize?{query}").text)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert "/logo?v=" not in pages[0]
    assert f'src="/apps/{app.id}/logo?v={fingerprint(admin, app.id)}"' in pages[1]
