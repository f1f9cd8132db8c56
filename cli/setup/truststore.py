"""Writes the certificates that this machine trusts to a PKCS #12 trust store, which a JRE can read."""

import ssl
import sys
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore


def load_machine_certificates() -> list[x509.Certificate]:
    """Return the certificate authorities of Python's default TLS context, in its order."""
    with warnings.catch_warnings():
        # Old authorities have serial numbers that current rules forbid, but this machine still trusts them.
        warnings.simplefilter("ignore")
        encoded = ssl.create_default_context().get_ca_certs(binary_form=True)
        return [x509.load_der_x509_certificate(der) for der in encoded]


def main(output: Path, password: str) -> None:
    """Write the trust store to `output`, protected by `password`."""
    entries = [
        PKCS12Certificate(certificate, f"{number}".encode())
        for number, certificate in enumerate(load_machine_certificates())
    ]
    output.write_bytes(serialize_java_truststore(entries, BestAvailableEncryption(password.encode())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
