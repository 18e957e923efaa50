"""`lucidsonic data ...`: pictures with valence and arousal to train on, and sprites."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling

if TYPE_CHECKING:
    from lucidsonic.training.make_data import Coverage

app = typer.Typer(no_args_is_help=True, help="Make and label training data.")

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for pictures and labels.csv.")]
Size = Annotated[int, typer.Option(min=16, max=1024, help="Side of a picture, pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same pictures.")]
How = Annotated[Telling, typer.Option("--progress", help="How to tell.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors.")]


def register(root: typer.Typer) -> None:
    """Add the group to the program."""
    root.add_typer(app, name="data")


@app.command()
def landscapes(
    out: Out = Path("data/landscapes"),
    count: Annotated[int, typer.Option(min=1, help="How many to add.")] = 12_000,
    size: Size = 128,
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that paint.")] = 1,
    progress: How = Telling.AUTO,
    quiet: Quiet = False,
) -> None:
    """Paint landscapes whose valence and arousal are known."""
    from lucidsonic.training.make_data import paint_landscapes

    with telling(progress, quiet=quiet) as listener:
        made = paint_landscapes(
            out, count=count, size=size, seed=seed, workers=workers, on_progress=listener
        )
    say_coverage(made, quiet=quiet)


@app.command()
def crops(
    photographs: Annotated[Path, typer.Argument(help="Folder, searched through.")],
    out: Out = Path("data/photos"),
    size: Size = 128,
    per_photo: Annotated[int, typer.Option(min=1, help="Crops of each photograph.")] = 60,
    grade: Annotated[
        float, typer.Option(min=0, max=1, help="Share that is graded towards empty cells.")
    ] = 0.5,
    names: Annotated[
        Path | None, typer.Option(help="Text file with the names to take.", exists=True)
    ] = None,
    seed: Seed = 0,
    progress: How = Telling.AUTO,
    quiet: Quiet = False,
) -> None:
    """Cut photographs into squares, labelled by their colours."""
    from lucidsonic.training.make_data import Crops, crop_photographs

    wanted = Crops(per_photo=per_photo, size=size, grade_share=grade, seed=seed)
    with telling(progress, quiet=quiet) as listener:
        made = crop_photographs(photographs, out, wanted, names=names, on_progress=listener)
    say_coverage(made, quiet=quiet)


@app.command()
def label(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures without labels.")],
    progress: How = Telling.AUTO,
    quiet: Quiet = False,
) -> None:
    """Estimate valence and arousal from colour (Valdez & Mehrabian 1994) into labels.csv."""
    from lucidsonic.training.make_data import label_folder

    with telling(progress, quiet=quiet) as listener:
        made = label_folder(folder, on_progress=listener)
    say_coverage(made, quiet=quiet)


@app.command("pixel-pack")
def pixel_pack(
    folder: Annotated[Path, typer.Argument(help="Folder of PNG sprites, any depth.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pack.")] = Path(
        "data/pixels"
    ),
    size: Annotated[int, typer.Option(min=8, help="Side of a sprite, pixels.")] = 32,
    background: Annotated[str, typer.Option("--bg", help="Colour under holes.")] = "#000000",
    alpha: Annotated[bool, typer.Option(help="Keep transparency.")] = False,
) -> None:
    """Pack PNG sprites for `train pixel-vae`."""
    from lucidsonic.training.pixel_vae.pack import pack_sprites

    packed = pack_sprites(folder, out, size=size, background=background, alpha=alpha)
    kinds = ", ".join(f"{count} {name or 'loose'}" for name, count in packed.categories.items())
    say(f"{packed.count} sprites in {out}: {kinds}.")
    for path, reason in packed.rejected:
        say(f"refused {path}: {reason}", err=True)


def say_coverage(made: "Coverage", *, quiet: bool) -> None:
    """How many there are in each corner of the plane."""
    if quiet:
        return
    how = "estimated from colour" if made.estimated else "known"
    say(f"{made.count} pictures in {made.folder}; labels are {how}.")
    say("tense at the top, happy on the right:")
    for row in made.cells:
        say(" ".join(f"{count:6d}" for count in row))
