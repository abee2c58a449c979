"""The files of deploy/ beyond those that test_hosts.py starts: what can run here runs, the others are checked."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from poslogs.app import create_app
from poslogs.settings import Settings
from tests.hosts.deployed import DEPLOY, POSLOGS, ROOT, adapted, nginx
from tests.hosts.hosts import ASKED, STREAM, ModWsgi
from tests.hosts.image import Image, run
from tests.support.need import missing, need, repo
from tests.support.platformos import PlatformOS
from tests.support.program import Program
from tests.support.reader import TOKEN
from tests.support.relay import Certificate
from tests.support.server import Server, free_port
from tests.wire.exchange import wait_for

EXPOSURE = 20  # tenths, of systemd's own measure of 100
INPUT = ASKED["input"]
FILES = sorted(str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file())


def test_every_file_is_in_the_readme_and_the_other_way_round() -> None:
    """The README says what each file is for; docs/hosts.md names no file that is not there."""
    named = set(re.findall(r"\]\((\w+/[^)]+)\)", (DEPLOY / "README.md").read_text()))
    assert named == set(FILES) - {"README.md"}
    hosts = repo() / "docs" / "hosts.md"
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", hosts.read_text()):
        assert (hosts.parent / target).exists(), target


def test_nginx_with_tls_streams_over_one_connection_of_http_2(
    started: Callable[..., Server], platformos: PlatformOS, tmp_path: Path
) -> None:
    """Two streams over it get each entry before the next is written. Port 80 redirects there."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    port, plain, other = free_port(), free_port(), free_port()
    file = Certificate.make(tmp_path / "own.pem").file
    with started("gevent", environments={"staging": platformos}, env={"POSLOGS_PROXY_HOPS": "1"}) as server:
        changes = {
            POSLOGS: f"127.0.0.1:{server.port}",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "  listen [::]:80;\n": "",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "  listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/poslogs/fullchain.pem": str(file),
            "/etc/ssl/poslogs/privkey.pem": str(file),
            "server_name logs.example.com": "server_name localhost",
        }
        conf = adapted("nginx/poslogs.conf", folder, changes)
        url = f"https://localhost:{port}/call-stream"
        asking = ["-X", "POST", "-H", f"Authorization: Bearer {TOKEN}", "-H", "Content-Type: application/json"]
        trusting = ["--cacert", str(file.with_suffix(".crt")), "--noproxy", "*", "--http2", "--retry-connrefused"]
        argv = [need("curl"), "-sS", "-i", "-N", "-Z", *trusting, "--retry", "5", *asking, "-d", json.dumps(ASKED)]
        with ExitStack() as stack:
            stack.enter_context(Program(nginx(folder, other, "", f"include {conf};"), folder))
            wait_for(lambda: listens(port), 10)  # else curl tries again, each stream over a connection of its own
            curl = stack.enter_context(Program([*argv, url, url], tmp_path))
            for count in (1, 2, 3):
                platformos.add({"message": f"the {count}. entry"})
                curl.out.wait_until(lambda text, count=count: text.count(f"the {count}. entry") == 2)  # type: ignore[misc]
            assert curl.out.text.count("HTTP/2 200") == 2
            assert connections(port) == 1
            sent_on = requests.get(f"http://127.0.0.1:{plain}/health", allow_redirects=False, timeout=10)
            assert sent_on.status_code == 308
            assert sent_on.headers["Location"] == "https://127.0.0.1/health"


def listens(port: int) -> bool:
    """Whether somebody accepts connections at a port of this machine."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def connections(port: int) -> int:
    """How many connections are established at a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


@pytest.mark.slow
def test_mod_wsgi_that_cannot_hold_streams_names_the_way_out(platformos: PlatformOS, tmp_path: Path) -> None:
    """With two processes, and a token that Apache drops, the refusal names the line that helps."""

    class Wrong(ModWsgi):
        def _command(self) -> list[str]:
            argv = super()._command()
            conf = tmp_path / "poslogs-wsgi.conf"
            conf.write_text(conf.read_text().replace("processes=1", "processes=2").replace("WSGIPassAuth", "#"))
            return argv

    with Wrong(tmp_path, platformos) as host:
        host.wait_output("No stream is opened here: mod_wsgi runs 2 processes, and each would poll platformOS and ")
        refused = host.get("/tools")
        assert refused.status_code == 401
        assert "it needs WSGIPassAuthorization On" in refused.json()["error"]


# systemd


def unit(name: str) -> list[tuple[str, str]]:
    """The settings of a unit, in their order."""
    lines = (DEPLOY / "systemd" / name).read_text().splitlines()
    return [(key, value) for key, _, value in (line.partition("=") for line in lines if not line.startswith("#"))]


def test_systemd_takes_the_units_and_finds_them_hardened(tmp_path: Path) -> None:
    """`verify` has no complaint, and the exposure that `security` reckons is low."""
    analyze = need("systemd-analyze")
    service = adapted("systemd/poslogs.service", tmp_path, {"/opt/poslogs/bin/poslogs": sys.executable})
    listening = adapted("systemd/poslogs.socket", tmp_path, {})
    verified = subprocess.run([analyze, "verify", service, listening], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    measured = [analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(service)]
    hardened = subprocess.run(measured, capture_output=True, text=True, timeout=60)
    assert hardened.returncode == 0, hardened.stdout[-500:]


def test_the_service_s_command_takes_its_socket_and_credentials(platformos: PlatformOS, tmp_path: Path) -> None:
    """The test does what systemd would: it hands over a socket, variables and files, and hears when it is ready."""
    settings = unit("poslogs.service")
    started = dict(settings)["ExecStart"].split()[1:]
    given = dict(pair.split("=", 1) for key, value in settings if key == "Environment" for pair in value.split())
    kept = [value.partition(":")[0] for key, value in settings if key == "LoadCredential"]
    assert kept == ["pos", "clients.json"]
    assert dict(unit("poslogs.socket"))["ListenStream"] == POSLOGS

    class Activated(Server):
        def _command(self) -> list[str]:
            names = ["PYTHONPATH", "PATH", "NOTIFY_SOCKET", *given]
            passed = [part for name in names if name in self._environ for part in ("-E", name)]
            listening = ["-l", f"127.0.0.1:{self.port}", *passed]
            return [need("systemd-socket-activate"), *listening, sys.executable, "-m", "poslogs", *started]

    env = {name: value.replace("%d", str(tmp_path)) for name, value in given.items()}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, contextlib.ExitStack() as stack:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(20)
        env["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        server = stack.enter_context(Activated(tmp_path, environments={"staging": platformos}, env=env, start=False))
        server.pos_file.rename(tmp_path / "pos")
        server.start()
        assert b"READY=1" in told.recv(4096)
        platformos.add_many(2)
        with server.stream(STREAM, INPUT) as reader:
            reader.wait_entries(2)
            server.signal(signal.SIGTERM)
            reader.wait_end()
            assert reader.ended_clean
            assert reader.frames[-1].retry is not None
        assert server.wait_exit() == 0


# The container


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, in their order."""
    text = (DEPLOY / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_is_made_of_what_poslogs_needs_and_of_nothing_else() -> None:
    """The Dockerfile names what it copies, so no .pos and no token comes along, and the builder is sent only that."""
    rules = [line for line in (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines() if line]
    assert [rule for rule in rules if not rule.startswith(("!", "#"))] == ["*", "**/__pycache__"]
    copies = [rest.split() for word, rest in dockerfile() if word == "COPY" and not rest.startswith("--from")]
    copied = {name for *names, _ in copies for name in names}
    assert copied == {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((repo() / name).exists() for name in copied)


INSIDE = """
set -e
mount --bind {root} /mnt
mount -t tmpfs tmpfs /mnt/tmp
mount -t proc proc /mnt/proc
mount --rbind /dev /mnt/dev
mount --bind {data} /mnt{home}
for folder in /mnt{home} /mnt; do mount -o remount,bind,ro $folder; done
exec env -i {env} setpriv --no-new-privs "$(command -v chroot)" --userspec {user} --groups= /mnt \
  /bin/sh -c 'cd {home} && exec "$@"' - {command}
"""


@pytest.mark.slow
def test_the_image_that_is_built_needs_no_root_and_writes_nothing(platformos: PlatformOS, tmp_path: Path) -> None:
    """Its container is healthy as process 1, as its user, on a read-only file system; a stop ends its streams well."""
    if not ROOT:
        missing("namespaces of one's own need root")
    (tmp_path / "image").mkdir()
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    with Image(tmp_path / "image", "deploy/docker/Dockerfile") as image:
        config = image.config
        assert not list(image.root.rglob(".pos")) + list(image.root.glob("src"))

        class Container(Server):
            def _command(self) -> list[str]:
                script = INSIDE.format(
                    root=image.root, data=data, home=config["WorkingDir"], user=config["User"],
                    env=shlex.join([*config["Env"], f"PORT={self.port}"]),
                    command=shlex.join([*config["Entrypoint"], *config["Cmd"]]),
                )  # fmt: skip
                return [need("unshare"), "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]

        with Container(data, environments={"staging": platformos}, start=False) as server:
            for path in data.iterdir():
                path.chmod(0o644)
            server.start(wait=False)
            server.wait_live(60)
            (first,) = server.worker_pids()
            kind, *check = config["Healthcheck"]["Test"]
            assert kind == "CMD"
            inside = [need("nsenter"), "-t", str(first), "--mount", "--pid", "--root", "--setuid", "10001", "--"]
            run(["env", "-i", *config["Env"], *inside, *[part.replace(":3030/", f":{server.port}/") for part in check]])
            platformos.add_many(2)
            with server.stream(STREAM, INPUT) as reader:
                reader.wait_entries(2)
                status = Path(f"/proc/{first}/status").read_text()
                uid, gid = config["User"].split(":")
                assert uid != "0"
                assert f"\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n" in status
                assert re.search(r"^NSpid:\s+\d+\s+1$", status, re.MULTILINE)
                assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
                subprocess.run(["kill", "-TERM", str(first)], check=True)
                reader.wait_end()
                assert reader.ended_clean
                assert reader.frames[-1].retry is not None
            assert server.wait_exit() == 0
        assert "Traceback" not in server.output, server.output


def compose_command(name: str) -> list[str]:
    """The command of Docker's Compose for a file, which needs no daemon to check it; empty where it is missing."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, timeout=60).returncode:
        return []
    return [docker, "compose", "-f", str(DEPLOY / "docker" / name)]


def services(name: str) -> dict[str, dict[str, Any]]:
    """The services of a file, which Compose's own checker takes where it is installed."""
    if command := compose_command(name):
        checked = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stderr
    found: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "docker" / name).read_text())["services"]
    return found


def test_compose_takes_its_file_where_it_is_installed() -> None:
    """By its own checker; elsewhere it must be what the tests below read in it."""
    found = services("compose.yaml")
    assert set(found) == {"poslogs", "nginx"}
    assert found["nginx"]["depends_on"] == {"poslogs": {"condition": "service_healthy"}}


def test_compose_s_fleet_is_three_of_the_one_over_a_redis_that_only_they_reach() -> None:
    """Each is as compose.yaml has it, but for Redis; Redis keeps nothing, and never drops what is in use."""
    one, fleet = services("compose.yaml")["poslogs"], services("fleet.yaml")
    networks = yaml.safe_load((DEPLOY / "docker" / "fleet.yaml").read_text())["networks"]
    members = [name for name in fleet if name.startswith("poslogs-")]
    assert members == ["poslogs-1", "poslogs-2", "poslogs-3"]
    for name in members:
        own = dict(fleet[name])
        assert own.pop("depends_on") == ["redis"]
        assert own.pop("networks") == ["front", "engine"]
        environment = dict(own.pop("environment"))
        assert environment.pop("POSLOGS_REDIS_URL") == "redis://redis:6379/0"
        proxy = fleet["nginx"]["networks"]["front"]["ipv4_address"]
        assert environment == {**one["environment"], "POSLOGS_PROXIES": f"{proxy}/32"}
        assert own == {key: value for key, value in one.items() if key not in ("networks", "environment")}
    redis = fleet["redis"]
    assert redis["networks"] == ["engine"]
    assert networks["engine"] == {"internal": True}
    assert "ports" not in redis
    options = redis["command"][1:]
    assert dict(zip(options[::2], options[1::2], strict=True)) == {
        "--save": "", "--appendonly": "no", "--maxmemory": "256mb", "--maxmemory-policy": "noeviction",
    }  # fmt: skip
    assert set(fleet["nginx"]["depends_on"]) == set(members)


def test_compose_and_kubernetes_say_of_the_image_what_it_is() -> None:
    """They name files that exist, the image's user, port and folder, and real routes as probes; nothing is writable."""
    one = dict(dockerfile())
    compose = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())["services"]["poslogs"]
    assert (DEPLOY / "docker" / compose["build"]["context"]).resolve() == repo()
    assert (repo() / compose["build"]["dockerfile"]).exists()
    assert compose["volumes"] == [f"./site:{one['WORKDIR']}:ro"]
    assert compose["read_only"]
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes" / "poslogs.yaml").read_text())
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"] == service["spec"]["selector"]
    assert (
        f"{pod['spec']['securityContext']['runAsUser']}:{pod['spec']['securityContext']['runAsGroup']}" == one["USER"]
    )
    assert container["ports"] == [{"name": "http", "containerPort": int(one["EXPOSE"])}]
    assert container["volumeMounts"][0]["mountPath"] == one["WORKDIR"]
    probes = {key: value["httpGet"]["path"] for key, value in container.items() if key.endswith("Probe")}
    assert probes == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def lines(name: str) -> list[str]:
    """The lines of a file that are no comments."""
    return [line for line in (DEPLOY / name).read_text().splitlines() if not line.startswith("#")]


def test_compose_s_nginx_is_the_one_that_is_tested() -> None:
    """The files agree line by line, except for the address of poslogs."""
    whole = "\n".join(lines("nginx/poslogs.conf")).replace(POSLOGS, "poslogs:3030")
    assert "\n".join(lines("docker/nginx.conf")) == whole


def test_compose_s_nginx_of_a_fleet_is_the_one_that_is_tested() -> None:
    """It differs by the addresses of three poslogs; from the one of a single poslogs by the three and a timeout."""
    text = "\n".join(lines("nginx/poslogs-fleet.conf"))
    for number in (1, 2, 3):
        text = text.replace(f"127.0.0.1:303{number} ", f"poslogs-{number}:3030 ")
    assert "\n".join(lines("docker/fleet-nginx.conf")) == text
    single = lines("nginx/poslogs.conf")
    more = [line.strip() for line in lines("nginx/poslogs-fleet.conf") if line not in single]
    assert [line.split()[0] for line in more] == ["least_conn;", "server", "server", "server", "proxy_connect_timeout"]


# Prometheus


def test_prometheus_takes_its_files() -> None:
    """Prometheus's own checker takes them."""
    for checked in (["config", "--syntax-only", "prometheus.yml"], ["rules", "poslogs.rules.yml"]):
        argv = [need("promtool"), "check", *checked]
        run = subprocess.run(argv, cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr


def test_every_alert_is_of_a_series_that_there_is(tmp_path: Path) -> None:
    """Each alert is also of labels that the series has."""
    clients = tmp_path / "clients.json"
    clients.write_text(json.dumps({"a": {"token": TOKEN}}))
    nobody = f"unix://{tmp_path}/redis.sock"  # a fleet has series of its own
    app = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients), "POSLOGS_REDIS_URL": nobody}))
    text = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    rules: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "poslogs.rules.yml").read_text())["groups"][
        0
    ]["rules"]
    for rule in rules:
        for name in re.findall(r"\bposlogs_\w+", rule["expr"]):
            assert re.search(rf"^{name}[ {{]", text, re.MULTILINE), name
        for label in set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) - {"instance"}:
            assert f'{label}="' in text, label
