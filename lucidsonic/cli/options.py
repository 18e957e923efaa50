"""Flags that several commands share, as tables, and the settings that they stand for."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer


@dataclass(frozen=True, slots=True)
class Flag:
    """One setting of the plan as a flag.

    Attributes:
        name: the setting's flat name; the flag is the same with dashes.
        kind: the type that the parser makes.
        help: one line.
        short: more spellings.
    """

    name: str
    kind: Any
    help: str
    short: tuple[str, ...] = ()

    def parameter(self, panel: str) -> inspect.Parameter:
        """The flag as typer reads it: absent unless the person gives it."""
        spelling = f"--{self.name.replace('_', '-')}"
        both = f"{spelling}/--no-{spelling[2:]}" if self.kind is bool else spelling
        option = typer.Option(*self.short, both, help=self.help, rich_help_panel=panel)
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, option],
        )


SONG = (
    Flag("start", str, "Begin here in the song: 83, 1:23 or 1:02:03.", ("--from",)),
    Flag("end", str, "End here in the song.", ("--to",)),
    Flag("duration", str, "How long, instead of --to."),
    Flag("stems", Path, "Folder with drums, bass, vocals and other, one file each."),
    Flag("pulse_audio", Path, "What the pulse listens to."),
    Flag("motion_audio", Path, "What the motion listens to."),
    Flag("class_audio", Path, "What the classes listen to."),
    Flag("effect_audio", Path, "What the effects listen to."),
    Flag("output_audio", Path, "What is heard in the film, for example the master."),
    Flag("va_csv", Path, "Valence and arousal of your own: time,valence,arousal."),
    Flag("va_loudness", str, "absolute, half or relative: relative suits unmastered files."),
)
MODEL = (
    Flag(
        "style", str, "Model id, file, hf:// or https:// address, or module:function.", ("-s",)
    ),
    Flag("seed", int, "Same seed, same song: same film."),
    Flag("device", str, "auto, cpu, cuda, cuda:1 or mps."),
    Flag("precision", str, "auto, fp32, bf16 or fp16."),
    Flag("batch_size", str, "Frames at once; auto finds the fastest that fits."),
    Flag("aspect", float, "Width over height that a StyleGAN or R3GAN paints, 0.25 to 4."),
    Flag("palette", int, "Pixel art: colours of the whole film."),
    Flag("pixel_size", int, "Pixel art: film pixels of an art pixel."),
    Flag("dither", float, "Pixel art: how strongly colours are mixed by a pattern."),
)
FILM = (
    Flag("fps", str, "Frames a second, exactly: 24, 30, 23.976, 30000/1001."),
    Flag("size", str, "Width and height, both even: 1920x1080."),
    Flag("fit", str, "cover, contain, stretch or tile."),
    Flag("paint", str, "Share of the width that is painted before it is enlarged, or auto."),
    Flag("resample", str, "lanczos, bicubic, area or nearest."),
    Flag("hold_fps", float, "Hold pictures at this rate, for the look of animation."),
    Flag("codec", str, "h264, hevc, av1, vp9, prores or gif."),
    Flag("crf", int, "Quality of the encoder; smaller is better and larger."),
    Flag("flash_guard", str, "damp, warn or off: risk reduction for flashing pictures."),
    Flag("title", str, "Show this title at the beginning."),
    Flag("lyrics", Path, "Show the lines of this .lrc file."),
    Flag("scope", bool, "Draw beside the picture which curve drove what."),
    Flag("formats", str, "More films of the same plan: 16:9,9:16,1:1,loop8s,cover."),
    Flag("save_frames", Path, "Also write every frame as PNG into this folder."),
)
REACTION = (
    Flag("intensity", str, "subtle, normal or club."),
    Flag("speed_fpm", float, "Keyframes a minute that the picture drifts through."),
    Flag("pulse_react", float, "How hard the picture pulses with the beat."),
    Flag("pulse_percussive", bool, "Pulse with the percussion."),
    Flag("pulse_harmonic", bool, "Pulse with the harmony."),
    Flag("offset_ms", float, "Move every reaction later, or earlier below 0."),
    Flag("motion_react", float, "How much faster the picture moves when the music does."),
    Flag("motion_percussive", bool, "Move with the percussion."),
    Flag("motion_harmonic", bool, "Move with the harmony."),
    Flag("motion_randomness", float, "How freely the motion wanders, 0 to 1."),
    Flag("truncation", float, "How far from the mean picture; lower is tamer."),
    Flag("classes", str, "Classes by number, separated by commas."),
    Flag("dominant_classes_first", bool, "Give the first classes to the commonest pitches."),
    Flag("class_pitch_react", float, "How clearly pitches choose classes."),
    Flag("class_smooth_seconds", float, "How slowly classes change."),
    Flag("class_complexity", float, "How many classes show at once, 0 to 1."),
    Flag(
        "class_shuffle_seconds", str, "Give classes new pitches this often, or at these times."
    ),
    Flag("class_shuffle_strength", float, "How many classes a shuffle touches, 0 to 1."),
    Flag(
        "contrast_strength", float, "How much hits raise the contrast, 0 to 1; 0: not at all."
    ),
    Flag("flash_strength", float, "How brightly kicks flash, 0 to 1; 0: not at all."),
    Flag("latents", str, "Seeds of the keyframes, separated by commas."),
    Flag("latents_file", Path, "Keyframes from an .npz file with z or w."),
    Flag("loop", bool, "Let the last frame lead into the first."),
    Flag("va_gain", float, "Exaggerate valence and arousal."),
)
PANELS = (("Song", SONG), ("Style", MODEL), ("Reaction", REACTION), ("Film", FILM))
FLAGS = {flag.name: flag for _, flags in PANELS for flag in flags}


def with_flags(
    *panels: tuple[str, Sequence[Flag]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, beside its own parameters, a flag for each row of the tables.

    The command receives those that the person gave in `**settings`.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            p
            for p in inspect.signature(command).parameters.values()
            if p.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        names = {p.name for p in own}
        flags = [flag.parameter(panel) for panel, rows in panels for flag in rows]

        def run(**values: Any) -> None:
            given = {k: v for k, v in values.items() if k in names}
            settings = {k: v for k, v in values.items() if k not in names and v is not None}
            command(**given, **settings)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + flags
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate
