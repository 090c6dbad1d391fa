"""The table of images: which row stands for a name, whose rows come first, what is refused."""

import os

import pytest

from polyrhythm.base.errors import ImageUnknown
from polyrhythm.executors.sandbox.images import ImageTable, split_name, users_file


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("docker.io/library/busybox:1.36", ("busybox", "1.36")),
        ("index.docker.io/argoproj/argosay:v2", ("argoproj/argosay", "v2")),
        ("python:alpine3.23@sha256:0123", ("python", "alpine3.23")),
        ("localhost:5000/team/tool", ("localhost:5000/team/tool", "latest")),
        (" alpine ", ("alpine", "latest")),
    ],
)
def test_names_have_a_repository_and_a_tag(name, parts):
    assert split_name(name) == parts


def refusal(text, tmp_path, image="busybox"):
    file = tmp_path / "images.toml"
    file.write_text(text)
    with pytest.raises(ImageUnknown) as caught:
        ImageTable(file).find(image)
    return caught.value.message.replace(str(file), "FILE")


def test_an_image_without_a_row_is_refused_with_the_file(tmp_path):
    table = ImageTable(tmp_path / "mine.toml")
    for name in ("nginx:1.13", "", "busyboxx", "evil/busybox", "registry.example/busybox"):
        with pytest.raises(ImageUnknown) as caught:
            table.find(name)
        assert repr(name) in caught.value.message
        assert str(tmp_path / "mine.toml") in caught.value.message


@pytest.mark.parametrize(
    ("name", "entrypoint", "command"),
    [
        ("busybox:1.36", [], ["sh"]),
        ("alpine:3.23", [], ["sh"]),
        ("python:alpine3.23", [], ["python3"]),
        ("python:3.12-slim", [], ["python3"]),
        ("debian:latest", [], ["bash"]),
        ("argoproj/argosay:v2", ["/argosay"], []),
        ("argoproj/argosay:v1", [], ["cowsay"]),
        ("docker/whalesay:latest", [], ["cowsay"]),
    ],
)
def test_rows_that_come_with_it(name, entrypoint, command, tmp_path):
    image = ImageTable(tmp_path / "none.toml").find(name)
    assert [list(image.entrypoint), list(image.command)] == [entrypoint, command]


def test_rows_of_the_user_come_first_and_are_read_again(tmp_path):
    file = tmp_path / "images.toml"
    table = ImageTable(file)
    assert table.find("alpine").command == ["sh"]
    file.write_text('[[image]]\nnames = ["alpine:3*"]\napplets = true\ncommand = ["ash"]\n')
    assert table.find("alpine:3.23").command == ["ash"]
    assert table.find("alpine:edge").command == ["sh"]
    file.write_text('[[image]]\nnames = ["nginx"]\nhost = true\n')
    os.utime(file, ns=(1, 1))
    assert table.find("nginx:1.13").host
    assert table.find("alpine:3.23").command == ["sh"]
    file.unlink()
    with pytest.raises(ImageUnknown):
        table.find("nginx:1.13")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[image]]\nnames = ['a'", "Unclosed array"),
        ("[[image]]\nhost = true", "image 1: names = [...] is needed"),
        ("[[image]]\nnames = ['a']\nentripoint = []", "did you mean 'entrypoint'?"),
        ("[[image]]\nnames = ['a']\nhost = 'yes'", "host has to be true or false"),
        ("[[image]]\nnames = ['a']\ncommand = 'sh'", "command has to be a list of texts"),
        ("[[image]]\nnames = ['a']\nenv = {A = 1}", "env has to be a table of texts"),
        ("[[image]]\nnames = ['a']\nbinds = ['../x']", "'../x' is no absolute path"),
        ("[[image]]\nnames = ['a']\nlinks = {'/a/../b' = 'c'}", "'/a/../b' is no absolute path"),
        ("[[image]]\nnames = ['a']\nprograms = {'../x' = 'sh'}", "'../x' is no plain name"),
        ("[[image]]\nnames = ['a']\netc = ['../home']", "'../home' is no plain name"),
        ("[images]\na = 1", "only [[image]] is known here"),
        ("image = 3", "only [[image]] is known here"),
    ],
)
def test_a_file_with_a_mistake_refuses_every_image(text, complaint, tmp_path):
    said = refusal(text, tmp_path)
    assert said.startswith("FILE: ")
    assert complaint in said


def test_the_file_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("POLYRHYTHM_IMAGES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert users_file() == tmp_path / "polyrhythm" / "images.toml"
    monkeypatch.setenv("POLYRHYTHM_IMAGES", str(tmp_path / "other.toml"))
    assert users_file() == tmp_path / "other.toml"
