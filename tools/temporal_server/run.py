"""Start the real Temporal server that `make servers WHICH=temporal` built, on one SQLite file.

Takes the flags of `temporal server start-dev` that clients pass, writes the server's configuration
and its log into the folder FILE.server beside the database file, and then *becomes* the server: the
process id is the server's, so a signal reaches it directly (SIGTERM drains it, SIGKILL is a real
crash) and its processor time and memory are its own. The server creates the schema in a fresh file
itself. A second process (register.py) waits until it accepts calls, registers namespaces and search
attributes, says so and ends.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent
SERVER = HERE.parent.parent / ".cache" / "temporal" / "bin" / "server"
INNER_PORTS = (
    "http_port",
    "frontend_membership_port",
    "history_port",
    "history_membership_port",
    "matching_port",
    "matching_membership_port",
    "worker_port",
    "worker_membership_port",
)


def parse_args() -> argparse.Namespace:
    """Return the command line's settings; flags that mean nothing here are taken and ignored."""
    parser = argparse.ArgumentParser(description="start a real Temporal server on a SQLite file")
    parser.add_argument("--ip", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7233)
    parser.add_argument("--db-filename", type=Path, metavar="FILE", help="in memory without it")
    parser.add_argument("--namespace", action="append", default=["default"], metavar="NAME")
    parser.add_argument("--search-attribute", action="append", default=[], metavar="NAME=TYPE")
    parser.add_argument("--dynamic-config-value", action="append", default=[], metavar="KEY=JSON")
    parser.add_argument("--log-level", default="warn", choices=("debug", "info", "warn", "error"))
    parser.add_argument("--server", type=Path, default=SERVER, metavar="FILE", help="its binary")
    parser.add_argument("--headless", action="store_true", help="ignored: there is no UI here")
    parser.add_argument("--ui-port", type=int, help="ignored")
    parser.add_argument("--log-format", help="ignored")
    return parser.parse_args()


def inner_ports(folder: Path) -> dict[str, int]:
    """Return the ports of the services behind the front, the same ones at every start on a file.

    The services find each other through a ring whose members the database remembers. After a crash
    a server on other ports waits about a minute for members that are gone (measured: 55 s); on the
    same ports it is its own old members.
    """
    known = folder / "ports.json"
    ports: dict[str, int] = json.loads(known.read_text()) if known.exists() else {}
    with ExitStack() as stack:
        for name in INNER_PORTS:
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", ports.get(name, 0)))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            ports[name] = probe.getsockname()[1]
    known.write_text(json.dumps(ports), encoding="utf-8")
    return ports


def dynamic_config(values: list[str], address: str) -> dict[str, object]:
    """Return the committed dynamic configuration, the addresses of this start, and KEY=JSON."""
    config: dict[str, object] = json.loads((HERE / "dynamic_config.json").read_text())
    callback = f"http://{address}/namespaces/{{{{.NamespaceName}}}}/nexus/callback"
    config["component.nexusoperations.callback.endpoint.template"] = callback
    allowed = [{"Pattern": address, "AllowInsecure": True}]
    config["component.callbacks.allowedAddresses"] = allowed
    for text in values:
        key, _, value = text.partition("=")
        try:
            config[key] = json.loads(value)
        except ValueError:
            raise SystemExit(f"--dynamic-config-value {text}: the value is not JSON") from None
    return config


def write_config(options: argparse.Namespace) -> Path:
    """Write the server's two configuration files and return the main one."""
    if options.db_filename is None:
        folder = Path(tempfile.mkdtemp(prefix="temporal-server-"))
        database, attributes = f"memory-{os.getpid()}", {"mode": "memory", "cache": "shared"}
    else:
        database = str(options.db_filename.resolve())
        folder = Path(f"{database}.server")
        folder.mkdir(parents=True, exist_ok=True)
        attributes = {
            "mode": "rwc",
            "cache": "private",
            "setup": "true",
            "journal_mode": "wal",
            "synchronous": "2",
        }
    ports = inner_ports(folder)
    values = dynamic_config(options.dynamic_config_value, f"{options.ip}:{ports['http_port']}")
    dynamic = folder / "dynamic.yaml"  # JSON is YAML
    listed = {key: [{"value": value, "constraints": {}}] for key, value in values.items()}
    dynamic.write_text(json.dumps(listed, indent=2), encoding="utf-8")
    text = Template((HERE / "config.yaml").read_text(encoding="utf-8")).substitute(
        ports,
        ip=options.ip,
        port=options.port,
        log_level=options.log_level,
        log_file=json.dumps(str(folder / "server.log")),
        database=json.dumps(database),
        connect_attributes=json.dumps(attributes),
        dynamic_config=json.dumps(str(dynamic)),
    )
    config = folder / "config.yaml"
    config.write_text(text, encoding="utf-8")
    return config


def start_registration(options: argparse.Namespace) -> None:
    """Start register.py as nobody's child, so that the server has no child it does not know."""
    command = [sys.executable, str(HERE / "register.py"), f"{options.ip}:{options.port}"]
    command += ["--server-pid", str(os.getpid())]
    for name in dict.fromkeys(options.namespace):
        command += ["--namespace", name]
    for attribute in options.search_attribute:
        command += ["--search-attribute", attribute]
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.execv(command[0], command)
        os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    """Prepare everything and become the server; an obstacle ends with exit code 1."""
    options = parse_args()
    if not options.server.exists():
        raise SystemExit("there is no real Temporal server here: run `make servers WHICH=temporal`")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.ip, options.port))
        except OSError as error:
            raise SystemExit(f"{options.ip}:{options.port}: {error.strerror}") from error
    config = write_config(options)
    start_registration(options)
    flags = ["--config-file", str(config), "--allow-no-auth", "start"]
    os.execv(options.server, [str(options.server), *flags])


if __name__ == "__main__":
    main()
