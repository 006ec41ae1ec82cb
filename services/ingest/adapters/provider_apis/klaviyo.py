"""Klaviyo's API: a private key. Only profiles are asked for: events are many, and have no end of ids."""

from services.ingest.adapters.api_plan import Api, One

API = Api(
    name="klaviyo",
    headers=lambda key: {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2024-10-15"},
    base="https://a.klaviyo.com",
    objects={"customer": One("/api/profiles/{id}/", ("data",), kept=True)},
)
