"""`curator serve`: the pages and the API of one workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from curator.cli import console
from curator.cli.options import WorkspaceOption
from curator.settings import load
from curator.workspace import open_workspace

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on [default: 127.0.0.1].")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to listen on [default: 8501].", min=0, max=65535)]


def serve(workspace: WorkspaceOption = None, host: HostOption = None, port: PortOption = None) -> None:
    """Serve the pages until Ctrl+C. Everything that people enter is in the database at once."""
    with console.errors():
        settings = load(workspace=workspace, host=host, port=port)
        opened = open_workspace(settings.workspace, create=True, settings=settings)
        opened.close()
        console.messages.print(f"Workspace {opened.folder}", markup=False)
        address = f"http://{settings.host}:{settings.port}"
        console.messages.print(f"Pages on {address} (Ctrl+C stops the server)", markup=False)

        from app import asgi  # Streamlit takes a second to import: only this verb pays for it

        asgi.serve(opened.folder, host=settings.host, port=settings.port)
