"""The console: server-rendered pages for the people who look after customers."""

from services.outreach.console.deps import Completion, ConsoleDeps, IncidentEnd, Judgement, Miss
from services.outreach.console.router import build_router

__all__ = ["Completion", "ConsoleDeps", "IncidentEnd", "Judgement", "Miss", "build_router"]
