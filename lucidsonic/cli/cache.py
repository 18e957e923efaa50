"""`lucidsonic cache ...`: finished parts of films that can be made again."""

import json
from typing import Annotated

import typer

from lucidsonic.cli.say import say

app = typer.Typer(no_args_is_help=True, help="See and tidy finished parts of films.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_cache(as_json: AsJson = False) -> None:
    """Show how much lies in the cache, and where."""
    from lucidsonic.pipeline.store import CACHE_BYTES, SegmentCache

    cache = SegmentCache()
    entries = list(cache.entries())
    total = sum(size for _, size, _ in entries)
    if as_json:
        told = {"folder": str(cache.folder), "segments": len(entries), "bytes": total}
        say(json.dumps(told))
        return
    say(f"{len(entries)} segments, {megabytes(total)} of {megabytes(CACHE_BYTES)}")
    say(cache.folder)


@app.command()
def prune(
    max_gb: Annotated[float, typer.Option(min=0, help="Keep at most this much, GB.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Throw away the longest unused parts beyond a size."""
    from lucidsonic.pipeline.store import SegmentCache

    tell_freed(SegmentCache().prune(limit=int(max_gb * 1e9)), as_json=as_json)


@app.command()
def clear(as_json: AsJson = False) -> None:
    """Throw everything away; films that are finished do not need it."""
    from lucidsonic.pipeline.store import SegmentCache

    tell_freed(SegmentCache().clear(), as_json=as_json)


def tell_freed(freed: int, *, as_json: bool) -> None:
    """How much room there is now."""
    say(json.dumps({"freed": freed}) if as_json else f"Freed {megabytes(freed)}")


def megabytes(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e6:,.1f} MB"


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="cache")
