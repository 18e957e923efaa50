"""`lucidsonic models ...`: which networks there are, and getting, checking, adding them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucidsonic.cli.export import export
from lucidsonic.cli.say import plain, say
from lucidsonic.cli.telling import Telling, telling
from lucidsonic.errors import CheckFailedError, ConfigError, ModelCardError

if TYPE_CHECKING:
    from lucidsonic.zoo.convert import PickleReport
    from lucidsonic.zoo.shelf import ModelFacts

app = typer.Typer(no_args_is_help=True, help="See, fetch, check and add networks.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
How = Annotated[Telling, typer.Option("--progress", help="How to tell how far it is.")]
Folder = Annotated[Path | None, typer.Option(help="Look for cards here first.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The model, as 'models list' calls it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


@app.command("list")
def list_all(
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    models_dir: Folder = None,
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of models/README.md.")
    ] = False,
) -> None:
    """Show every model that has a card."""
    from lucidsonic.zoo.shelf import list_models

    found = list(list_models(family=family, models_dir=models_dir, on_broken=pass_over))
    if as_json:
        say(json.dumps([in_words(facts) for facts in found], indent=2))
    elif markdown:
        from lucidsonic.zoo.table import markdown_table

        say(markdown_table(facts.card for facts in found))
    else:
        rows = [
            [f.card.id, f.card.title, str(f.card.resolution), f.state, f.card.license]
            for f in found
        ]
        show_table(["id", "title", "pixels", "weights", "licence"], rows)


def pass_over(error: ModelCardError) -> None:
    """Say which card is broken; the others are shown all the same."""
    say(f"warning: {error}", err=True)


@app.command()
def info(model: Id, models_dir: Folder = None, as_json: AsJson = False) -> None:
    """Show what is known of a model."""
    from lucidsonic.zoo.shelf import model_facts

    facts = model_facts(model, models_dir=models_dir)
    told = in_words(facts)
    if as_json:
        say(json.dumps(told, indent=2))
        return
    told["size"] = "" if facts.state == "built in" else size_in_words(facts)
    for name, value in told.items():
        if value not in ("", [], {}, None):
            say(f"{name:10} {one_line(value)}")


@app.command()
def download(
    models: Annotated[list[str] | None, typer.Argument(metavar="ID...")] = None,
    all_small: Annotated[
        bool, typer.Option("--all-small", help="All published networks up to 256 pixels.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what and from where.")
    ] = False,
    models_dir: Folder = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
) -> None:
    """Fetch weights; what was begun goes on where it stopped."""
    from lucidsonic.zoo.shelf import download_model, model_facts, small_models

    ids = [*(models or ()), *(small_models(models_dir=models_dir) if all_small else ())]
    if not ids and not all_small:
        raise ConfigError("Which model?", hint="Name one, or use --all-small.")
    wanted = [model_facts(name, models_dir=models_dir) for name in dict.fromkeys(ids)]
    if not dry_run:
        with telling(progress, quiet=quiet) as listener:
            wanted = [download_model(facts, on_progress=listener) for facts in wanted]
    if as_json:
        say(json.dumps([in_words(facts) for facts in wanted], indent=2))
    elif not quiet:
        for facts in wanted:
            say(sentence(facts))


@app.command()
def verify(
    model: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    models_dir: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Compare weights on this disk with their checksums; without ID, all that are here."""
    from lucidsonic.zoo.shelf import list_models, model_facts, verify_model

    if model is None:
        every = list_models(models_dir=models_dir)
        chosen = [facts for facts in every if facts.state == "here"]
    else:
        chosen = [model_facts(model, models_dir=models_dir)]
    verdicts = [verify_model(facts) for facts in chosen]
    if as_json:
        say(json.dumps([asdict(verdict) for verdict in verdicts]))
    else:
        for verdict in verdicts:
            say(f"{verdict.id}: {verdict.finding}")
        if not verdicts:
            say("No weights are on this disk.")
    if wrong := [verdict.id for verdict in verdicts if verdict.ok is False]:
        raise CheckFailedError(
            f"The weights of {', '.join(wrong)} are not right.",
            hint=f"Run 'lucidsonic models remove {wrong[0]}', then download again.",
        )


@app.command()
def remove(
    model: Id,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before deleting a model of your own."),
    ] = False,
    pin: Annotated[
        bool, typer.Option("--pin", help="Also forget the checksum of the first download.")
    ] = False,
    models_dir: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Delete downloaded weights, or a model that you added."""
    from lucidsonic.zoo.shelf import is_own, model_facts, remove_model

    facts = model_facts(model, models_dir=models_dir)
    if is_own(facts) and not yes:
        if not sys.stdin.isatty():
            raise ConfigError(
                f"'{model}' is a model of your own.", hint="Add --yes to delete it."
            )
        typer.confirm(f"Delete {facts.folder}?", abort=True)
    freed = remove_model(facts, pin=pin)
    told = {"id": model, "freed": freed}
    if as_json:
        say(json.dumps(told))
    else:
        say(f"Freed {freed / 1e6:,.1f} MB" if freed else f"Nothing of '{model}' was here.")


@app.command()
def path(model: Id, models_dir: Folder = None) -> None:
    """Print where the weights of a model are."""
    from lucidsonic.zoo.shelf import model_facts, weights_path

    say(weights_path(model_facts(model, models_dir=models_dir)))


@app.command()
def add(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A .pkl, .safetensors, run folder or address.")
    ],
    model: Annotated[str, typer.Option("--id", help="What to call it from now on.")],
    license: Annotated[str, typer.Option(help="Licence of the weights.")] = "unknown",  # noqa: A002
    title: Annotated[str | None, typer.Option(help="A title for people.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
) -> None:
    """Convert a network and keep it, with a card and a sample, as a model of your own."""
    from lucidsonic.pipeline.adding import add_model

    with telling(progress, quiet=quiet) as listener:
        folder = add_model(
            source,
            model,
            licence=license,
            title=title,
            overwrite=overwrite,
            on_progress=listener,
        )
    if as_json:
        say(json.dumps({"id": model, "folder": str(folder)}))
    elif not quiet:
        say(f"Added {model} in {folder}; use it with --style {model}")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN.pkl")],
    target: Annotated[Path, typer.Argument(metavar="OUT.safetensors")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
) -> None:
    """Turn a network pickle into safetensors. Nothing of the pickle is run."""
    from lucidsonic.pipeline.adding import convert_file

    with telling(progress, quiet=quiet) as listener:
        weights = convert_file(source, target, overwrite=overwrite, on_progress=listener)
    if as_json:
        told = {"file": str(target), "family": weights.family, "options": dict(weights.options)}
        say(json.dumps(told))
    elif not quiet:
        say(f"Wrote {target}: a {weights.family} network")


@app.command()
def inspect(
    source: Annotated[Path, typer.Argument(metavar="FILE.pkl")],
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a pickle holds. Runs nothing of it."""
    from lucidsonic.zoo import inspect_pickle

    report = inspect_pickle(source)
    if as_json:
        say(json.dumps(asdict(report), default=str, indent=2))
        return
    show_report(report, tensors=tensors)


def show_report(report: "PickleReport", *, tensors: bool) -> None:
    """A pickle's content for people."""
    say(f"{report.path}: {report.size:,} bytes")
    for network in report.networks:
        say(f"\n{network.key}: {network.class_path}, {network.parameters:,} numbers")
        for name, value in network.arguments.items():
            say(f"    {name} = {one_line(value)}")
        if network.source_bytes:
            digest = network.source_sha256[:12]
            say(f"    carries {network.source_bytes:,} bytes of source ({digest}), never run")
        for tensor in network.tensors if tensors else ():
            say(f"    {tensor.name:60} {tensor.dtype:9} {list(tensor.shape)}")
    if report.others:
        say("\nalso:")
        for name, kind in report.others.items():
            say(f"    {name}: {kind}")
    say("\nclasses and functions it names:")
    for name in report.globals:
        say(f"    {name}")


def in_words(facts: "ModelFacts") -> dict[str, Any]:
    """A model as JSON."""
    card = facts.card
    return {
        "id": card.id,
        "title": card.title,
        "family": card.family,
        "license": card.license,
        "resolution": card.resolution,
        "classes": list(card.classes),
        "state": facts.state,
        "address": facts.address,
        "file": str(facts.file) if facts.file else "",
        "size": facts.size,
        "sha256": facts.sha256,
        "card": str(facts.folder / "model.toml"),
        "scores": card.scores,
    }


def size_in_words(facts: "ModelFacts") -> str:
    """How large the weights are."""
    return f"{facts.size / 1e6:,.1f} MB" if facts.size else "unknown size"


def sentence(facts: "ModelFacts") -> str:
    """Where a model's weights are, or would come from."""
    size = size_in_words(facts)
    where = f"is in {facts.file}" if facts.file else f"would come from {facts.address}"
    if facts.state == "built in":
        return f"{facts.card.id} needs no weights"
    return f"{facts.card.id} ({size}; licence: {facts.card.license}) {where}"


def show_table(head: list[str], rows: list[list[str]]) -> None:
    """A table on a terminal; tabs between the columns elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, box=None, header_style="bold")
    for row in rows:
        table.add_row(*map(plain, row))
    Console().print(table, markup=False)  # a title may hold [brackets]


def one_line(value: Any) -> str:
    """A value, cut where it gets long."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def register(main: typer.Typer) -> None:
    """Add these commands."""
    app.command("export")(export)
    main.add_typer(app, name="models")
