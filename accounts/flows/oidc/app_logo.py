"""Keep the picture of an app: what people see who are asked to sign in to it. It never comes from elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accounts.config_images import Image, parse_image
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.messages import N_
from accounts.core.models.apps import App, AppLogo
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import registration
from accounts.flows.shared.fields import Form
from accounts.flows.shared.uploads import UploadedFile

MAX_LOGO_BYTES = 100_000
NO_IMAGE_MESSAGE = N_("Choose a PNG, WebP or SVG file of up to 100 kB.")
CHANGED = {"changed": ["logo"]}


class AppLogoForm(Form):
    """The picture of an app."""

    image: Annotated[
        UploadedFile,
        Field(title=N_("Logo"), json_schema_extra={"input": "file", "hint": "logo", "required": True}),
    ] = None

    def parse(self) -> Image:
        """Return the picture.

        :raises InvalidInput: there is none, or nothing that can be shown.
        """
        data = self.image.read(MAX_LOGO_BYTES + 1) if self.image is not None else b""
        try:
            if not 0 < len(data) <= MAX_LOGO_BYTES:
                raise ValueError(f"{len(data)} bytes")
            return parse_image(data)
        except ValueError as error:
            raise InvalidInput.for_field(f"logo: {error}", "image", "no_image", NO_IMAGE_MESSAGE) from None


def set_app_logo(uow: UnitOfWork, app_id: str, form: AppLogoForm) -> App:
    """Give an app a picture instead of the one it has.

    :raises InvalidInput: it is none that can be shown.
    :raises NotFound: there is no such app.
    """
    image = form.parse()

    def work(app: App) -> None:
        if app.logo != image.fingerprint:
            logo = uow.session.get(AppLogo, app.id) or AppLogo(app_id=app.id)
            logo.content_type, logo.data, app.logo = image.content_type, image.data, image.fingerprint
            uow.session.add(logo)
            uow.record_event("app.changed", app_id=app.id, facts=CHANGED)

    return registration.attempt_on_app(uow, app_id, work)


def remove_app_logo(uow: UnitOfWork, app_id: str) -> App:
    """Take the picture of an app away.

    :raises NotFound: there is no such app.
    """

    def work(app: App) -> None:
        logo = uow.session.get(AppLogo, app.id)
        if logo is not None:
            uow.session.delete(logo)
            app.logo = None
            uow.record_event("app.changed", app_id=app.id, facts=CHANGED)

    return registration.attempt_on_app(uow, app_id, work)


def find_app_logo(uow: UnitOfWork, app_id: str) -> AppLogo:
    """Return the picture of an app.

    :raises NotFound: it has none, or there is no such app.
    """
    logo = uow.session.get(AppLogo, app_id)
    if logo is None:
        raise NotFound("no logo")
    return logo
