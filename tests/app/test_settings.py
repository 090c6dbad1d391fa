"""Names, urls and settings of an App: what they mean, and what is refused before anything opens."""

import os

import pytest

from polyrhythm.app.application import App
from polyrhythm.app.settings import plan_app
from polyrhythm.sdk.connection import Tls
from polyrhythm.sdk.errors import MisuseError


def test_the_constructor_opens_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = App("shop")
    assert app.plan.home.file == os.path.realpath("shop.db")
    assert (app.plan.queue, app.plan.namespace) == ("shop", "default")
    assert os.listdir(tmp_path) == []
    with pytest.raises(MisuseError, match="not open"):
        _ = app.client


@pytest.mark.parametrize(
    ("url", "address", "file"),
    [
        ("poly://host", "host:7233", ""),
        ("temporal://host:1234", "host:1234", ""),
        ("temporal://[::1]:1234", "[::1]:1234", ""),
        ("/data/x.db", "", "/data/x.db"),
        ("sqlite:///data/x.db", "", "/data/x.db"),
    ],
)
def test_where_runs_live(url, address, file):
    home = plan_app("x", url, {}).home
    assert (home.address, home.file) == (address, file)


@pytest.mark.parametrize(
    ("url", "settings", "said"),
    [
        ("postgresql://host/db", {}, "not implemented yet"),
        ("redis://host", {}, "temporal://host:port"),
        ("poly://host/path", {}, "not of the form poly://host:port"),
        ("poly://", {}, "not of the form"),
        (None, {"durability": "fast"}, "full, normal or memory"),
        (None, {"api_key": "k"}, "only for poly:// and temporal://"),
        (None, {"queu": "x"}, "no setting queu; there are: namespace, queue"),
    ],
)
def test_what_is_refused(url, settings, said):
    with pytest.raises(MisuseError, match=said):
        App("x", url, **settings)


def test_a_name_that_cannot_be_a_file():
    with pytest.raises(MisuseError, match="file's stem"):
        App("a/b")


def test_a_key_brings_tls_along():
    assert plan_app("x", "temporal://host", {"api_key": "k"}).connection.tls == Tls()
    assert plan_app("x", "temporal://host", {}).connection.tls is None
