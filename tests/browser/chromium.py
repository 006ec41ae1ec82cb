"""Debian's Chromium, driven by Playwright: nothing is downloaded, nothing calls home."""

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # containers and CI run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
