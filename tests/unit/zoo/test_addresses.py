"""Plain addresses as people type them."""

from pathlib import Path

import pytest
from hub_server import serving

from lucidsonic.errors import WeightsError
from lucidsonic.zoo import download
from lucidsonic.zoo.card import UrlWeights
from lucidsonic.zoo.fetch import downloaded, fetch, key_of

RAW = b"weights" * 100
WRITTEN = {
    "/modèle.pkl": "/mod%C3%A8le.pkl",
    "/my faces.pkl": "/my%20faces.pkl",
    "/my%20faces.pkl": "/my%20faces.pkl",
    "/mod\udce8le.pkl": "/mod%E8le.pkl",  # from a shell that speaks Latin-1
    "/100%.pkl": "/100%25.pkl",
    "/a/b-c_d~e+f,g.pkl": "/a/b-c_d~e+f,g.pkl",
}


@pytest.mark.parametrize("path", WRITTEN, ids=ascii)
def test_an_address_is_asked_for_as_a_browser_would(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving() as server:
        server.files[WRITTEN[path]] = RAW
        weights = UrlWeights(source="url", url=f"{server.url}{path}#part")
        fetched = fetch(weights, key=key_of(weights))
        assert fetched.path.read_bytes() == RAW
        assert downloaded(weights, key=key_of(weights)) == fetched.path


def test_what_follows_the_path_is_quoted_too_and_only_once() -> None:
    found = download.split_address("https://example.com/a b?x=é&y=%20&z=1+2")
    assert found.geturl() == "https://example.com/a%20b?x=%C3%A9&y=%20&z=1+2"


@pytest.mark.parametrize(
    "url",
    [
        "https://[bad/",
        "https://exam ple.com/x.pkl",
        "https://example.com:99999/x.pkl",
        "https://example.com:port/x.pkl",
        "https://a..b/x.pkl",
    ],
)
def test_what_no_server_could_be_called_is_one_sentence_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_seconds: float) -> None:
        raise AssertionError("tried again")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(download.time, "sleep", never)
    weights = UrlWeights(source="url", url=url)
    with pytest.raises(WeightsError, match="is not a web address"):
        fetch(weights, key=key_of(weights))
    with pytest.raises(WeightsError, match="is not a web address"):
        download.download(url, Path("x.pkl"), on_bytes=lambda _here, _total: None)
