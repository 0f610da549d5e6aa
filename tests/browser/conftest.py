"""A real server on a real workspace, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.outbound import Outbound

REPOSITORY = Path(__file__).resolve().parents[2]
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=30_000)  # an upper bound for a busy machine; what is there is seen at once


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped, but in CI they fail."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CURATOR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        message = "no Chromium found: install it, or name one with CURATOR_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window of 1400 x 800 pixels."""
    context = browser.new_context(viewport={"width": 1400, "height": 800})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


class _Servers:
    """Servers that a test started, by address."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.outbound = Outbound()

    def start(self, workspace: Path, *, port: int | None = None) -> str:
        """Serve a workspace; gives the address once it listens."""
        if port is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        command = [sys.executable, "-m", "curator", "serve", "--workspace", str(workspace), "--port", str(port)]
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=self.outbound.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        address = f"http://127.0.0.1:{port}"
        self.running[address] = process
        for line in process.stdout:  # the line that tells the address is printed once it listens
            if line.strip().startswith("URL:"):
                break
        else:
            pytest.fail("the server ended before it listened")
        with urllib.request.urlopen(f"{address}/api/v1/health") as answer:
            assert answer.status == 200
        return address

    def kill(self, address: str) -> None:
        """End a server at once, as a crash would."""
        process = self.running.pop(address)
        process.kill()
        process.wait(timeout=20)


@pytest.fixture
def servers() -> Iterator[_Servers]:
    """What starts and ends servers; those that still run at the end are stopped."""
    started = _Servers()
    yield started
    for process in started.running.values():
        process.terminate()
    for process in started.running.values():
        process.wait(timeout=20)
    assert started.outbound.refused() == []  # whatever a test does: no server asks another machine for anything


@pytest.fixture
def serve(servers: _Servers) -> Callable[..., str]:
    """Start the server on a workspace; gives its address."""
    return servers.start


@pytest.fixture
def stop(servers: _Servers) -> Callable[[str], None]:
    """Kill the server at an address."""
    return servers.kill
