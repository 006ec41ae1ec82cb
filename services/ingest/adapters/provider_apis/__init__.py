"""The providers' APIs, one file each on the plan of api_plan.py. A file is found by being here."""

import pkgutil
from functools import cache
from importlib import import_module

from services.ingest.adapters.api_plan import Api


@cache
def discover() -> dict[str, Api]:
    """Every API by its provider's name."""
    found = [import_module(f"{__name__}.{module.name}").API for module in pkgutil.iter_modules(__path__)]
    return {api.name: api for api in found}
