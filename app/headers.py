"""What browsers are told about every answer: what a page may load and run, and who may show it.

The policy lets a page load nothing but what this server sends, so a text that slips into a page as HTML or as an image
can neither run nor call home. What it has to allow, and why:

- scripts from `blob:`, since Streamlit hands the source of a component to the browser that way; only a script that
  runs already can make such an address
- the one script in Streamlit's own page, by its hash, and WebAssembly, with which its messages read 64-bit numbers
- styles in the page, which Streamlit, its charts and our components write; what a style names is loaded from here only
- images as `data:` and `blob:`, which Streamlit's icons and tables draw

Charts need no `unsafe-eval`: Streamlit evaluates Vega's expressions with Vega's interpreter.
Source: Content Security Policy Level 3, W3C; OWASP Secure Headers Project.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-DNS-Prefetch-Control": "off",  # a link in a text would make browsers ask for its address
    "Referrer-Policy": "same-origin",  # without any, browsers send no origin, which is asked for
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer",
            "microphone", "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking",
        )
    ),
}  # fmt: skip
_NOT_A_PAGE = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""For data, scripts and files that were handed out: opened by itself, none of them runs or loads anything."""
_NO_PAGES = ("/api/", "/assets/", "/component/", "/media/", "/static/", "/_stcore/")


def page_policy() -> str:
    """The Content-Security-Policy of a page."""
    index = Path(streamlit.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", index.read_text(encoding="utf-8"), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self' blob: 'wasm-unsafe-eval'", *(f"'sha256-{each}'" for each in hashes))),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class Secured:
    """Adds the headers to every answer; a policy that a page brings along stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.page_policy = page_policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""

        async def send_secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                kind = headers.get("content-type", "text/html")  # a page that did not change comes without, as a 304
                is_page = kind.startswith("text/html") and not scope["path"].startswith(_NO_PAGES)
                headers.setdefault("Content-Security-Policy", self.page_policy if is_page else _NOT_A_PAGE)
            await send(message)

        await self.app(scope, receive, send_secured)
