"""The verbs of `greenline` itself: everything up, everything down, and what is generated."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

SETTINGS = (
    ("libs.runtime.settings", "RuntimeSettings"),
    ("libs.runtime.stack.settings", "StackSettings"),
    ("libs.runtime.stream.settings", "StreamSettings"),
    ("services.ingest.settings", "IngestSettings"),
    ("services.scoring.settings", "ScoringSettings"),
    ("services.triggers.settings", "TriggersSettings"),
    ("services.outreach.settings", "OutreachSettings"),
    ("sandbox.settings", "SandboxSettings"),
)

DETACHED_S = 240.0  # migrations, then up to 120 s until ready: a first start compiles the scoring loop

NoStack = Annotated[
    bool, typer.Option("--no-stack", help="Use the Kafka and PostgreSQL that GREENLINE_* name.")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return once everything is ready.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what is added.")]
Lines = Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines to print.")]


def register(root: typer.Typer) -> None:
    """Add these verbs to the console script."""
    for verb in (up, down, status, logs, topics, migrate, schemas, env_example):
        root.command()(verb)


def up(*, no_stack: NoStack = False, detach: Detach = False) -> None:
    """Start the stack and the four services, and restart what dies, until Ctrl-C (the stack stays up)."""
    from libs.runtime.stack.cli import exit_on_error
    from libs.runtime.stack.settings import configured

    console = Console(stderr=True)
    with exit_on_error(console):
        env = {} if no_stack else _stack_up(console)
        data_dir = configured().data_dir
        if detach:
            _detach(data_dir, env)
            console.print(_services_table(data_dir))
        else:
            asyncio.run(_run_services(data_dir, env, console))


def _stack_up(console: Console) -> dict[str, str]:
    from libs.runtime.stack.cli import progress
    from libs.runtime.stack.settings import configured
    from libs.runtime.stack.stack import Stack

    with progress(console) as report:
        return Stack(configured()).up(report).env()


async def _run_services(data_dir: Path, env: Mapping[str, str], console: Console) -> None:
    from libs.runtime.lifecycle import stop_on_signals, wait_any

    stop = stop_on_signals()
    work = asyncio.create_task(_hold_services(data_dir, env, console))
    try:
        await wait_any(stop, work)
        console.print("Stopping the services; `greenline down` also stops Kafka and PostgreSQL.")
    finally:
        work.cancel()
        await asyncio.wait({work})


async def _hold_services(data_dir: Path, env: Mapping[str, str], console: Console) -> None:
    from libs.runtime.stack.services import running_services

    def report(name: str, said: str) -> None:
        console.print(f"[bold]{name}[/bold]: {said}", highlight=False)

    async with running_services(data_dir, env, report=report):
        console.print(_services_table(data_dir))
        await asyncio.Event().wait()  # until cancelled


def _detach(data_dir: Path, env: Mapping[str, str]) -> None:
    """Run `greenline up --no-stack` in a session of its own and return once it says that all are ready."""
    from libs.runtime.stack import processes, supervisor
    from libs.runtime.stack.errors import StackError

    supervisor.take_over(data_dir)
    log = supervisor.log_file(data_dir, "supervisor")
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "services", "up", "--no-stack"]
    process = processes.spawn_detached(command, log=log, cwd=Path.cwd(), env={**os.environ, **env})
    deadline = time.monotonic() + DETACHED_S
    while not supervisor.is_ready(data_dir):
        if not process.alive() or time.monotonic() > deadline:
            processes.stop(process)
            raise StackError(f"The services did not start. The end of {log}:\n{processes.tail(log, 40)}")
        time.sleep(0.1)


def down() -> None:
    """Stop the services, then Kafka and PostgreSQL. Data stay in the data folder."""
    from libs.runtime.stack.cli import exit_on_error, progress
    from libs.runtime.stack.settings import configured
    from libs.runtime.stack.stack import Stack
    from libs.runtime.stack.supervisor import stop_running

    console = Console(stderr=True)
    config = configured()
    with exit_on_error(console):
        if stop_running(config.data_dir):
            console.print("services: stopped")
        with progress(console) as report:
            Stack(config).down(report)


def status() -> None:
    """What runs and where. Exit status 1 if the stack or a service does not run."""
    from libs.runtime.stack.cli import table
    from libs.runtime.stack.settings import configured
    from libs.runtime.stack.stack import Stack
    from libs.runtime.stack.supervisor import is_ready

    config = configured()
    stack = Stack(config)
    state = stack.state()
    console = Console()
    console.print(table(stack, state))
    console.print(_services_table(config.data_dir))
    nodes_up = all(node.alive() for node in stack.nodes(state).values())
    raise typer.Exit(0 if nodes_up and is_ready(config.data_dir) else 1)


def _services_table(data_dir: Path) -> Table:
    import psutil

    from libs.runtime.stack.supervisor import running

    drawn = Table("service", "state", "pid", "restarts", "address")
    found = running(data_dir)
    for name, known in ({} if found is None else found[1]).items():
        state = "[green]up[/green]" if psutil.pid_exists(known["pid"]) else "[red]restarting[/red]"
        url = f"http://127.0.0.1:{known['port']}"
        drawn.add_row(name, state, str(known["pid"]), str(known["restarts"]), url)
    return drawn


def logs(
    name: Literal["ingest", "scoring", "triggers", "outreach", "supervisor"],
    *,
    follow: Follow = False,
    lines: Lines = 50,
) -> None:
    """Print the end of a service's log."""
    from libs.runtime.stack.cli import show_log
    from libs.runtime.stack.settings import configured
    from libs.runtime.stack.supervisor import log_file

    show_log(log_file(configured().data_dir, name), follow=follow, lines=lines)


def topics() -> None:
    """Create the topics that are missing, as libs/events/topics.py says."""
    from libs.runtime.stack.cli import exit_on_error
    from libs.runtime.topics import main

    with exit_on_error(Console(stderr=True)):
        main()


def migrate() -> None:
    """Bring the tables of ingest and outreach up to date."""
    from libs.runtime.stack.cli import exit_on_error
    from libs.runtime.stack.services import migrate_all

    with exit_on_error(Console(stderr=True)):
        asyncio.run(migrate_all({}))


def schemas(*, check: Annotated[bool, typer.Option(help="Write nothing; fail if stale.")] = False) -> None:
    """Write the contract's JSON Schemas and AsyncAPI document; refuses an incompatible change."""
    from libs.events import generate

    try:
        changed = generate.stale() if check else generate.write()
    except generate.IncompatibleError as error:
        raise SystemExit(f"Incompatible with what is committed:\n{error}") from error
    for name in changed:
        typer.echo(f"{'stale' if check else 'written'}: {name}")
    if check and changed:
        raise SystemExit("The generated files differ from the models: make schemas")


def env_example() -> None:
    """Print .env.example: every setting with its meaning and default."""
    from libs.runtime.settings import render_env_example

    classes = [getattr(import_module(module), name) for module, name in SETTINGS]
    typer.echo(render_env_example(classes), nl=False)
