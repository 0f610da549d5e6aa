"""Whether a request was sent from a page of this server, as far as browsers tell."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def is_own(request: HTTPConnection) -> bool:
    """Whether a request comes from this server's own pages, or from a program that is not a browser.

    Browsers name the origin of every POST; over HTTPS and on this machine they also tell whether it is the same site.
    Both have to agree with where the request arrived.
    """
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return False
    sender = request.headers.get("origin")
    return sender is None or urlsplit(sender).netloc == request.headers.get("host")
