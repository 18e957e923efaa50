"""A plain address -> a file. Goes on where it was cut; never glues two versions together."""

import http.client
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lucidsonic.errors import WeightsError

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0
PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # between attempts; an attempt that brings bytes starts anew
ROOM = 1.5  # the converted copy needs room as well
RESERVED = (
    "/%:@!$&'()*+,;=?"  # what a path or a query may hold as it is, and quotes already there
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

OnBytes = Callable[[int, int], None]  # bytes here, bytes in all (0: unknown)

# status -> what it means, what to do
STATUS = {
    401: ("wants to know who you are", "Set HF_TOKEN, or download it in a browser."),
    403: (
        "does not let you have it",
        "Its terms may have to be accepted on its web page first.",
    ),
    404: ("has no such file", "Check the address; the file may have been moved."),
    410: ("has no such file any more", "Look for where it was moved."),
    416: ("has another file there now", "Run the same command again."),
    429: ("gets too many requests", "Wait some minutes, then run the same command again."),
}
LATER = "Try again later; what is here already is kept."
AGAIN = "Run the same command again: it goes on where it stopped."


def download(url: str, target: Path, *, on_bytes: OnBytes) -> None:
    """Fetch a file; `target` appears whole or not at all.

    Args:
        url: https, or http on this machine.
        target: where; the part that is here already lies beside it as `.partial`.
        on_bytes: told how much is here.

    Raises:
        WeightsError: no https address, the server refuses, cannot be reached, or the disk is
            too small.
    """
    parts = split_address(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise WeightsError(
            f"'{url}' is not an https address.", hint="Weights are only fetched over https."
        )
    url = parts.geturl()
    partial = Partial.beside(target)
    pauses = iter(PAUSES_S)
    while True:
        before = partial.size
        try:
            _attempt(url, partial, on_bytes)
        except _CUT as error:
            if partial.size > before:
                pauses = iter(PAUSES_S)
            _wait(pauses, url, error)
        except OSError as error:  # the disk's, not the connection's
            raise WeightsError(
                f"Cannot write '{partial.path}': {(error.strerror or str(error)).lower()}."
            ) from error
        else:
            break
    partial.path.replace(target)
    partial.note.unlink(missing_ok=True)


def split_address(url: str) -> SplitResult:
    """An address in its parts, with everything quoted that no request may hold.

    Raises:
        WeightsError: no address that a server could have.
    """
    wrong = WeightsError(f"'{url}' is not a web address.", hint="Check its spelling.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError as error:
        raise wrong from error
    if port == 0 or re.search(rb"[\x00-\x20\x7f]", host):
        raise wrong
    return parts._replace(path=_quoted(parts.path), query=_quoted(parts.query), fragment="")


def _quoted(text: str) -> str:
    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return quote(text, safe=RESERVED, errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class Partial:
    """The part of a file that is here, and which version of the file it belongs to."""

    path: Path
    note: Path

    @classmethod
    def beside(cls, target: Path) -> "Partial":
        """The partial file of a target."""
        target.parent.mkdir(parents=True, exist_ok=True)
        return cls(
            target.with_name(f"{target.name}.partial"),
            target.with_name(f"{target.name}.version"),
        )

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> str:
        """The server's mark of the version that the part belongs to; "" when it gave none."""
        return self.note.read_text(encoding="utf-8") if self.note.exists() else ""


_CUT = (URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def _attempt(url: str, partial: Partial, on_bytes: OnBytes) -> None:
    headers = {"User-Agent": "lucidsonic", "Accept-Encoding": "identity"}
    if partial.size and partial.version:
        headers |= {"Range": f"bytes={partial.size}-", "If-Range": partial.version}
    try:
        answer = build_opener(_NoDowngrade).open(
            Request(url, headers=headers), timeout=TIMEOUT_S
        )
    except HTTPError as error:
        with error:
            if error.code == 416:
                partial.path.unlink(missing_ok=True)
                partial.note.unlink(missing_ok=True)
            raise refused(urlsplit(url).hostname or url, error.code) from error
    with answer:
        start = partial.size if answer.status == 206 else 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = start + length if length else 0
        check_room(partial.path.parent, length)
        partial.note.write_text(_version(answer.headers), encoding="utf-8")
        _receive(answer, partial, start, total, on_bytes)


def _receive(answer: Any, partial: Partial, start: int, total: int, on_bytes: OnBytes) -> None:
    here = start
    with partial.path.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        on_bytes(here, total)
        while chunk := answer.read1(CHUNK_BYTES):
            file.write(chunk)
            here += len(chunk)
            on_bytes(here, total)
    if total and here != total:
        raise http.client.IncompleteRead(b"", total - here)


def _version(headers: Any) -> str:
    """A mark fit for If-Range: a strong ETag, else the date of the last change."""
    etag = headers.get("ETag") or ""
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified") or ""


def _wait(pauses: Any, url: str, error: Exception) -> None:
    pause = next(pauses, None)
    if pause is None:
        host = urlsplit(url).hostname
        raise WeightsError(
            f"The connection to {host} failed or broke off.", hint=AGAIN
        ) from error
    time.sleep(pause)


def refused(who: str, status: int) -> WeightsError:
    """The error for an answer that is not a file."""
    meaning, hint = STATUS.get(status, ("has trouble", LATER))
    return WeightsError(f"{who} {meaning} (HTTP {status}).", hint=hint)


def check_room(folder: Path, size: int) -> None:
    """Make sure that a file of this size and its converted copy fit the disk.

    Raises:
        WeightsError: they do not.
    """
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if size * ROOM > free:
        raise WeightsError(
            f"The weights need {size * ROOM / 1e6:,.0f} MB; '{place}' has {free / 1e6:,.0f}.",
            hint="Make room, or set XDG_CACHE_HOME or HF_HOME to a folder on a larger disk.",
        )


class _NoDowngrade(HTTPRedirectHandler):
    """Follows redirects, but never from https to something else."""

    def redirect_request(self, req: Request, *args: Any, **named: Any) -> Request | None:
        new = super().redirect_request(req, *args, **named)
        if new is not None and req.type == "https" and new.type != "https":
            raise WeightsError(f"{req.host} redirects to an address that is not https.")
        return new
