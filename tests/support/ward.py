"""A sandbox and a gateway's configuration in front of it, for the doctor to visit."""

from __future__ import annotations

from pathlib import Path

from mailferry.clock import Clock, SystemClock
from mailferry.config.load import load_config
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.patient import Patient, Resolve, resolve
from mailferry.ops.doctor.visit import visit
from mailferry.rehearsal.configuration import ACS_REST, HEAD
from mailferry.sandbox.organisation import SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.organisation_services import ACS_KEYS, BULK_CLIENT_ID, BULK_SECRET
from mailferry.sandbox.serve import Sandbox

ERP = "erp@contoso.example"
CLIENT = f"""
[[client]]
name = "erp"
networks = ["127.0.0.0/8"]
password = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
mailbox = "{ERP}"
"""


class Ward:
    """A sandbox and the configuration of a gateway that sends through it."""

    def __init__(self, box: Sandbox, directory: Path) -> None:
        self.box = box
        self.directory = directory
        (directory / "secret").write_text(SECRET)
        (directory / "bulk").write_text(BULK_SECRET)
        (directory / "acs-key").write_text(ACS_KEYS[0])
        for name in ("secret", "bulk", "acs-key"):
            (directory / name).chmod(0o600)
        self.file = directory / "mailferry.toml"
        self.file.write_text(self.text())

    def text(self, **changes: object) -> str:
        box = self.box
        values: dict[str, object] = {
            "state": self.directory / "state", "old_tls": "1.2", "submission": 0, "legacy": 0, "plain": 0, "metrics": 0,
            "tenant": box.tenant.tenant_id, "client_id": SECRET_CLIENT_ID, "secret": self.directory / "secret",
            "bulk_id": BULK_CLIENT_ID, "bulk_secret": self.directory / "bulk", "graph": box.graph_url,
            "hve": box.hve_port, "acs_smtp": box.acs_smtp_port, "mx": box.mx_port, "onprem": box.onprem_port,
            "relay_certificate": box.relay_certificate, "authority": box.entra_url, "ca": box.ca_file,
            "smtp": box.smtp_port, "acs_rest": box.acs_url, "acs_key": self.directory / "acs-key",
        }  # fmt: skip
        text = HEAD[: HEAD.index("[[rule]]")] + '[metrics]\naddress = "127.0.0.1:{metrics}"\n' + ACS_REST
        return text.format(**values | changes) + CLIENT

    async def visit(
        self, outside: str = "", clock: Clock | None = None, names: Resolve = resolve,
        to: str = "", **changes: object,
    ) -> list[Finding]:  # fmt: skip
        if changes:
            self.file.write_text(self.text(**changes))
        config = load_config(self.file)
        patient = Patient(config, {}, clock or SystemClock(), names, outside, to, seconds=1 if to else 5)
        return [finding async for finding in visit(patient)]


def failed(findings: list[Finding]) -> dict[str, Finding]:
    return {f"{one.check} {one.subject}": one for one in findings if one.level is Level.FAILED}
