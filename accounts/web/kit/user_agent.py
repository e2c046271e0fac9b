"""Describe a user agent in two words, for users to recognise their own devices by."""

from __future__ import annotations

# In this order: Edge and Opera also call themselves Chrome, Chrome also calls itself Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def describe_user_agent(header: str) -> str:
    """Return ``Firefox on Linux``; "" when it cannot be told. Only our own words: a header is anybody's text."""
    browser = next((name for product, name in BROWSERS if product in header), "")
    system = next((name for product, name in SYSTEMS if product in header), "")
    return f"{browser} on {system}" if browser and system else browser or system
