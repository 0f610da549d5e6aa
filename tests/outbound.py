"""A watch over the sockets of a process and its children: what would leave this machine is refused and written down."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_WATCH = """
import os, sys

def _host(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return arguments[1][0] if isinstance(arguments[1], tuple) else None  # else the path of a socket here
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return arguments[0]
    return None

def _watch(event, arguments):
    if not event.startswith("socket."):
        return
    host = _host(event, arguments)
    host = host.decode(errors="replace") if isinstance(host, bytes) else host
    if host and host not in ("localhost", "::1", "::", "0.0.0.0") and not host.startswith("127."):
        with open(os.environ["CURATOR_TEST_OUTBOUND"], "a") as log:
            log.write(f"{event} {host}\\n")
        raise PermissionError(f"{event} to {host} is refused in this test")

sys.addaudithook(_watch)
"""


class Outbound:
    """What some processes tried to reach elsewhere."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "refused"
        (Path(self._folder.name) / "sitecustomize.py").write_text(_WATCH)  # which Python imports before anything else

    def environment(self) -> dict[str, str]:
        """The environment of this process, and the watch in that of a process that it starts."""
        path = os.pathsep.join(filter(None, [self._folder.name, os.environ.get("PYTHONPATH")]))
        return os.environ | {"PYTHONPATH": path, "CURATOR_TEST_OUTBOUND": str(self._log)}

    def refused(self) -> list[str]:
        """What was refused so far."""
        return self._log.read_text().splitlines() if self._log.exists() else []
