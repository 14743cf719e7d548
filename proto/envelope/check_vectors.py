#!/usr/bin/env python3
"""Opens vectors.json with nothing of ours: PyNaCl for the small box, cryptography for the rest.

Written from docs/envelope.md alone, to show that the page says enough and that the format is not an accident of our
code. Not part of the tests, which need no Python packages:

    pip install pynacl cryptography && python3 proto/envelope/check_vectors.py
"""

import hashlib
import json
import pathlib
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.public import Box, PrivateKey, PublicKey

CHUNK = 2**18
CONTEXT_FIELDS = ["federation", "track", "round", "cluster", "base", "schema", "codec", "plainBytes"]
UPDATE_FIELDS = [*CONTEXT_FIELDS, "exampleCount", "payload", "payloadBytes"]
RECEIPT_FIELDS = ["federation", "track", "round", "cluster", "payload", "sequence", "acceptedAtMs"]


def canonical(tag, fields):
    out = b""
    for field in [tag, *fields]:
        data = struct.pack(">Q", field) if isinstance(field, int) else field.encode()
        out += struct.pack(">I", len(data)) + data
    return out


def open_payload(sealed, context, round_secret, round_public):
    assert sealed[:6] == b"TSTU\x01\x12"
    ephemeral, boxed, body = sealed[6:38], sealed[38:86], sealed[86:]
    nonce = hashlib.sha512(b"testudo/v1/box" + ephemeral + round_public).digest()[:24]
    content_key = Box(PrivateKey(round_secret), PublicKey(ephemeral)).decrypt(boxed, nonce)
    context_digest = hashlib.sha256(canonical("testudo/v1/context", [context[f] for f in CONTEXT_FIELDS])).digest()
    key = HKDF(SHA256(), 32, ephemeral + round_public, b"testudo/v1/stream" + context_digest).derive(content_key)
    chunks = [body[i : i + CHUNK + 16] for i in range(0, len(body), CHUNK + 16)]
    cipher = ChaCha20Poly1305(key)
    return b"".join(
        cipher.decrypt(i.to_bytes(11, "big") + bytes([i == len(chunks) - 1]), chunk, None)
        for i, chunk in enumerate(chunks)
    )


def seal_chunks(vector, context, round_public):
    """The chunks of a long vector, from its plaintext rule and content key; only their digest is in the file."""
    plain = bytes((7 * i + (i >> 8)) % 251 for i in range(vector["plainBytes"]))
    assert "sha256:" + hashlib.sha256(plain).hexdigest() == vector["plainSha256"]
    prologue = bytes.fromhex(vector["prologue"])
    digest = hashlib.sha256(bytes.fromhex(vector["contextBytes"])).digest()
    info = b"testudo/v1/stream" + digest
    key = HKDF(SHA256(), 32, prologue[6:38] + round_public, info).derive(bytes.fromhex(vector["contentKey"]))
    pieces = [plain[i : i + CHUNK] for i in range(0, len(plain), CHUNK)]
    cipher = ChaCha20Poly1305(key)
    nonces = (i.to_bytes(11, "big") + bytes([i == len(pieces) - 1]) for i in range(len(pieces)))
    return plain, prologue + b"".join(cipher.encrypt(n, piece, None) for n, piece in zip(nonces, pieces))


def main():
    vectors = json.loads((pathlib.Path(__file__).parent / "vectors.json").read_text())
    secret = bytes.fromhex(vectors["round"]["secretKey"])
    public = bytes.fromhex(vectors["round"]["publicKey"])
    for vector in vectors["payloads"]:
        context = {**vectors["context"], "plainBytes": vector["plainBytes"]}
        assert canonical("testudo/v1/context", [context[f] for f in CONTEXT_FIELDS]).hex() == vector["contextBytes"]
        plain, sealed = seal_chunks(vector, context, public)
        assert "sha256:" + hashlib.sha256(sealed).hexdigest() == vector["payload"]
        assert sealed.hex() == vector.get("sealed", sealed.hex())
        assert open_payload(sealed, context, secret, public) == plain
        try:
            open_payload(sealed, {**context, "round": "r-8"}, secret, public)
            raise SystemExit("a payload opened under another round")
        except InvalidTag:
            pass
    signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vectors["signing"]["publicKey"]))
    for name, tag, fields in [("header", "update", UPDATE_FIELDS), ("receipt", "receipt", RECEIPT_FIELDS)]:
        statement = vectors[name]
        data = canonical(f"testudo/v1/{tag}", [statement["fields"][f] for f in fields])
        assert data.hex() == statement["bytes"]
        signer.verify(bytes.fromhex(statement["signature"]), hashlib.sha512(data).digest())
    print(f"{len(vectors['payloads'])} payloads, the header and the receipt agree")


main()
