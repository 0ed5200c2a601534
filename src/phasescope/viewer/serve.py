"""Serve a store's page to this machine, until stopped."""

import errno
import socket
import threading
import webbrowser
from pathlib import Path

import uvicorn

from phasescope.errors import PhasescopeError
from phasescope.viewer.app import viewer_app
from phasescope.viewer.listing import run_id

TRIES = 20
"""Ports tried, one after the other, where the first is taken."""
BACKLOG = 2048
"""Connections that may wait: a thousand at once are all answered."""


def listen(port: int) -> socket.socket:
    """Open a port on this machine's loopback, or one of the next where it is taken.

    Args:
        port: The first to try; 0 for any.

    Raises:
        PhasescopeError: If none of them can be had.

    Example:
        >>> with listen(0) as found:
        ...     found.getsockname()[0]
        '127.0.0.1'
    """
    if not 0 <= port <= 65535:
        raise PhasescopeError(f"a port needs to be from 0 to 65535; got {port}")
    for candidate in range(port, min(port + TRIES, 65536)):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", candidate))
            found.listen(BACKLOG)
            return found
        except OSError as error:
            found.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise PhasescopeError(f"no port from {port} to {port + TRIES - 1} can be had on 127.0.0.1; try --port 0")


def server(root: Path, port: int) -> uvicorn.Server:
    """Return a server of a store, not yet running; it is told the socket when it runs.

    Args:
        root: Folder of runs.
        port: The port it will answer on.
    """
    config = uvicorn.Config(
        viewer_app(root, port),
        http="h11",
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=16_384,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def serve(root: Path, port: int, opened: str | None, browser: bool) -> None:
    """Serve a store's page on 127.0.0.1 until Ctrl-C.

    Args:
        root: Folder of runs; it may be empty.
        port: The port; the next free one is taken if it is in use, and said.
        opened: Folder name of the run whose page is opened first; None for the store's.
        browser: Whether to open the browser.

    Raises:
        PhasescopeError: If no port can be had.
    """
    with listen(port) as bound:
        actual = bound.getsockname()[1]
        address = f"http://127.0.0.1:{actual}/" + ("" if opened is None else f"run/{run_id(opened)}")
        taken = f" (port {port} is taken)" if port not in (0, actual) else ""
        print(
            f"{address}{taken}\nshows the runs in {root}, to this machine only; Ctrl-C stops it", flush=True
        )
        if browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        server(root, actual).run(sockets=[bound])
