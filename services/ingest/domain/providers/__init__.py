"""One file per provider. A file is found by being here; files that start with an underscore are shared."""

import pkgutil
from functools import cache
from importlib import import_module

from services.ingest.domain.plan import Provider


@cache
def discover() -> dict[str, Provider]:
    """Every provider by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    found = [import_module(f"{__name__}.{name}").PROVIDER for name in names]
    return {provider.name: provider for provider in found}
