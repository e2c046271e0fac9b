"""Declared inputs as forms: fields to show, values to read, and errors in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, get_args

from flask import request
from pydantic import BaseModel

from accounts.core.errors import FieldError, Malformed, UnsupportedMediaType
from accounts.flows.shared.validation import validate
from accounts.web.kit.context import state
from accounts.web.kit.durations import join_duration, split_duration

M = TypeVar("M", bound=BaseModel)

CSRF_FIELD, LINK_FIELD, CHECKED_FIELD = "csrf_token", "link_id", "checked_address"
UNSEEN_KINDS = ("hidden", "browser-zone")
RESERVED_FIELDS = frozenset({CSRF_FIELD, LINK_FIELD, CHECKED_FIELD})


@dataclass(frozen=True, slots=True)
class FormField:
    """One field as a page shows it.

    ``kind`` is the HTML input type, or ``locale``, ``choice``, ``lines`` (one entry each), ``textarea``,
    ``checkbox``, ``terms``, ``hidden``, ``duration`` (a number and its ``unit``; the model has seconds), ``zone`` (of
    an account), ``browser-zone`` (hidden, filled in by a script).
    """

    name: str
    label: str
    kind: str
    required: bool
    autocomplete: str
    hint: str
    value: Any
    options: tuple[str, ...]
    maxlength: int | None
    minimum: int | None
    maximum: int | None
    error: FieldError | None
    unit: str = ""

    def as_required(self) -> FormField:
        """Return the same field where a page asks for it in any case."""
        return replace(self, required=True)


def form_fields(
    model: type[BaseModel], values: Mapping[str, Any] | None = None, errors: Iterable[FieldError] = ()
) -> tuple[FormField, ...]:
    """Return the fields of a form, with what was typed before and what was wrong with it."""
    submitted = values or {}
    error_by_field = {error.field: error for error in reversed(list(errors))}
    return tuple(
        _filled_field(field, submitted.get(field.name, field.value), error_by_field.get(field.name))
        for field in _empty_fields(model)
    )


def focused_field(fields: Iterable[FormField], focus: bool = True) -> FormField | None:
    """Return the field in which somebody begins: the first wrong one, else the first empty one, else the first.

    :param focus: whether to begin anywhere if nothing is wrong.
    """
    shown = [field for field in fields if field.kind not in UNSEEN_KINDS]
    wrong = [field for field in shown if field.error]
    empty = [field for field in shown if field.kind not in ("checkbox", "terms") and not field.value]
    return next(iter([*wrong, *(empty + shown if focus else ())]), None)


@lru_cache(maxsize=256)
def _empty_fields(model: type[BaseModel]) -> tuple[FormField, ...]:
    return tuple(_field(name, info) for name, info in model.model_fields.items())


def _field(name: str, info: Any) -> FormField:
    extra = _schema_extra(info)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    limits = {key: getattr(rule, key) for rule in info.metadata for key in ("ge", "le") if hasattr(rule, key)}
    field = FormField(
        name=name,
        label=info.title or name,
        kind=str(extra.get("input", "text")),
        required=info.is_required() or bool(extra.get("required")),
        autocomplete=str(extra.get("autocomplete", "off")),
        hint=str(extra.get("hint", "")),
        value=None,
        options=tuple(str(each) for each in get_args(info.annotation)) or tuple(extra.get("enum", ())),
        maxlength=extra.get("maxlength"),
        minimum=limits.get("ge"),
        maximum=limits.get("le"),
        error=None,
    )
    # Seconds, until it is known what the page shows.
    return replace(field, value=default) if field.kind == "duration" else _filled_field(field, default, None)


def _filled_field(field: FormField, value: Any, error: FieldError | None) -> FormField:
    if field.kind in ("password", "file"):
        value = None  # what was typed into a password field is never sent back; a file cannot be
    if field.kind == "duration":
        number, unit = split_duration(value)
        return replace(field, value=number, unit=unit, error=error)
    if isinstance(value, list | tuple):
        value = ("\n" if field.kind == "lines" else ", ").join(str(each) for each in value)
    return field if value == field.value and error is None else replace(field, value=value, error=error)


def _schema_extra(info: Any) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def submitted_values() -> dict[str, str]:
    """Return the values of the submitted form, one a field, without the fields that are ours."""
    data = request.args if request.method == "GET" else request.form
    return {name: value for name, value in data.items() if name not in RESERVED_FIELDS}


def redisplayed_values(model: type[BaseModel]) -> dict[str, Any]:
    """Return what stood in the submitted form, for its fields when it is shown again: also boxes left unticked."""
    return {**_unticked_checkboxes(model), **_join_durations(model, submitted_values())}


def read_form(model: type[M]) -> M:
    """Return the body of this request, validated.

    :raises InvalidInput: with every field that is wrong.
    :raises Malformed: not readable at all, or a field is there twice.
    :raises UnsupportedMediaType: JSON is due, and this is not JSON.
    """
    data = _parse_json_body() if state().format == "json" else {**_unticked_checkboxes(model), **_form_body(model)}
    return validate(model, data)


def _unticked_checkboxes(model: type[BaseModel]) -> dict[str, Any]:
    # A browser sends nothing for a box that is not ticked: that is a no, whatever a missing field means in JSON.
    return {
        name: False for name, info in model.model_fields.items() if _schema_extra(info).get("input") == "checkbox"
    }


def _join_durations(model: type[BaseModel], data: Mapping[str, str]) -> dict[str, Any]:
    """Return what was submitted, with durations in seconds: a page asks for a number and its unit."""
    joined: dict[str, Any] = dict(data)
    for name, info in model.model_fields.items():
        if _schema_extra(info).get("input") == "duration" and (unit := joined.pop(f"{name}_unit", "")):
            joined[name] = join_duration(joined.get(name, ""), unit)
    return joined


def read_json_body() -> dict[str, Any]:
    """Return the JSON object of this request; empty where there is no body."""
    return _parse_json_body()


def _parse_json_body() -> dict[str, Any]:
    # Only this media type: a foreign page's form can send the others along with a person's cookies.
    if request.mimetype != "application/json":
        if not request.get_data(cache=True) and not request.mimetype:
            return {}
        raise UnsupportedMediaType(repr(request.mimetype[:40]))
    try:
        data = json.loads(request.get_data(cache=True), object_pairs_hook=_reject_duplicate_names)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(data, dict):
        raise Malformed("not a JSON object")
    return data


def _reject_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two values under one name (RFC 8259 4), who checks and who acts might each take another.
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a name stands twice")
    return data


def _form_body(model: type[BaseModel]) -> dict[str, Any]:
    multiple = {name for name, info in model.model_fields.items() if _schema_extra(info).get("input") == "many"}
    data: dict[str, Any] = _join_durations(model, submitted_values())
    lists: list[tuple[str, list[Any]]] = [*request.form.lists(), *request.files.lists()]
    for name, values in lists:
        if name in multiple:
            data[name] = values
        elif len(values) > 1:
            raise Malformed(f"a field was said {len(values)} times: {name[:40]!r}")
    # A file that was not chosen is sent with an empty name. What was sent may be on disk, and stays there.
    return data | {name: file.stream for name, file in request.files.items() if file.filename}
