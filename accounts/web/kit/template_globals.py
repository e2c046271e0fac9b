"""What our templates may call. For our own Jinja environment only: a host's globals and filters stay its own.

Each asks the page that is being made, and nothing else: what looks at the request in another way would be kept with
the page of one stranger and shown to the next (:mod:`accounts.web.kit.kept_pages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, cast

from flask.blueprints import BlueprintSetupState
from markupsafe import Markup, escape
from werkzeug.local import LocalProxy

from accounts.config_contact import contact_url
from accounts.core.clock import format_timestamp
from accounts.core.errors import FieldError
from accounts.core.local_time import UNKNOWN_ZONE, format_day, format_moment, group_zones
from accounts.core.messages import N_, Message, PluralText
from accounts.core.security.address_typos import EMAIL_PROVIDERS, OTHER_PROVIDERS
from accounts.web.kit import avatars, forms, routes
from accounts.web.kit.assets import ASSET_ENDPOINT
from accounts.web.kit.context import EXTENSION_NAME
from accounts.web.kit.durations import DURATION_TEXTS, split_duration
from accounts.web.kit.language import LANGUAGE_NAMES
from accounts.web.kit.rendering import current_rendering
from accounts.web.kit.runtime import Runtime


def add_template_globals(state: BlueprintSetupState) -> None:
    """Add globals and filters to the templates of an app; recorded by the blueprint of the pages, once an app."""
    templates = cast(Runtime, state.app.extensions[EXTENSION_NAME]).templates
    templates.add(
        globals={
            "_": _translate,
            "ngettext": _translate_plural,
            "N_": N_,
            "api_url": _api_url,
            "asset_url": _asset_url,
            "avatar_class": avatars.avatar_class,
            "contact_url": contact_url,
            "csrf_token": lambda: current_rendering().csrf_token(),
            "current": lambda: current_rendering().account,
            "field_message": _field_message,
            "focused_field": forms.focused_field,
            "initials": avatars.initials,
            "language_names": LANGUAGE_NAMES,
            "language": lambda: current_rendering().language,
            "link_url": _link_url,
            "notice": lambda: current_rendering().notice,
            "page_url": _page_url,
            "zone_groups": group_zones,
            "settings": LocalProxy(lambda: current_rendering().runtime.site.settings),
            "LINK_FIELD": forms.LINK_FIELD,
            "CSRF_FIELD": forms.CSRF_FIELD,
            "CHECKED_FIELD": forms.CHECKED_FIELD,
            "email_providers": EMAIL_PROVIDERS,
            "other_email_providers": OTHER_PROVIDERS,
        },
        filters={
            "day": _format_day,
            "day_element": _day_element,
            "duration": _format_duration,
            "isolated": _isolate,
            "moment": _time_element,
            "message": _translate_message,
        },
    )


def _translate(text: str, **values: object) -> str:
    return _fill_in(current_rendering().translations.gettext(text), values)


def _isolate(name: str) -> str:
    # Unicode's FSI and PDI (UAX 9, 2.6): a name that runs the other way, or says that it does, turns nothing around.
    # What <bdi> does in HTML, for texts and titles.
    return f"\u2068{name}\u2069"


def _translate_plural(one: str, many: str, count: int, **values: object) -> str:
    translation = current_rendering().translations.ngettext(one, many, count)
    return _fill_in(translation, {"count": count, **values})


def _fill_in(text: str, values: Mapping[str, object]) -> str:
    if any(isinstance(value, Markup) for value in values.values()):
        # A moment is an element; all that stands around it is text.
        return escape(text) % values
    return text % values if values else text


def _translate_message(message: Message) -> str:
    if isinstance(message.text, PluralText):
        values = dict(message.values)
        return _translate_plural(*message.text, values.pop("count"), **values)
    return _translate(message.text, **message.values)


def _field_message(error: FieldError) -> str:
    return _translate(error.message, **error.values)


def _page_url(name: str, **values: Any) -> str:
    return current_rendering().url(f"{routes.MAIN_BLUEPRINT}.{name}", values)


def _api_url(name: str, **values: Any) -> str:
    return current_rendering().url(f"{routes.API_BLUEPRINT}.{name}", values)


def _link_url(purpose: str, name: str = "show", **values: Any) -> str:
    return current_rendering().url(f"{routes.LINK_BLUEPRINT}_{purpose}.{name}", values)


def _asset_url(name: str) -> str:
    rendering = current_rendering()
    return rendering.fixed_url(ASSET_ENDPOINT, name=name, v=rendering.runtime.assets.fingerprint(name))


def _format_duration(seconds: int) -> str:
    number, unit = split_duration(seconds)
    return _translate_plural(*DURATION_TEXTS[unit], number)


def _format_day(day: date) -> str:
    return format_day(day, current_rendering().language)


def _day_element(day: date) -> Markup:
    """Return a day as ``<time>``, which is the same in every zone: the script leaves it as it is."""
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), _format_day(day))


def _time_element(at: datetime, format: Literal["absolute", "relative"] = "absolute") -> Markup:
    """Return a moment as ``<time>``: in the account's zone, until the script writes it in that of the browser.

    :param format: what the script writes: the moment, or how far it is: "in 14 minutes".
    """
    rendering = current_rendering()
    zone = rendering.account.zone if rendering.account else UNKNOWN_ZONE
    shown = format_moment(at, rendering.language, zone)
    return Markup('<time datetime="{}" data-format="{}">{}</time>').format(format_timestamp(at), format, shown)
