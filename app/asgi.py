"""The server: pages through Streamlit's ASGI app, routes beside them, and the doors that every request goes through."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from streamlit import runtime
from streamlit.runtime.uploaded_file_manager import UploadedFileManager
from streamlit.web import bootstrap

from app import headers, limits, origin, server, sign_in
from app.identity import SIGN_IN_VARIABLE, WORKSPACE_VARIABLE
from app.labelling import routes as labelling
from app.reviewing import routes as reviewing
from curator import __version__
from curator.settings import Settings


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"ok": True, "version": __version__})


def pages(uploads: limits.UploadLimits) -> st.App:
    """The pages and the routes beside them, for those who are let in."""
    return st.App(
        Path(__file__).with_name("main.py"),
        routes=[Route("/api/v1/health", _health), *sign_in.routes(), *labelling.routes(), *reviewing.routes()],
        middleware=[
            Middleware(limits.Bodies),
            Middleware(sign_in.Gate),
            Middleware(limits.Uploads, limits=uploads, kept=_uploaded_bytes),
        ],
    )


def guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """An app that answers only to the server's own names, and tells browsers what its pages may load."""
    return headers.Secured(origin.OwnName(app, origin.Names(settings.host, settings.allowed_hosts)))


def _uploaded_bytes() -> int:
    """What Streamlit keeps of the files that people uploaded."""
    return bytes_in(runtime.get_instance().uploaded_file_mgr)


def bytes_in(files: UploadedFileManager) -> int:
    """How many bytes of files Streamlit's keeper of uploads has, by its statistics."""
    return sum(each.byte_length for family in files.get_stats().values() for each in family)  # type: ignore[attr-defined]


def serve(workspace: Path, settings: Settings, listening: socket.socket, *, must_sign_in: bool) -> None:
    """Serve the pages on `workspace` until the process is told to stop."""
    os.environ[WORKSPACE_VARIABLE] = str(workspace)
    os.environ[SIGN_IN_VARIABLE] = "true" if must_sign_in else "false"
    bootstrap.load_config_options(
        {
            "server.address": settings.host,
            "server.port": listening.getsockname()[1],
            "server.headless": True,
            "server.fileWatcherType": "none",
            "server.maxUploadSize": settings.max_upload_mb,
            "server.enableAgentApi": False,  # a second way in that knows no accounts
            "client.allowedOrigins": [],  # by default pages take messages from Streamlit's own cloud
            "browser.gatherUsageStats": False,  # no outbound socket
            "runner.magicEnabled": False,  # a bare string in a page's code is no text of the page
            # The accent of the labelling screen, by mode: a theme without a mode would make every page light.
            "theme.light.primaryColor": "#1f5fbf",
            "theme.dark.primaryColor": "#3d7ae0",  # under white words and on the dark page alike
            "client.toolbarMode": "minimal",
            "client.showErrorDetails": "none",
        }
    )
    uploads = limits.UploadLimits(by_lead=settings.max_upload_mb, together=settings.max_uploads_mb)
    sys.stdout.write(f"\n  URL: {server.address(listening, settings.host)}\n\n")
    sys.stdout.flush()
    server.run(guarded(pages(uploads), settings), listening, trusted_proxies=settings.trusted_proxies)
