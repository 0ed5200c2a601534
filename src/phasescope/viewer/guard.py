"""What stands before every answer: only this machine's own pages may ask, only by GET, only plain paths."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the browser may do with a page: our scripts and our numbers, nothing else from anywhere."""
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
LONGEST_PATH = 200
LONGEST_QUERY = 2_000
"""Room for an input of a hundred tokens, written out twice."""
_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9_./-]*")
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9_=&,-]*")


class Guard:
    """An ASGI application around another that refuses whatever is not a plain question of our own page.

    A page of another site that reaches this port, by a name made to point here (DNS rebinding) or by a
    request across origins, has another Host, Origin or Sec-Fetch-Site and gets nothing.

    Args:
        app: What answers the rest.
        port: The port that a right Host names.
    """

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}".encode() for name in ("localhost", "127.0.0.1", "[::1]")}
        self.origins = {b"http://" + host for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand on with our headers added to the answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a web socket: refused by closing it
            await send({"type": "websocket.close", "code": 1008})
            return

        async def sealed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        refusal = self.refusal(scope)
        if refusal is None:
            await self.app(scope, receive, sealed)
            return
        status, reason = refusal
        extra = [(b"allow", b"GET")] if status == 405 else []
        body = reason.encode() + b"\n"
        head = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            *extra,
        ]
        await sealed({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Say with which status and why a request is refused; None for a good one.

        Args:
            scope: The request as ASGI has it.

        Example:
            >>> async def nothing(scope, receive, send): ...
            >>> asked = {"method": "GET", "raw_path": b"/", "query_string": b""}
            >>> Guard(nothing, 80).refusal({**asked, "headers": [(b"host", b"evil.example:80")]})
            (400, 'the Host is not this server')
        """
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])

        def given(name: bytes) -> list[bytes]:
            return [value for key, value in headers if key.lower() == name]

        if scope["method"] != "GET":
            return 405, "only GET is answered"
        hosts = given(b"host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 400, "the Host is not this server"
        if any(origin not in self.origins for origin in given(b"origin")):
            return 403, "another origin may not ask"
        if any(site not in (b"same-origin", b"none") for site in given(b"sec-fetch-site")):
            return 403, "another site may not ask"
        if given(b"transfer-encoding") or any(length != b"0" for length in given(b"content-length")):
            return 400, "a question has no body"
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"]
        if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY:
            return 414, "too long"
        if not _PLAIN_PATH.fullmatch(path) or b".." in path or b"//" in path:
            return 404, "there is nothing"
        if not _PLAIN_QUERY.fullmatch(query):
            return 400, "the query is not plain"
        return None
