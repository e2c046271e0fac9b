"""Gather the parameters of a request to an endpoint, before anything is known of the client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ParameterValues = Mapping[str, list[str]]


def group_parameters(pairs: Iterable[tuple[str, str]]) -> ParameterValues:
    """Return all values of each parameter, in the order in which they came."""
    values_by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        values_by_name.setdefault(name, []).append(value)
    return values_by_name


def has_repeated_parameter(values_by_name: ParameterValues) -> bool:
    """Return whether a parameter stands there twice, which RFC 6749 3.1 forbids."""
    return any(len(values) > 1 for values in values_by_name.values())


def pick_parameters(values_by_name: ParameterValues, names: Iterable[str]) -> dict[str, str]:
    """Return the first value of those of these parameters that have one."""
    return {name: values_by_name[name][0] for name in names if values_by_name.get(name, [""])[0]}
