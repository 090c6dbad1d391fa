"""Flags and dynamic configuration as values."""

import subprocess
import sys
from dataclasses import fields

import pytest

from poly_process import POLY
from polyrhythm import __version__
from polyrhythm.app.socket_path import PATH_BYTES_MAX, socket_path
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.cli.dev import settings_of
from polyrhythm.cli.dynamic_config import (
    LIMIT_KEYS,
    WIRE_KEYS,
    BadSettingError,
    apply_dynamic_config,
)
from polyrhythm.cli.flags import DevFlags, Durability
from polyrhythm.transports.grpc import GrpcSettings


def poly(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(POLY), *arguments], capture_output=True, text=True, check=False)


def test_every_known_key_sets_a_field_that_exists():
    assert set(LIMIT_KEYS.values()) <= {f.name for f in fields(Limits)}
    assert set(WIRE_KEYS.values()) <= {f.name for f in fields(GrpcSettings)}


def test_known_keys_whatever_their_case():
    configured = apply_dynamic_config(
        [
            "limit.blobSize.error=1024",
            "HISTORY.MAXIMUMBUFFEREDEVENTSBATCH=7",
            'matching.longPollExpirationInterval="1m30s"',
            "history.longPollExpirationInterval=500ms",
            "frontend.keepAliveTime=5",
        ]
    )
    assert configured.limits.blob_bytes_max == 1024
    assert configured.limits.buffered_events_max == 7
    assert configured.limits.task_poll_ns == 90 * SECOND_NS
    assert configured.limits.history_poll_ns == SECOND_NS // 2
    assert configured.wire.keep_alive_s == 5
    assert configured.unknown == []


def test_unknown_keys_are_named_and_harmless():
    configured = apply_dynamic_config(["frontend.enableUpdateWorkflowExecution=true", "a.b={}"])
    assert configured.unknown == ["frontend.enableUpdateWorkflowExecution", "a.b"]
    assert configured.limits == Limits()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "=1",
        "limit.blobSize.error=big",
        "limit.blobSize.error=-1",
        "limit.blobSize.error=true",
        "limit.blobSize.error=1.5",
        "matching.longPollExpirationInterval=soon",
        "matching.longPollExpirationInterval=-1s",
    ],
)
def test_values_that_cannot_be_meant(text):
    with pytest.raises(BadSettingError):
        apply_dynamic_config([text])


def test_flags_become_settings(tmp_path, caplog):
    flags = DevFlags(
        ip="::1",
        port=7000,
        db_filename=str(tmp_path / "a.db"),
        durability=Durability.NORMAL,
        namespace=["default", "shop"],
        ui_port=8000,
        search_attribute=["Customer=Keyword"],
        sqlite_pragma=["synchronous=off"],
        dynamic_config_value=["no.such=1"],
    )
    settings = settings_of(flags)
    assert settings.address == "[::1]:7000"
    assert settings.place.file == str(tmp_path / "a.db")
    assert settings.place.durability == "normal"
    assert settings.place.address == f"unix:{tmp_path / 'a.db'}.sock"
    assert settings.namespaces == ["shop"]
    assert settings.search_attributes == {"Customer": "Keyword"}
    for words in ("no.such", "--sqlite-pragma"):
        assert words in caplog.text


def test_where_http_is_spoken():
    def web_of(**flags) -> tuple[list[str], list[str]]:
        web = settings_of(DevFlags(durability=Durability.MEMORY, **flags)).web
        return web.asked, web.customary

    assert web_of() == ([], ["127.0.0.1:8233"])
    assert web_of(port=0) == ([], ["127.0.0.1:0"])
    assert web_of(port=65_000) == ([], [])
    assert web_of(ui_port=8000, ui_ip="::1") == (["[::1]:8000"], [])
    assert web_of(ui_port=8000, http_port=8001, metrics_port=8002)[0] == [
        "127.0.0.1:8000",
        "127.0.0.1:8001",
        "127.0.0.1:8002",
    ]
    assert web_of(headless=True, ui_port=8000) == ([], [])
    assert web_of(headless=True, http_port=8001) == (["127.0.0.1:8001"], [])
    with pytest.raises(BadSettingError):
        web_of(ui_port=8000, http_port=8000)
    with pytest.raises(BadSettingError, match="lets other machines in"):
        web_of(ui_ip="0.0.0.0")
    hosts = settings_of(DevFlags(durability=Durability.MEMORY)).web.wire.hosts
    assert hosts == {"localhost", "127.0.0.1", "::1"}
    open_to_all = DevFlags(durability=Durability.MEMORY, ip="0.0.0.0", insecure=True)
    assert settings_of(open_to_all).web.wire.hosts is None


def test_no_file_in_memory():
    place = settings_of(DevFlags(durability=Durability.MEMORY)).place
    assert (place.file, place.durability, place.address) == ("", "memory", "")


def test_a_search_attribute_needs_a_type():
    with pytest.raises(BadSettingError):
        settings_of(DevFlags(search_attribute=["Customer"]))
    with pytest.raises(BadSettingError):
        settings_of(DevFlags(search_attribute=["Customer=Word"]))


def test_a_socket_whose_path_would_be_too_long(tmp_path):
    near = tmp_path / "a.db"
    assert socket_path(str(near)) == f"{near}.sock"
    far = tmp_path / ("x" * 150) / "a.db"
    short = socket_path(str(far))
    assert len(short) <= PATH_BYTES_MAX
    assert short == socket_path(str(far)) != socket_path(f"{far}2")


def test_version():
    done = poly("--version")
    assert (done.returncode, done.stdout) == (0, f"poly {__version__}\n")


def test_bad_flags_have_their_own_exit_code(tmp_path):
    for arguments in (
        ("dev", "--no-such-flag"),
        ("dev", "--port", "70000"),
        ("dev", "--durability", "perhaps"),
        ("dev", "--dynamic-config-value", "nonsense"),
        ("no-such-verb",),
    ):
        assert poly(*arguments).returncode == 2, arguments


def test_a_server_does_not_load_the_sdk():
    # Also what keeps it from being slow to start and large.
    code = (
        "import sys; from polyrhythm.cli.vocabulary import load_vocabulary_only;"
        "load_vocabulary_only(); import polyrhythm.cli.dev;"
        "sys.exit('temporalio.bridge' in sys.modules or 'rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
