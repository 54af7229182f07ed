"""HTTPS to a server with a certificate of its own: the name is checked, the address is the one that was."""

import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.workflow.adapters.actions.addresses import Target
from services.workflow.adapters.actions.http_client import HttpClient
from services.workflow.domain.runtime_ports import ActionFailed

NAME = "api.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of `NAME`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.headers["Host"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    made = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def client(server: HTTPServer, host: str, trusted: Path | None) -> tuple[HttpClient, Target]:
    made = HttpClient(
        frozenset({f"{host}:{server.server_port}"}),
        resolve=lambda name, port: ["127.0.0.1"],
        tls=lambda: ssl.create_default_context(cafile=None if trusted is None else str(trusted)),
    )
    return made, Target("https", host, server.server_port, "/")


def test_the_name_goes_into_tls_and_host(server: HTTPServer, certificate: Path) -> None:
    asks, to = client(server, NAME, certificate)
    answer = asks.request("GET", to, {}, None, time.monotonic() + 5)
    assert answer.body.decode() == f"{NAME}:{server.server_port}"


@pytest.mark.parametrize(
    ("host", "trusts"), [("other.example.com", True), (NAME, False), ("127.0.0.1", True)]
)
def test_a_certificate_that_is_not_of_the_name_or_of_nobody_known(
    server: HTTPServer, certificate: Path, host: str, trusts: bool
) -> None:
    asks, to = client(server, host, certificate if trusts else None)
    with pytest.raises(ActionFailed) as caught:
        asks.request("GET", to, {"Authorization": "secret"}, None, time.monotonic() + 5)
    assert (caught.value.code, caught.value.unknown, caught.value.retryable) == ("TLS_FAILED", False, False)
