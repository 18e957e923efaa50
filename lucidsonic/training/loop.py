"""The loop that trains every family: counting, saving, resuming, logs, sheets, watching."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lucidsonic.errors import (
    DataError,
    InterruptedRenderError,
    TrainingError,
)
from lucidsonic.training.checkpoint import (
    FORMAT,
    copy_whole,
    prune,
    read_checkpoint,
    write_whole,
)
from lucidsonic.training.family import Family, Metrics, Samples
from lucidsonic.training.journal import Averages, draw_curves, open_sink, write_picture
from lucidsonic.training.model_file import write_model
from lucidsonic.training.monitors import ImageMonitors
from lucidsonic.training.order import Batches, first_items, seed_chance
from lucidsonic.training.ranks import Ranks, choose_device, joined_ranks
from lucidsonic.training.run import Clock, RunConfig, RunFolder
from lucidsonic.training.update import Updater
from lucidsonic.types import OnProgress, Progress, ignore_progress

__all__ = ["choose_device", "train"]

BAD_STEPS = 3  # in a row before a reload
RELOADS = 3  # before giving up
REAL_PICTURES = 512  # measured once for the monitors
FEWEST = 2  # examples; one has neither a spread nor a neighbour
BUILD, STEP, EVALUATE, SAMPLE = range(4)  # purposes that chance is seeded for


def train(
    family: Family[Any, Any], config: RunConfig, *, on_progress: OnProgress = ignore_progress
) -> Path:
    """Train to the end of `config`, going on from the last checkpoint in its run folder.

    The same call starts a run and resumes it, and on a CPU a resumed run ends with the very
    weights of an unbroken one: data order and chance are functions of (seed, step).

    Args:
        family: what is trained.
        config: the family's own settings.
        on_progress: told after every step; its facts are the last log line, its note an event.

    Returns:
        The run folder.

    Raises:
        InterruptedRenderError: SIGINT or SIGTERM came; everything is saved.
        TrainingError: numbers stayed bad after three reloads, or the folder is another run's.
        DataError: the training set is empty.
        MemoryExhaustedError: not even one example fits.
    """
    with joined_ranks() as ranks, _listening_for_signals() as interruption:
        run = _Run(family, config, ranks, on_progress)
        run.restore()
        run.go_on(interruption)
    return config.out


@dataclass(slots=True)
class _Interruption:
    came: bool = False

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        self.came = True


@contextmanager
def _listening_for_signals() -> Iterator[_Interruption]:
    interruption = _Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    old = {s: signal.signal(s, interruption.note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


class _Run:
    """One run's life: its state, its position, and what it has told."""

    def __init__(
        self, family: Family[Any, Any], config: RunConfig, ranks: Ranks, on_progress: OnProgress
    ) -> None:
        self.family, self.config, self.ranks = family, config, ranks
        self.on_progress = on_progress
        self.device = choose_device(config.device)
        self.updater = Updater(
            self.device, amp=config.amp, parts=config.accumulate, ranks=ranks
        )
        self.dataset = family.dataset(config)
        examples = len(self.dataset)  # pyright: ignore[reportArgumentType]
        if examples < FEWEST:
            raise DataError(f"{examples} example is too few to train on.")
        self.batches = Batches(self.dataset, config, ranks)
        steps = config.epochs * self.batches.steps_per_epoch
        self.total = min(steps, config.max_steps) if config.max_steps else steps
        seed_chance(config.seed, BUILD)
        self.state = family.build(config, self.device)
        self.step = 0
        self.bad_streak = 0
        self.reloads = 0
        self.is_stopped = False
        self.best: dict[str, Any] = {}
        self.averages = Averages()
        self.last_log = (time.perf_counter(), 0)
        self.facts: dict[str, float] = {}
        self.monitors = self._measure_reals()
        self.folder = RunFolder(config.out, writes=ranks.is_first)
        self.sink = open_sink(config.log if ranks.is_first else "jsonl", config.out)

    def _measure_reals(self) -> ImageMonitors | None:
        if self.config.monitor == "off":
            return None
        batch = first_items(self.dataset, REAL_PICTURES, seed=self.config.seed)
        pictures = self.family.pictures(batch)
        return None if pictures is None else ImageMonitors.of(pictures)

    @property
    def clock(self) -> Clock:
        return Clock.at(
            self.step,
            steps_per_epoch=self.batches.steps_per_epoch,
            batch_size=self.config.batch_size,
        )

    # --- going on -----------------------------------------------------------------------

    def go_on(self, interruption: _Interruption) -> None:
        while self.step < self.total:
            for batch in self.batches.rest_of_epoch(self.step):
                is_reloaded = self._do_step(_to_device(batch, self.device))
                if self.ranks.any(interruption.came):
                    self._stop_early()
                if is_reloaded or self.step >= self.total:
                    break
        self._finish()

    def _do_step(self, batch: Any) -> bool:
        """One step and what follows it; True when an older checkpoint was loaded instead."""
        clock = self.clock
        seed_chance(self.config.seed, STEP, self.step, self.ranks.rank)
        self.updater.bad, parts = 0, self.updater.parts
        metrics = self.family.step(self.state, batch, clock, self.updater)
        if self.updater.parts != parts:
            self._tell(
                "out_of_memory", f"Memory ran out: batches go in {self.updater.parts} parts."
            )
        if self.updater.bad and self._note_bad_step(clock):
            return True
        self.bad_streak = self.bad_streak if self.updater.bad else 0
        self.step += 1
        self._log(clock, metrics)
        if clock.ends_epoch:
            self._end_epoch(clock)
        return False

    def _note_bad_step(self, clock: Clock) -> bool:
        self.bad_streak += 1
        self._tell("nan_skip", f"Step {clock.step} skipped: its numbers are not finite.")
        if self.bad_streak < BAD_STEPS:
            return False
        if self.reloads >= RELOADS:
            raise TrainingError(
                f"Numbers are not finite after {RELOADS} reloads, at step {clock.step}.",
                hint="Lower the learning rates, or train without --amp.",
            )
        reloads, lr_scale = self.reloads + 1, self.updater.lr_scale * 0.5
        self._load(self.folder.checkpoints / "latest.pt")
        self.reloads, self.updater.lr_scale, self.bad_streak = reloads, lr_scale, 0
        self.last_log = (time.perf_counter(), self.clock.images)
        self._tell("reload", f"Back to step {self.step}, learning rates x {lr_scale:g}.")
        return True

    def _stop_early(self) -> None:
        self.save("latest.pt", "interrupted.pt")
        self._write_model()
        self.folder.log_event("interrupted", step=self.step)
        raise InterruptedRenderError(
            f"Stopped at step {self.step} of {self.total}; everything is saved.",
            hint="The same command goes on from here.",
        )

    def _end_epoch(self, clock: Clock) -> None:
        epoch = clock.epoch
        seed_chance(self.config.seed, EVALUATE, self.step)
        figures = dict(self.family.evaluate(self.state, clock, self.updater))
        if self.ranks.any("stop" in figures):
            self._stop_for_good()
        last = self.step >= self.total
        if figures:
            self.folder.log_metrics({"step": self.step, "epoch": epoch, **_to_floats(figures)})
        if "score" in figures:
            self._keep_best(self.ranks.decide(float(figures["score"])))
        if epoch % self.config.sample_every == 0:
            self._sample(clock, is_watched=True)
        if epoch % self.config.save_every == 0 and not last:
            self.save("latest.pt", f"epoch_{epoch:04d}.pt")

    def _stop_for_good(self) -> None:
        """The family says that more training would not help: this step is the last."""
        self.total, self.is_stopped = self.step, True
        self._tell("early_stop", f"Stopped at step {self.step}: the score does not get better.")

    def _keep_best(self, score: float) -> None:
        if score < self.best.get("value", float("inf")):
            self.best = {"metric": "score", "value": score, "step": self.step}
            self.save("best.pt")
            self._write_aliases("best")

    def _finish(self) -> None:
        clock = Clock.at(
            max(0, self.step - 1),
            steps_per_epoch=self.batches.steps_per_epoch,
            batch_size=self.config.batch_size,
        )
        self._sample(clock)
        self.save("latest.pt")
        self._write_aliases("final")
        if self.step < self.batches.steps_per_epoch:  # never judged: the best there is
            self._write_aliases("best")
        self._write_model()
        self.folder.log_event("finished", step=self.step, epoch=clock.epoch)

    # --- telling ------------------------------------------------------------------------

    def _log(self, clock: Clock, metrics: Metrics) -> None:
        self.averages.add(metrics)
        if self.step % self.config.log_every == 0 or self.step >= self.total:
            now, (then, since) = time.perf_counter(), self.last_log
            rate = (clock.images + self.config.batch_size - since) / max(now - then, 1e-9)
            self.last_log = (now, clock.images + self.config.batch_size)
            self.facts = {**self.averages.take(), "images_per_s": rate}
            place = {"step": self.step, "epoch": clock.epoch, "wall_s": time.time()}
            self.folder.log_metrics({**place, **self.facts})
            if self.ranks.is_first:
                self.sink.write(self.step, self.facts)
        self._report()

    def _report(self, note: str = "") -> None:
        if self.ranks.is_first:
            self.on_progress(
                Progress("train", self.step, self.total, "steps", note, self.facts)
            )

    def _tell(self, kind: str, note: str, **facts: Any) -> None:
        self.folder.log_event(kind, step=self.step, note=note, **facts)
        self._report(note)

    def _sample(self, clock: Clock, *, is_watched: bool = False) -> None:
        if not self.ranks.is_first:
            return
        seed_chance(self.config.seed, SAMPLE)
        with torch.no_grad():
            samples = self.family.sample(self.state)
        for name, sheet in samples.sheets.items():
            suffix = "" if name == "samples" else f"_{name}"
            write_picture(sheet, self.folder.samples / f"epoch_{clock.epoch:04d}{suffix}.png")
        if self.config.monitor != "off" and is_watched:
            self._watch(samples, clock)
        metrics = self.folder.path / "metrics.jsonl"
        if self.family.panels and metrics.exists():
            draw_curves(metrics, self.family.panels, self.folder.path / "training_curves.png")

    def _watch(self, samples: Samples, clock: Clock) -> None:
        firings = self.family.watch(self.state, samples, clock)
        if self.monitors is not None and samples.images is not None:
            firings = [*self.monitors.watch(samples.images), *firings]
        for firing in firings:
            note = f"{firing.name}: {firing.advice or 'out of bounds'} ({firing.value:.3g})"
            facts = {"monitor": firing.name, "level": firing.level, "limit": firing.limit}
            self._tell("monitor", note, value=firing.value, **facts)
        if self.config.monitor == "act" and firings:
            done = self.family.react(self.state, firings, clock)
            if done:
                self._tell("intervention", done)

    # --- saving -------------------------------------------------------------------------

    def save(self, name: str, *copies: str) -> None:
        if not self.ranks.is_first:
            return
        write_whole(self._content(), self.folder.checkpoints / name)
        for copy in copies:
            copy_whole(self.folder.checkpoints / name, self.folder.checkpoints / copy)
        prune(self.folder.checkpoints, "epoch_*.pt", keep=self.config.keep_n)

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "family": self.family.name,
            "step": self.step,
            "epoch": self.clock.epoch,
            "config": json.loads(self.config.model_dump_json()),
            "state": self.state.state_dict(),
            "scaler": self.updater.scaler.state_dict(),
            "lr_scale": self.updater.lr_scale,
            "parts": self.updater.parts,
            "reloads": self.reloads,
            "stopped": self.is_stopped,
            # Chance is a function of these two, so they are the whole state of all generators.
            "rng": {"seed": self.config.seed, "step": self.step},
            "monitor_state": self.monitors.state_dict() if self.monitors else {},
            "best": self.best,
        }

    def _write_aliases(self, moment: str) -> None:
        if self.ranks.is_first:
            for name, weights in self.family.aliases(self.state, moment).items():
                write_whole(weights, self.folder.checkpoints / name)

    def _write_model(self) -> None:
        if self.ranks.is_first:
            self._report("Writing the model; with many pictures this takes minutes.")
            write_model(self.family.export(self.config.out), self.config.out)

    def restore(self) -> None:
        """Go to the checkpoint that `resume` means; a fresh run saves its start instead."""
        latest = self.folder.checkpoints / "latest.pt"
        chosen = latest if self.config.resume in {"auto", "never"} else Path(self.config.resume)
        is_fresh = self.config.resume == "never" or (chosen == latest and not latest.exists())
        if is_fresh:
            self._begin(latest)
        else:
            self._load(chosen)
            self.folder.log_event("resumed", step=self.step)
            if chosen != latest:  # from now on this is where a reload or a resume goes
                self.save("latest.pt")
        if is_fresh or self.step < self.total:  # else these settings train nothing
            self.folder.write_config(self.family.name, self.config)
        for note in self.family.notes(self.state):
            self._tell("note", note)
        self.last_log = (time.perf_counter(), self.clock.images)

    def _begin(self, latest: Path) -> None:
        if latest.exists():
            raise TrainingError(
                f"{self.config.out} already holds a run.",
                hint="Choose another --out, or leave --resume away to go on with it.",
            )
        self.folder.log_event("started", steps=self.total, device=str(self.device))
        self.save("latest.pt")

    def _load(self, path: Path) -> None:
        saved = read_checkpoint(path, family=self.family.name, device=self.device)
        try:
            self.state.load_state_dict(saved["state"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise TrainingError(
                f"{path} does not fit these settings: {error}",
                hint="Its own settings lie in config.json; choose another --out for new ones.",
            ) from error
        self.updater.scaler.load_state_dict(saved["scaler"])
        self.step, self.best = saved["step"], saved["best"]
        self.updater.lr_scale, self.updater.parts = saved["lr_scale"], saved["parts"]
        self.reloads = saved["reloads"]
        self.is_stopped = saved.get("stopped", False)
        self.total = self.step if self.is_stopped else self.total
        if self.monitors and saved["monitor_state"]:
            self.monitors.load_state_dict(saved["monitor_state"])


def _to_floats(figures: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items()}


def _to_device(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: _to_device(value, device) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return tuple(_to_device(value, device) for value in batch)
    return batch
