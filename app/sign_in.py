"""Sign-in: the pages with a password field, and the gate in front of everything else.

Plain pages with no script and nothing fetched. A form is taken only from this site itself, and the session stands in a
cookie that scripts cannot read.
"""

from __future__ import annotations

import html
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app import identity, json_api, origin
from curator import CuratorError
from curator.access import accounts, passwords, sessions
from schemas.account import Account

_OPEN = ("/auth/", "/api/v1/health", "/static/", "/assets/", "/favicon", "/_stcore/health")


class Gate:
    """Lets a request pass only with a session: pages lead to the sign-in, everything else is refused."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on with its account."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(_OPEN):
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        account = await run_in_threadpool(_account, request.cookies.get(identity.COOKIE))
        if account is None and await run_in_threadpool(identity.sign_in_is_required):
            await _refuse(scope, receive, send)
            return
        scope[identity.SCOPE_KEY] = account
        await self.app(scope, receive, send)


def _account(token: str | None) -> Account | None:
    return None if not token else sessions.who(identity.workspace(), token)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect, which has to be read before it can be turned down
        await send({"type": "websocket.close", "code": 4401, "reason": "sign in"})
        return
    request = Request(scope)
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        target = scope["path"] + (f"?{scope['query_string'].decode(errors='replace')}" if scope["query_string"] else "")
        response: Response = RedirectResponse(f"/auth/sign-in?next={quote(target)}", status_code=303)
    else:
        response = JSONResponse({"problem": "You are not signed in.", "hint": "Sign in at /auth/sign-in."}, 401)
    await response(scope, receive, send)


def routes() -> list[BaseRoute]:
    """The pages of the sign-in."""
    return [
        Route("/auth/sign-in", _sign_in, methods=["GET", "POST"]),
        Route("/auth/account", _make_account, methods=["GET", "POST"]),
    ]


async def _sign_in(request: Request) -> Response:
    target = _own_path(request.query_params.get("next", "/"))
    if request.method == "GET":
        return _sign_in_page(target)
    if not origin.is_own(request):
        return _page("Refused", "<p role='alert'>This form came from another site.</p>", status=403)
    try:
        name, password = await _typed(request)
    except json_api.UnreadableError as error:
        return _unreadable(error)
    address = request.client.host if request.client else "unknown"
    try:
        token = await run_in_threadpool(passwords.sign_in, identity.workspace(), name, password, address=address)
    except CuratorError as error:
        return _sign_in_page(target, name=name, error=error)
    return _with_session(RedirectResponse(target, status_code=303), request, token)


async def _typed(request: Request) -> tuple[str, str]:
    """Name and password of a form.

    Raises:
        UnreadableError: It is not such a form as these pages send, or a text in it cannot be stored.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":  # a multipart form chooses the encoding of its texts
        raise json_api.UnreadableError("it is not the form of this page", status=415)
    form = await request.form()
    fields = {name: json_api.check_text(str(form.get(name, "")), place=name) for name in ("name", "password")}
    return fields["name"], fields["password"]


def _unreadable(error: json_api.UnreadableError) -> Response:
    alert = f"<p role='alert'>The form cannot be read: {html.escape(str(error))}. <b>Go back and try again.</b></p>"
    return _page("Refused", alert, status=error.status)


def _sign_in_page(target: str, *, name: str = "", error: CuratorError | None = None) -> Response:
    form = (
        f"<form method='post' action='/auth/sign-in?next={quote(target)}'>{_alert(error)}"
        f"<label>Name<input name='name' value='{html.escape(name)}' autocomplete='username' autofocus required></label>"
        "<label>Password<input name='password' type='password' autocomplete='current-password' required></label>"
        "<button>Sign in</button></form><p>No account? An admin can send you a link.</p>"
    )
    return _page("Sign in", form, status=200 if error is None else 401)


async def _make_account(request: Request) -> Response:
    """Redeem a one-time link: a name and a password make an account, or a password is changed."""
    token = request.query_params.get("token", "")
    try:
        given = await run_in_threadpool(accounts.link, identity.workspace(), token)
    except CuratorError as error:
        return _page("This link cannot be used", _alert(error), status=410)
    if request.method == "GET":
        return _account_page(token, given.purpose, name=given.name or "")
    if not origin.is_own(request):
        return _page("Refused", "<p role='alert'>This form came from another site.</p>", status=403)
    try:
        name, password = await _typed(request)
    except json_api.UnreadableError as error:
        return _unreadable(error)
    address = request.client.host if request.client else "unknown"
    try:
        made = await run_in_threadpool(accounts.redeem, identity.workspace(), token, name=name, password=password)
        session = await run_in_threadpool(passwords.sign_in, identity.workspace(), made.name, password, address=address)
    except CuratorError as error:
        return _account_page(token, given.purpose, name=given.name or name, error=error)
    return _with_session(RedirectResponse("/", status_code=303), request, session)


def _account_page(token: str, purpose: str, *, name: str, error: CuratorError | None = None) -> Response:
    is_reset = purpose == "reset"
    title = {"setup": "Make the first account, an admin", "invite": "Make your account", "reset": "New password"}[
        purpose
    ]
    fixed = " readonly" if is_reset else " autofocus required"
    form = (
        f"<form method='post' action='/auth/account?token={quote(token)}'>{_alert(error)}"
        f"<label>Name<input name='name' value='{html.escape(name)}' autocomplete='username'{fixed}></label>"
        "<label>Password, at least 10 characters<input name='password' type='password' minlength='10' "
        f"autocomplete='new-password' required{' autofocus' if is_reset else ''}></label>"
        f"<button>{'Change it' if is_reset else 'Make the account'}</button></form>"
        "<p>Your name stands beside everything you decide.</p>"
    )
    return _page(title, form, status=200 if error is None else 422)


def _with_session(response: Response, request: Request, token: str) -> Response:
    response.set_cookie(
        identity.COOKIE,
        token,
        max_age=int(sessions.LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _own_path(target: str) -> str:
    """A path on this server; anything that could lead elsewhere becomes the first page."""
    try:
        parts = urlsplit(target)
    except ValueError:  # as for "//["
        return "/"
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if is_own and "\\" not in target and "\n" not in target else "/"


def _alert(error: CuratorError | None) -> str:
    if error is None:
        return ""
    return f"<p role='alert'>{html.escape(error.problem)} <b>{html.escape(error.hint)}</b></p>"


_STYLE = """
:root { color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 90vh; margin: 1rem }
main { width: min(24rem, 100%) } label { display: block; margin: .8rem 0 }
input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .45rem .6rem; margin-top: .2rem;
  border: 1px solid #8888; border-radius: .4rem }
button { background: #1f5fbf; color: #fff; border: 0; font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid #4c8dff } [role=alert] { border-left: 4px solid #b3261e; padding: .2rem .7rem }
"""


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{html.escape(title)} · Curator</title><style>{_STYLE}</style>"
        f"<main><h1>{html.escape(title)}</h1>{body}</main></html>"
    )
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # a link's token must not travel on; without any, browsers send no origin
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
        ),
    }
    return HTMLResponse(page, status_code=status, headers=headers)
