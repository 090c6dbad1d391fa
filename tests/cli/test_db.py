"""`poly db`: a file is checked and copied, whether somebody has it open or not."""

import subprocess

import apsw

from poly_process import POLY, PolyProcess


def poly_db(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(POLY), "db", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_copy_of_a_file_in_use_is_a_server_of_its_own(tmp_path):
    with PolyProcess(tmp_path) as server:
        server.start("copied")
        copy = tmp_path / "copy"
        copy.mkdir()
        done = poly_db("backup", server.file, copy / "poly.db")
        assert (done.returncode, "bytes" in done.stdout) == (0, True), done.stderr
        server.start("later")
        checked = poly_db("check", server.file)
        assert (checked.returncode, "is sound" in checked.stdout) == (0, True)
    with PolyProcess(copy) as restored:
        assert restored.describe("copied").execution.workflow_id == "copied"


def test_damage_is_found(tmp_path):
    with PolyProcess(tmp_path) as server:
        server.start("a-name-that-is-easy-to-find")
        assert server.end() == 0
    body = server.file.read_bytes()
    # The workflow's type as the start event has it: a field of four bytes.
    at = body.rindex(b"\n\x04test") + 2
    server.file.write_bytes(body[:at] + b"TEST" + body[at + 4 :])
    done = poly_db("check", server.file)
    assert (done.returncode, "damaged" in done.stdout) == (4, True), done.stdout


def test_what_is_not_there_or_in_the_way(tmp_path):
    assert poly_db("check", tmp_path / "none.db").returncode == 1
    assert poly_db("backup", tmp_path / "none.db", tmp_path / "x").returncode == 1
    with PolyProcess(tmp_path) as server:
        server.line()
        (tmp_path / "there").write_text("precious")
        done = poly_db("backup", server.file, tmp_path / "there")
        assert (done.returncode, "never written over" in done.stderr) == (1, True)


def test_a_damaged_row_is_found_deep_and_mended_without_a_server(tmp_path):
    with PolyProcess(tmp_path) as server:
        server.start("one")
        held = poly_db("check", server.file, "--repair")
        assert (held.returncode, held.stdout) == (1, "")
        assert "1 runs folded" in poly_db("check", server.file, "--deep").stdout
        assert server.end() == 0
    connection = apsw.Connection(str(server.file))
    connection.execute("UPDATE executions SET task_queue = 'elsewhere'")
    connection.close()
    assert poly_db("check", server.file).returncode == 0
    found = poly_db("check", server.file, "--deep")
    assert (found.returncode, "1 runs whose row is not" in found.stdout) == (4, True)
    mended = poly_db("check", server.file, "--repair")
    assert (mended.returncode, "1 rows written anew: 1" in mended.stdout) == (0, True)
