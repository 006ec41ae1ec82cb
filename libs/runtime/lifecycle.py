"""Signals and draining: SIGTERM and SIGINT ask to stop, the owner finishes what it holds."""

import asyncio
import gc
import signal


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set. Call inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    return stop


async def wait_any(stop: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Until asked to stop or until a task ends; a task's error is raised here."""
    waiter = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({waiter, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
    for task in done - {waiter}:
        task.result()


async def cancel_all(*tasks: asyncio.Task[None], timeout_s: float = 5.0) -> None:
    """Cancel and wait, bounded: a client library that hangs in stop() must not hang the process."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)


def calm_collector() -> None:
    """Chunks and requests make many objects and no cycles: with Python's own threshold up to a quarter of
    the time goes into looking for some. Call once everything is imported and compiled.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
