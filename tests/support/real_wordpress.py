"""WordPress as Debian packages it, on loopback: a copy of its files, a MariaDB of its own, PHP's own web server.

Everything lies in one directory and ends with `stop`; no service of the machine is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tool = Callable[[str], str]

_FILES = Path("/usr/share/wordpress")
_CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4');
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without TLS
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""


class RealWordPress:
    """`url` and, by role, `passwords`, once started."""

    def __init__(self, directory: Path, tool: Tool) -> None:
        self._directory = directory
        self._php = tool("php")
        self._mariadb = tool("mariadbd")
        self._install_db = tool("mariadb-install-db")
        self._site = directory / "site"
        self._socket = directory / "db.sock"
        self._running: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.passwords: dict[str, str] = {}

    def start(self) -> None:
        if not _FILES.is_dir():
            raise FileNotFoundError(f"{_FILES} is not there; `sh tools/foreign.sh --full` installs it")
        shutil.copytree(_FILES, self._site, ignore_dangling_symlinks=True)
        (self._site / "wp-config.php").unlink()
        (self._site / "wp-config.php").write_text(_CONFIG.format(socket=self._socket))
        script = Path(__file__).with_name("wordpress_install.php")
        shutil.copy(script, self._site / "install.php")
        self._database()
        self.passwords = json.loads(self._run(self._php, str(self._site / "install.php"), self.url))
        workers = {**os.environ, "PHP_CLI_SERVER_WORKERS": "4"}
        self._start([self._php, "-S", self.url.removeprefix("http://"), "-t", str(self._site)], env=workers)
        self._wait(lambda: socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), 1).close())

    def _database(self) -> None:
        data = self._directory / "db"
        user = ["--user=root"] if os.geteuid() == 0 else []
        self._run(
            self._install_db, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *user
        )
        options = [
            f"--datadir={data}",
            f"--socket={self._socket}",
            "--skip-networking",
            "--innodb-buffer-pool-size=64M",
        ]
        self._start([self._mariadb, "--no-defaults", *options, *user])
        self._wait(lambda: self._connect(self._socket))
        self._sql("CREATE DATABASE wordpress CHARACTER SET utf8mb4")

    def _sql(self, statement: str, *values: object) -> str:
        code = "$db = new mysqli(null, 'root', '', '', 0, $argv[1]); $db->set_charset('utf8mb4');"
        code += "$r = $db->execute_query($argv[2], array_slice($argv, 3));"
        code += "echo json_encode($r instanceof mysqli_result ? $r->fetch_all() : $r);"
        return self._run(self._php, "-r", code, str(self._socket), statement, *map(str, values))

    def rows(self, statement: str, *values: object) -> list[list[Any]]:
        """What the database holds, past the REST API; `values` for the ? in it."""
        found: list[list[Any]] = json.loads(self._sql(statement, *values))
        return found

    @staticmethod
    def _connect(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def _start(self, command: list[str], env: dict[str, str] | None = None) -> None:
        with (self._directory / "log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )
        self._running.append(process)

    def _wait(self, ready: Callable[[], None]) -> None:
        for _ in range(300):
            try:
                return ready()
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self._directory / "log").read_text())

    def stop(self) -> None:
        for process in reversed(self._running):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
