"""What stands between the console and other sites: an origin check on writes, and strict headers.

There is no sign-in yet: the console listens on loopback unless told otherwise (README.md beside this file).
"""

from urllib.parse import urlsplit

from fastapi import HTTPException, Request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def refuse_other_sites(request: Request) -> None:
    """A write must come from our own pages. Browsers say where from; who does not say is no browser."""
    if request.method in SAFE_METHODS:
        return
    fetch_site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    # "same-site" is refused too: another port of this machine is the same site and not us.
    foreign = fetch_site not in (None, "same-origin", "none")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        foreign = True
    if foreign:
        raise HTTPException(403, "This form was sent from another site. Open the task in the console.")
