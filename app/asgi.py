"""The server: pages through Streamlit's ASGI app, with a health route beside them."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app import sign_in
from app.identity import SIGN_IN_VARIABLE, WORKSPACE_VARIABLE
from app.labelling import routes as labelling
from curator import __version__


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"ok": True, "version": __version__})


app = st.App(
    Path(__file__).with_name("main.py"),
    routes=[Route("/api/v1/health", _health), *sign_in.routes(), *labelling.routes()],
    middleware=[Middleware(sign_in.Gate)],
)


def serve(workspace: Path, *, host: str, port: int, must_sign_in: bool) -> None:
    """Serve the pages on `workspace` until the process is told to stop."""
    os.environ[WORKSPACE_VARIABLE] = str(workspace)
    os.environ[SIGN_IN_VARIABLE] = "true" if must_sign_in else "false"
    app.run(
        config={
            "server.address": host,
            "server.port": port,
            "server.headless": True,
            "server.fileWatcherType": "none",
            "server.maxUploadSize": 2000,  # MB; a million rows of Alpaca data are about 850
            "browser.gatherUsageStats": False,  # no outbound socket
            "runner.magicEnabled": False,  # a bare string in a page's code is no text of the page
            # The accent of the labelling screen, by mode: a theme without a mode would make every page light.
            "theme.light.primaryColor": "#1f5fbf",
            "theme.dark.primaryColor": "#3d7ae0",  # under white words and on the dark page alike
            "client.toolbarMode": "minimal",
            "client.showErrorDetails": "none",
        }
    )
