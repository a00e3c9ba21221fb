#!/usr/bin/env python3
"""Runs the vectors of this directory, knowing nothing but SPEC.md.

Needs Python 3.8 and its standard library. ML-KEM-768 is in mlkem.py, HPKE, X25519 and
ChaCha20-Poly1305 in hpke.py; the reader of the DAG-CBOR profile is the one of the other
vectors (protocol/testdata/vectors/form.py).
"""
import hashlib
import hmac
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
sys.path.insert(1, str(here.parents[2] / "testdata" / "vectors"))
from form import Bad, decode  # noqa: E402
from hpke import Private, aead_open, aead_seal, open_one  # noqa: E402

FORM = {"malformed", "non_canonical"}
SLOTS, SIZES = (4, 8, 16, 32), tuple(n << 10 for n in (1, 2, 4, 8, 16, 24))


class Refused(Exception):
    pass


def envelope(raw):
    if len(raw) > 64 << 10:
        raise Refused("too_large")
    try:
        body = decode(raw)
    except Bad:
        raise Refused("malformed")
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Refused("malformed")
    e = body["data"]
    if not isinstance(e.get("v"), int) or isinstance(e["v"], bool) or e["v"] < 0:
        raise Refused("malformed")
    if e["v"] != 1:
        raise Refused("wrong_version")
    if set(body) - {"data", "salt"} or set(e) - {"v", "commit", "data", "slots"}:
        raise Refused("too_new")
    if type(body.get("salt")) is not bytes or len(body["salt"]) != 16:
        raise Refused("malformed")
    if type(e.get("commit")) is not bytes or len(e["commit"]) != 32 or type(e.get("data")) is not bytes or not isinstance(e.get("slots"), list):
        raise Refused("malformed")
    if len(e["slots"]) not in SLOTS or any(type(s) is not bytes or len(s) != 1168 for s in e["slots"]) or len(e["data"]) - 16 not in SIZES:
        raise Refused("malformed")
    return e


def judge(v):
    e = envelope(bytes.fromhex(v["body"]))
    context = hashlib.sha256(b"dure/sealed/1\0" + bytes.fromhex(v["federation"]) + (bytes.fromhex(v["record"]) or bytes(36))
                             + bytes.fromhex(v["author"]) + struct.pack(">Q", v["kind"])).digest()
    derive = lambda key, tag: hmac.new(key, tag + context, hashlib.sha256).digest()  # noqa: E731
    private, reason = Private(bytes.fromhex(v["seed"])), "forbidden"
    for slot in e["slots"]:
        key = open_one(private, b"dure/sealed-slot/1\0" + context + e["commit"], slot)
        if key is None:
            continue
        if len(key) == 32 and derive(key, b"dure/sealed-commit/1\0") == e["commit"]:
            break
        reason = "bad_hash"
    else:
        raise Refused(reason)
    bound = context + e["commit"] + hashlib.sha256(b"".join(e["slots"])).digest()
    padded = aead_open(derive(key, b"dure/sealed-key/1\0"), bytes(12), bound, e["data"])
    if padded is None:
        raise Refused("bad_hash")
    n = struct.unpack(">I", padded[:4])[0]
    if 4 + n > len(padded) or min(s for s in SIZES if s >= 4 + n) != len(padded) or any(padded[4 + n:]):
        raise Refused("malformed")
    return {"public": private.public.hex(), "content": padded[4:4 + n].hex()}


def seal_file(v):
    piece, key = bytes.fromhex(v["piece"]), bytes.fromhex(v["key"])
    file = (piece * (v["bytes"] // len(piece) + 1))[:v["bytes"]]
    holds = (64 << 10) - 16
    segments = min(s for s in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160) if s * holds >= len(file))
    file += bytes(segments * holds - len(file))
    return b"".join(aead_seal(key, i.to_bytes(11, "big") + bytes([i == segments - 1]), b"dure/sealed-file/1\0", file[i * holds:(i + 1) * holds])
                    for i in range(segments))


def main():
    vectors = json.loads((here / "sealed.json").read_text())["vectors"]
    wrong = 0
    for v in vectors:
        try:
            got, out = "accept", judge(v["in"])
        except Refused as r:
            got, out = r.args[0], None
        if got != v["expect"] and not {got, v["expect"]} <= FORM or got == "accept" and out != v["out"]:
            print(f'{v["name"]}: {got}, want {v["expect"]}')
            wrong += 1
    files = json.loads((here / "file.json").read_text())["vectors"]
    for v in files:
        raw = seal_file(v)
        if len(raw) != v["sealed"] or hashlib.sha256(raw).hexdigest() != v["sha256"]:
            print(f'{v["name"]}: another encrypted form')
            wrong += 1
    vectors += files
    print(f"{len(vectors)} vectors, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
