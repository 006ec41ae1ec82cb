"""The `greenline` console script: one name over the four services, the local stack and the sandbox."""

import sys
from importlib import import_module

import typer

from services import commands

# Name -> module with a Typer `app`, and the line in --help. A module is imported only when its verb is used,
# so help is fast and a service whose extra is not installed does not break the others.
PARTS = {
    "ingest": ("services.ingest.__main__", "Signed webhooks in, events out."),
    "scoring": ("services.scoring.__main__", "Events in, customer health out."),
    "triggers": ("services.triggers.__main__", "Health in, the rules that fired out."),
    "outreach": ("services.outreach.__main__", "Fired rules in, people and messages out; the console."),
    "sandbox": ("sandbox.__main__", "A simulated shop that plays real order history through real webhooks."),
    "stack": ("libs.runtime.stack.cli", "Real Kafka and PostgreSQL on this machine, without containers."),
}


def build(chosen: str | None) -> typer.Typer:
    """The command line with the chosen part loaded and the others named."""
    root = typer.Typer(
        no_args_is_help=True, add_completion=False, help="Greenline: real-time customer health."
    )
    commands.register(root)
    for name, (module, line) in PARTS.items():
        if name == chosen:
            root.add_typer(_load(name, module), name=name, help=line)
        else:
            root.command(name, help=line)(_never_called)
    return root


def main() -> None:
    """Entry point of the console script."""
    chosen = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    build(chosen)(prog_name="greenline")


def _load(name: str, module: str) -> typer.Typer:
    try:
        app = getattr(import_module(module), "stack_app" if name == "stack" else "app")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(("services", "libs", "sandbox")):
            raise  # ours: a defect, not something to install
        raise SystemExit(
            f"`greenline {name}` needs {error.name}, which is not installed. "
            f"Run: make install, or: pip install '.[{name}]'"
        ) from error
    assert isinstance(app, typer.Typer)
    return app


def _never_called() -> None:
    """Stands in --help for a part that was not chosen."""


if __name__ == "__main__":
    main()
