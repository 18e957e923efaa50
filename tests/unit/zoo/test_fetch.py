import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, digest, serving

from lucidsonic.errors import WeightsError
from lucidsonic.types import Progress
from lucidsonic.zoo import download
from lucidsonic.zoo.card import HubWeights, UrlWeights
from lucidsonic.zoo.fetch import discard, downloaded, fetch, key_of
from lucidsonic.zoo.pins import Pin, forget_pin, keep_pin, pin_path, read_pin

REPO, FILE = "someone/faces", "network-snapshot-final.pkl"
OLD, NEW = "a" * 40, "b" * 40
RAW = bytes(range(256)) * 2000  # 512 kB
ON_HUB = HubWeights(source="hub", repo=REPO, file=FILE)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub that the real client talks to, and short pauses between attempts."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(download, "PAUSES_S", (0.01, 0.01))
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _seconds: None)
    with serving() as server:
        server.repos[REPO] = {OLD: {FILE: RAW, "README.md": b"hello"}}
        server.files["/faces.pkl"] = RAW
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def at_url(hub: Hub, path: str = "/faces.pkl", sha256: str | None = None) -> UrlWeights:
    return UrlWeights(source="url", url=hub.url + path, sha256=sha256)


def notes(said: list[Progress]) -> str:
    return " | ".join(progress.note for progress in said if progress.note)


# from the hub


def test_weights_of_the_hub_arrive_whole_and_are_pinned(hub: Hub) -> None:
    said: list[Progress] = []
    fetched = fetch(ON_HUB, key="faces", label="Faces", on_progress=said.append)
    assert fetched.path.read_bytes() == RAW
    assert fetched.sha256 == digest(RAW)
    pin = read_pin("faces")
    assert pin is not None
    assert (pin.revision, pin.sha256, pin.file) == (OLD, digest(RAW), FILE)
    assert "Downloading Faces: 0.5 MB from hf://someone/faces" in notes(said)
    assert "pinned" in notes(said)
    assert said[-1].done == len(RAW)


def test_the_second_time_the_network_is_not_asked(hub: Hub) -> None:
    fetch(ON_HUB, key="faces")
    hub.seen.clear()
    said: list[Progress] = []
    assert fetch(ON_HUB, key="faces", on_progress=said.append).path.read_bytes() == RAW
    assert hub.seen == []
    assert said == []


def test_a_newer_version_on_the_hub_does_not_replace_the_pinned_one(hub: Hub) -> None:
    fetch(ON_HUB, key="faces")
    hub.repos[REPO][NEW] = {FILE: b"other"}
    discard(ON_HUB, key="faces")
    assert fetch(ON_HUB, key="faces").path.read_bytes() == RAW


def test_bytes_changed_under_the_pinned_revision_are_refused_and_not_kept(hub: Hub) -> None:
    fetch(ON_HUB, key="faces")
    discard(ON_HUB, key="faces")
    hub.repos[REPO][OLD] = {FILE: RAW[::-1]}
    with pytest.raises(WeightsError, match="not those that were pinned"):
        fetch(ON_HUB, key="faces")
    assert downloaded(ON_HUB, key="faces") is None


def test_a_wrong_checksum_in_the_card_is_refused_and_not_kept(hub: Hub) -> None:
    wrong = ON_HUB.model_copy(update={"sha256": "0" * 64, "revision": OLD})
    with pytest.raises(WeightsError, match="not those that the card names"):
        fetch(wrong, key="faces")
    assert downloaded(wrong, key="faces") is None
    assert read_pin("faces") is None


def test_a_right_checksum_in_the_card_needs_no_pin(hub: Hub) -> None:
    right = ON_HUB.model_copy(update={"sha256": digest(RAW), "revision": OLD})
    assert fetch(right, key="faces").sha256 == digest(RAW)
    assert read_pin("faces") is None


def test_a_file_of_another_name_is_found_when_it_is_the_only_network(hub: Hub) -> None:
    hub.repos[REPO] = {OLD: {"other.pkl": RAW, "README.md": b""}}
    assert fetch(ON_HUB, key="faces").path.name == "other.pkl"


def test_two_networks_of_other_names_are_listed_and_none_is_guessed(hub: Hub) -> None:
    hub.repos[REPO] = {OLD: {"a.pkl": RAW, "b.pkl": RAW}}
    with pytest.raises(WeightsError, match="has no file") as caught:
        fetch(ON_HUB, key="faces")
    assert "a.pkl, b.pkl" in caught.value.hint


def test_a_private_repository_opens_with_the_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_secret"
    with pytest.raises(WeightsError, match="only for its members"):
        fetch(ON_HUB, key="faces")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert fetch(ON_HUB, key="faces").sha256 == digest(RAW)


def test_a_repository_that_is_not_there_is_one_sentence(hub: Hub) -> None:
    nobody = ON_HUB.model_copy(update={"repo": "nobody/nothing"})
    with pytest.raises(WeightsError, match="'nobody/nothing' is not there"):
        fetch(nobody, key="nobody")


def test_a_revision_that_is_gone_is_one_sentence(hub: Hub) -> None:
    gone = ON_HUB.model_copy(update={"revision": "c" * 40})
    with pytest.raises(WeightsError, match="no such revision"):
        fetch(gone, key="gone")


def test_a_name_that_is_no_repository_is_one_sentence(hub: Hub) -> None:
    odd = ON_HUB.model_copy(update={"repo": "a/b/c"})
    with pytest.raises(WeightsError, match="not the name of a repository"):
        fetch(odd, key="odd")


@pytest.mark.parametrize("revision", [None, OLD])
def test_a_name_with_a_space_is_one_sentence(hub: Hub, revision: str | None) -> None:
    odd = ON_HUB.model_copy(update={"repo": "ow ner/faces", "revision": revision})
    assert downloaded(odd, key="odd") is None
    with pytest.raises(WeightsError, match="not the name of a repository"):
        fetch(odd, key="odd")


def test_two_revisions_of_a_file_are_pinned_apart(hub: Hub) -> None:
    hub.repos[REPO][NEW] = {FILE: b"other"}
    for revision, raw in ((OLD, RAW), (NEW, b"other"), (OLD, RAW), (None, b"other")):
        weights = ON_HUB.model_copy(update={"revision": revision})
        assert fetch(weights, key=key_of(weights)).path.read_bytes() == raw


def test_a_branch_stays_at_the_commit_that_was_pinned_and_is_found_offline(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.branches["main"] = OLD
    branch = ON_HUB.model_copy(update={"revision": "main"})
    path = fetch(branch, key=key_of(branch)).path
    hub.repos[REPO][NEW], hub.branches["main"] = {FILE: b"other"}, NEW
    discard(branch, key=key_of(branch))
    assert fetch(branch, key=key_of(branch)).path.read_bytes() == RAW
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert fetch(branch, key=key_of(branch)).path == path


def test_a_card_that_names_another_revision_than_the_pinned_one_gets_its_own(hub: Hub) -> None:
    fetch(ON_HUB.model_copy(update={"revision": OLD}), key="faces")
    hub.repos[REPO][NEW] = {FILE: RAW}
    now = ON_HUB.model_copy(update={"revision": NEW})
    assert NEW in str(fetch(now, key="faces").path)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("part", ["/api/", "/resolve/", "/cdn/"])
def test_any_refusal_of_the_hub_is_one_sentence(
    hub: Hub, part: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _seconds: None)
    hub.status[part] = status
    with pytest.raises(WeightsError) as caught:
        fetch(ON_HUB, key="faces")
    assert one_sentence(caught.value)
    assert downloaded(ON_HUB, key="faces") is None


def test_a_connection_that_breaks_off_goes_on_where_it_stopped(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)
    hub.cuts, hub.cut_after = 2, 100_000
    assert fetch(ON_HUB, key="faces").sha256 == digest(RAW)
    assert any("bytes=" in request for request in hub.seen)


def test_a_hub_out_of_reach_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError) as caught:
        fetch(ON_HUB, key="faces")
    assert one_sentence(caught.value)


def test_offline_finds_what_is_here_and_says_what_is_not(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    fetch(ON_HUB, key="faces")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch(ON_HUB, key="faces").sha256 == digest(RAW)
    other = ON_HUB.model_copy(update={"repo": "someone/else"})
    for weights in (other, at_url(hub)):
        with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
            fetch(weights, key="else")


# from a plain address


def test_weights_of_an_address_arrive_whole_and_are_pinned(hub: Hub) -> None:
    said: list[Progress] = []
    fetched = fetch(at_url(hub), key="faces", label="Faces", on_progress=said.append)
    assert fetched.path.read_bytes() == RAW
    assert "Downloading Faces: 0.5 MB from http://127.0.0.1" in notes(said)
    pin = read_pin("faces")
    assert pin is not None
    assert pin.sha256 == digest(RAW)
    assert [path.name for path in fetched.path.parent.iterdir() if path.suffix != ".lock"] == [
        "faces.pkl"
    ]


def test_a_redirect_is_followed(hub: Hub) -> None:
    assert fetch(at_url(hub, "/moved/faces.pkl"), key="faces").sha256 == digest(RAW)


def test_a_cut_connection_to_an_address_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.cuts, hub.cut_after = 3, 100_000
    assert fetch(at_url(hub), key="faces").sha256 == digest(RAW)
    ranges = [request.split()[-1] for request in hub.seen if "bytes=" in request]
    assert ranges == ["bytes=100000-", "bytes=200000-", "bytes=300000-"]


def test_a_download_given_up_is_finished_by_the_next_one(hub: Hub) -> None:
    hub.cuts, hub.cut_after = 1, 300_000
    hub.status = {}
    hub.pause_s = 0.0

    def stop(progress: Progress) -> None:
        if progress.done >= 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(at_url(hub), key="faces", on_progress=stop)
    hub.seen.clear()
    assert fetch(at_url(hub), key="faces").sha256 == digest(RAW)
    assert "bytes=300000-" in hub.seen[0]


def test_a_server_that_always_breaks_off_is_given_up_with_a_sentence(hub: Hub) -> None:
    hub.cuts, hub.cut_after = 100, 0
    with pytest.raises(WeightsError, match="failed or broke off") as caught:
        fetch(at_url(hub), key="faces")
    assert "goes on where it stopped" in caught.value.hint
    assert downloaded(at_url(hub), key="faces") is None


@pytest.mark.parametrize(("ranges", "etags"), [(False, True), (True, False), (False, False)])
def test_a_server_without_ranges_or_versions_starts_again(
    hub: Hub, ranges: bool, etags: bool
) -> None:
    hub.ranges, hub.etags = ranges, etags
    hub.cuts, hub.cut_after = 1, 100_000
    assert fetch(at_url(hub), key="faces").sha256 == digest(RAW)


def test_two_versions_of_a_file_are_never_glued_together(hub: Hub) -> None:
    other = bytes(reversed(RAW))

    def change(progress: Progress) -> None:
        if progress.done >= 100_000:
            hub.files["/faces.pkl"] = other

    hub.cuts, hub.cut_after = 1, 100_000
    assert fetch(at_url(hub), key="faces", on_progress=change).sha256 == digest(other)


def test_a_file_that_changed_after_the_pin_is_refused_and_not_kept(hub: Hub) -> None:
    fetch(at_url(hub), key="faces")
    discard(at_url(hub), key="faces")
    hub.files["/faces.pkl"] = b"something else"
    with pytest.raises(WeightsError, match="not those that were pinned"):
        fetch(at_url(hub), key="faces")
    assert downloaded(at_url(hub), key="faces") is None


def test_a_file_damaged_on_this_disk_is_refused(hub: Hub) -> None:
    fetched = fetch(at_url(hub), key="faces")
    fetched.path.write_bytes(RAW[:-1] + b"?")
    with pytest.raises(WeightsError, match="not those"):
        fetch(at_url(hub), key="faces")
    assert fetch(at_url(hub), key="faces").sha256 == digest(RAW)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 416, 429, 500, 502])
def test_any_refusal_of_a_server_is_one_sentence(hub: Hub, status: int) -> None:
    hub.status["/faces.pkl"] = status
    with pytest.raises(WeightsError, match=str(status)) as caught:
        fetch(at_url(hub), key="faces")
    assert one_sentence(caught.value)


def test_a_slow_server_is_waited_for(hub: Hub) -> None:
    hub.pause_s = 0.05
    said: list[Progress] = []
    fetch(at_url(hub), key="faces", on_progress=said.append)
    assert said[-2].done == len(RAW)


def test_a_silent_server_is_not_waited_for_forever(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.1)
    hub.pause_s = 1.0
    with pytest.raises(WeightsError, match="failed or broke off"):
        fetch(at_url(hub), key="faces")


@pytest.mark.parametrize(
    "url", ["http://example.com/x.pkl", "file:///etc/passwd", "ftp://example.com/x.pkl"]
)
def test_only_https_addresses_are_fetched(hub: Hub, url: str) -> None:
    with pytest.raises(WeightsError, match="not an https address"):
        fetch(UrlWeights(source="url", url=url), key="odd")


def test_a_disk_that_is_too_small_is_said_before_the_download(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nearly_full(_path: Any) -> Any:
        return shutil._ntuple_diskusage(10**9, 10**9, 1000)  # pyright: ignore[reportAttributeAccessIssue]

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    for weights in (ON_HUB, at_url(hub)):
        with pytest.raises(WeightsError, match="need 1 MB"):
            fetch(weights, key="faces")
    assert not any("/cdn/" in request for request in hub.seen)


def test_two_at_once_bring_the_file_once(hub: Hub) -> None:
    hub.pause_s = 0.05
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(at_url(hub), key="faces").sha256))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [digest(RAW)] * 3
    assert len([request for request in hub.seen if "faces.pkl" in request]) == 1


def test_discarding_frees_the_bytes(hub: Hub) -> None:
    for weights, key in ((ON_HUB, "a"), (at_url(hub), "b")):
        fetched = fetch(weights, key=key)
        assert discard(weights, key=key) == len(RAW)
        assert not fetched.path.exists()
        assert discard(weights, key=key) == 0


def one_sentence(error: WeightsError) -> bool:
    text = str(error)
    return text.endswith(".") and "\n" not in text and len(text) < 200


def test_of_two_first_downloads_at_once_the_first_pin_counts() -> None:
    first = Pin(address="x", sha256="1" * 64, size=1)
    second = Pin(address="x", sha256="2" * 64, size=1)
    assert keep_pin("faces", first) == first
    assert keep_pin("faces", second) == first
    forget_pin("faces")
    assert read_pin("faces") is None


def test_a_broken_pin_is_not_taken_for_none() -> None:
    pin_path("faces").parent.mkdir(parents=True)
    pin_path("faces").write_text("sha256 = 1", encoding="utf-8")
    with pytest.raises(WeightsError, match="cannot be read") as caught:
        read_pin("faces")
    assert "Delete it" in caught.value.hint
