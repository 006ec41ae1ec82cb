"""The sandbox's endpoints at ingest: two for each tool, one of them for history."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from libs.runtime.stack.state import write_private
from sandbox.domain.signing import Provider

TENANT = "sandbox"
PROVIDERS: Mapping[Provider, str] = {
    "shopify": "shopify",
    "klaviyo": "klaviyo",
    "zendesk": "zendesk",
    "segment": "segment",
    "standard": "standard",
}
"""Our name of a provider -> ingest's."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Secrets by provider; a history twin has the same secret."""

    secrets: Mapping[Provider, str]

    @staticmethod
    def name(provider: Provider, *, history: bool) -> str:
        return f"{provider}-history" if history else provider

    def write(self, path: Path) -> None:
        """The file that ingest reads: private, since it holds the secrets."""
        entries = [
            {
                "name": self.name(provider, history=history),
                "provider": PROVIDERS[provider],
                "tenant": TENANT,
                "currency": "USD",
                "secrets": [secret],
                "backfill": history,
                "simulated": True,
            }
            for provider, secret in self.secrets.items()
            for history in (False, True)
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, yaml.safe_dump({"sources": entries}, sort_keys=False))


def random_sources() -> Sources:
    """New secrets of the length and spelling each tool gives out."""
    return Sources(
        {
            "shopify": f"shpss_{secrets.token_hex(16)}",
            "klaviyo": secrets.token_hex(16),
            "zendesk": base64.b64encode(secrets.token_bytes(24)).decode(),
            "segment": secrets.token_hex(16),
            "standard": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        }
    )
