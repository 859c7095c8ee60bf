"""Security headers of answers: what a browser lets a page load, send, open and be framed by."""

from collections.abc import Iterable

from parlour.runtime.http import Scope

Headers = Iterable[tuple[bytes, bytes]]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src {connect}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Our pages have no inline script or style, and connect to no other server than the one that they came from."""
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
DEVICES = (
    b"camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), "
    b"geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()"
)
YEAR_S = 31_536_000
_LOOPBACK = ("localhost", "127.", "[::1]")
"""Names without HSTS: a browser would demand TLS of every other program that listens there."""


def security_headers(scope: Scope, given: Headers) -> list[tuple[bytes, bytes]]:
    """Returns the security headers of an answer that has the headers `given`."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    kind = next((value for name, value in given if name.lower() == b"content-type"), b"")
    found = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
    if kind.startswith(b"text/html"):
        named = host and not host.startswith("[")  # a source can't be an IPv6 address (CSP 3, section 2.3.1)
        sources = f"'self' ws://{host} wss://{host}" if named else "'self'"
        found += [
            (b"content-security-policy", PAGE_POLICY.format(connect=sources).encode()),
            (b"permissions-policy", DEVICES),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]
    else:
        found.append((b"content-security-policy", DATA_POLICY))
    if scope.get("scheme") == "https" and not host.lower().startswith(_LOOPBACK):
        found.append((b"strict-transport-security", b"max-age=%d" % YEAR_S))
    return found
