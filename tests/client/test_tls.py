"""https: who the server is must be proved, by the system's certificates or by those that the client is given."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from erlmcp.client import Client, ConnectionFailed
from tests.client.peer import answer, peer


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody but itself signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + signed.public_bytes(serialization.Encoding.PEM)
    path = tmp_path / "peer.pem"
    path.write_bytes(text)
    return path


async def test_a_server_that_nobody_vouches_for_is_refused_and_one_that_we_know_is_called(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    async with peer(answer, server) as one:
        assert one.url.startswith("https://")
        async with Client(one.url, mode="2026-07-28", retries=0) as client:
            with pytest.raises(ConnectionFailed, match="certificate verify failed"):
                await client.call_tool("t")
        known = ssl.create_default_context(cafile=certificate)
        async with Client(one.url, mode="2026-07-28", tls=known) as client:
            for _ in range(2):
                await client.call_tool("t")
    assert one.asked == ["tools/call"] * 2
