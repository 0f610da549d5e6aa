"""Who sits at a browser of a test."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from playwright.sync_api import Page

from app.identity import NAME_COOKIE


def known_as(page: Page, address: str, name: str) -> str:
    """Let the browser keep a name, as it does after a first visit. Returns the address to open."""
    server = urlsplit(address)
    page.context.add_cookies([{"name": NAME_COOKIE, "value": quote(name), "url": f"{server.scheme}://{server.netloc}"}])
    return address
