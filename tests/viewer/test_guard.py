"""Who may ask: the corpora of Host and Origin, every method, through a real socket where bytes matter."""

import pytest

pytest.importorskip("starlette", reason="the extra viewer is not installed")
pytest.importorskip("uvicorn", reason="the extra viewer is not installed")

from phasescope.viewer.guard import Guard

PORT = 8113
GOOD = ("localhost", "127.0.0.1", "[::1]")
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
BAD_HOSTS = [
    *GOOD,  # without the port
    *(f"{name}:{PORT + 1}" for name in GOOD),
    *(f"{name}.:{PORT}" for name in GOOD),
    *(f"{name}:{PORT}:80" for name in GOOD),
    *(f"{name}:{PORT}{tail}" for name in GOOD for tail in (" ", "/", "#", "@evil.example", ",evil.example")),
    *(f"{user}@127.0.0.1:{PORT}" for user in ("evil.example", "localhost", "")),
    f"LOCALHOST:{PORT}",
    f"LocalHost:{PORT}",
    *(
        f"{name}:{PORT}"
        for name in (
            "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "0.0.0.0", "[::]",
            "[::ffff:127.0.0.1]",
            "2130706433", "0x7f000001", "127.1", "127.0.0.2", "192.168.0.7", "::1", "0", "localhost@evil", "",
            "017700000001", "[::1%25lo]", "localhost\u0000", "löcalhost", "ⓛocalhost", "a" * 8192,
        )
    ),
    "evil.example", "localhost@evil", "localhost:80:80", "", f":{PORT}", f"localhost:0{PORT}",
    f"localhost:+{PORT}",
]  # fmt: skip


async def nothing(scope, receive, send):
    raise AssertionError("a refused request does no work")


def refused(host=f"127.0.0.1:{PORT}", method="GET", path=b"/", query=b"", **headers):
    given = [(b"host", host.encode())] if host is not None else []
    given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "raw_path": path, "query_string": query, "headers": given}
    refusal = Guard(nothing, PORT).refusal(scope)
    return refusal and refusal[0]


@pytest.mark.parametrize("name", GOOD)
def test_this_machine_may_ask(name):
    host = f"{name}:{PORT}"
    assert refused(host) is None
    assert refused(host, origin=f"http://{host}", sec_fetch_site="same-origin") is None
    assert refused(host, sec_fetch_site="none") is None


@pytest.mark.parametrize("host", sorted(BAD_HOSTS), ids=lambda host: ascii(host)[:40])
@pytest.mark.parametrize("origin", ["", f"http://127.0.0.1:{PORT}", "http://evil.example", "null"])
def test_no_other_host_may(host, origin):
    assert refused(host, **({"origin": origin} if origin else {})) == 400
    assert refused(host, x_forwarded_host=f"127.0.0.1:{PORT}", forwarded="host=localhost") == 400


def test_a_missing_or_second_host_is_refused():
    assert refused(None) == 400
    head = [(b"host", b"127.0.0.1:%d" % PORT)] * 2
    scope = {"method": "GET", "raw_path": b"/", "query_string": b"", "headers": head}
    assert Guard(nothing, PORT).refusal(scope)[0] == 400


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", f"https://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}",
     f"http://127.0.0.1:{PORT}.evil.example", f"http://127.0.0.1:{PORT}/", "file://", "http://localhost"],
)  # fmt: skip
def test_no_other_origin_may(origin):
    assert refused(origin=origin) == 403


@pytest.mark.parametrize("site", ["", "cross-site", "same-site", "SAME-ORIGIN"])
def test_no_other_site_may(site):
    assert refused(sec_fetch_site=site) == 403


@pytest.mark.parametrize("method", METHODS)
def test_only_get_is_answered(method):
    assert refused(method=method) == (None if method == "GET" else 405)
    assert refused("evil.example", method=method, origin="http://evil.example") in (400, 405)


def test_a_question_has_no_body_and_a_plain_query():
    assert refused(content_length="5") == 400
    assert refused(transfer_encoding="chunked") == 400
    assert refused(content_length="0") is None
    assert refused(query=b"after=3&keys=14,35") is None
    for query in (b"after=%00", b"a=<script>", b"a=../..", b"a=\xff"):
        assert refused(query=query) == 400
    assert refused(query=b"a" * 2001) == refused(path=b"/" + b"a" * 200) == 414


def test_through_a_real_socket(store, serve, asked):
    with serve(store) as port:
        for method in METHODS:
            status, answer = asked(
                port, f"{method} / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
            )
            assert status == (200 if method == "GET" else 405), answer[:200]
            assert b"access-control" not in answer.lower()
            assert b"frame-ancestors 'none'" in answer
            assert b"x-content-type-options: nosniff" in answer
        good = f"Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        forwarded = f"X-Forwarded-Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        for request in (
            f"GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n{good}",
            f"GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n{forwarded}",
            f"GET http://evil.example/ HTTP/1.1\r\n{good}",
            f"GET http://127.0.0.1:{port}/../../etc/passwd HTTP/1.1\r\n{good}",
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: {'a' * 8192}\r\nConnection: close\r\n\r\n",
            f"GET / HTTP/1.1\r\nContent-Length: 10000000000\r\n{good}",
            "nonsense\r\n\r\n",
        ):
            status, answer = asked(port, request.encode())
            assert 400 <= status < 500, (request[:80], answer[:200])
            assert b"<html" not in answer
        for header in ("GET /" + "a" * 1_000_000, "GET / HTTP/1.1\r\nX: " + "a" * 1_000_000):
            status, answer = asked(port, f"{header}\r\n{good}".encode())
            assert status == 0 or 400 <= status < 500
            assert b"<html" not in answer
        assert asked(port, f"GET / HTTP/1.1\r\n{good}".encode())[0] == 200
