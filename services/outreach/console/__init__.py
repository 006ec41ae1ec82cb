"""The console: server-rendered pages for the people who look after customers."""

from services.outreach.console.deps import ConsoleDeps
from services.outreach.console.router import build_router

__all__ = ["ConsoleDeps", "build_router"]
