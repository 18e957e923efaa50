"""`lucidsonic doctor`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lucidsonic.cli.say import say


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    trial: Annotated[bool, typer.Option(help="Also render two seconds.")] = True,
) -> None:
    """Look at this machine: python, torch, device, ffmpeg, encoders, disk, models."""
    from lucidsonic.errors import CheckFailedError
    from lucidsonic.pipeline.doctor import examine

    findings = examine(trial=trial)
    well = all(finding.ok for finding in findings)
    if as_json:
        told = {"ok": well, "findings": [asdict(finding) for finding in findings]}
        say(json.dumps(told, indent=2))
    else:
        for finding in findings:
            mark = "ok  " if finding.ok else "FAIL"
            say(f"{mark} {finding.name:22} {finding.fact}")
            if finding.hint and not finding.ok:
                say(f"     {'':22} {finding.hint}")
    if not well:
        raise CheckFailedError(
            "Something here does not work yet.", hint="See the lines marked FAIL."
        )


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)
