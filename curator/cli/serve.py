"""`curator serve`: the pages and the API of one workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from curator import jobs
from curator.access import accounts
from curator.cli import console
from curator.cli.options import WorkspaceOption
from curator.settings import load
from curator.workspace import open_workspace

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on (default: 127.0.0.1).")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to listen on (default: 8501).", min=0, max=65535)]


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    workspace: WorkspaceOption = None,
    host: HostOption = None,
    port: PortOption = None,
    sign_in: Annotated[
        bool | None, typer.Option("--sign-in", help="Ask for a sign-in even before the first account exists.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A further name under which browsers reach the server; may be repeated."),
    ] = None,
) -> None:
    """Serve the pages until Ctrl+C. Everything that people enter is in the database at once."""
    with console.errors():
        from app import server  # uvicorn takes a moment to import: only this verb pays for it
        from curator import doctor

        settings = load(workspace=workspace, host=host, port=port, sign_in=sign_in, allowed_hosts=allow_host or None)
        listening = server.listen(settings.host, settings.port)
        opened = open_workspace(settings.workspace, create=True, settings=settings)
        token = accounts.setup_link(opened)
        resumed = jobs.revive(opened)
        warnings = list(doctor.open_to_all(opened))
        opened.close()
        for warning in warnings:
            console.messages.print(f"Warning: {warning}", markup=False, soft_wrap=True)
        console.messages.print(f"Workspace {opened.folder}", markup=False)
        address = server.address(listening, settings.host)
        console.messages.print(f"Pages on {address} (Ctrl+C stops the server)", markup=False)

        if resumed:
            console.messages.print(f"Jobs that were interrupted go on: {', '.join(map(str, resumed))}", markup=False)

        must_sign_in = settings.sign_in or settings.host not in _LOOPBACK
        if token is not None:
            why = "There is no account yet" if must_sign_in else "To work as a team with sign-in"
            console.messages.print(
                f"{why}, so make the first account within a day: {address}/auth/account?token={token}",
                markup=False,
                soft_wrap=True,
            )

        from app import asgi  # Streamlit takes a second to import: only this verb pays for it

        asgi.serve(opened.folder, settings, listening, must_sign_in=must_sign_in)
