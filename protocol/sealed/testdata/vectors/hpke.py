"""HPKE (RFC 9180) in base mode, opening one message: MLKEM768-X25519, HKDF-SHA256, ChaCha20-Poly1305. For vectors alone."""
import hashlib
import hmac
import struct

import mlkem

P = 2**255 - 19
SUITE = b"HPKE" + struct.pack(">HHH", 0x647A, 0x0001, 0x0003)


def x25519(scalar, point):
    k = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(point, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE = (9).to_bytes(32, "little")


class Private:
    """A private half from its 32 bytes."""

    def __init__(self, seed):
        s = hashlib.shake_256(seed).digest(96)
        self.dk, ek = mlkem.keys(s[:64])
        self.x = s[64:]
        self.xpub = x25519(self.x, BASE)
        self.public = ek + self.xpub

    def shared(self, enc):
        pq, t = enc[:1088], enc[1088:]
        return hashlib.sha3_256(mlkem.decapsulate(self.dk, pq) + x25519(self.x, t) + t + self.xpub + rb"\.//^" + b"\\").digest()


def extract(salt, label, ikm):
    return hmac.new(salt, b"HPKE-v1" + SUITE + label + ikm, hashlib.sha256).digest()


def expand(prk, label, info, n):
    info = struct.pack(">H", n) + b"HPKE-v1" + SUITE + label + info
    out, block, i = b"", b"", 1
    while len(out) < n:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:n]


def rotl(x, n):
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


def block(key, counter, nonce):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = list(start)

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rotl(s[z] ^ s[x], n)

    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def tag_of(key, nonce, aad, text):
    one = block(key, 0, nonce)[:32]
    r, s = int.from_bytes(one[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, int.from_bytes(one[16:], "little")
    mac = aad + bytes(-len(aad) % 16) + text + bytes(-len(text) % 16) + struct.pack("<QQ", len(aad), len(text))
    acc = 0
    for i in range(0, len(mac), 16):
        acc = (acc + int.from_bytes(mac[i:i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((acc + s) & (2**128 - 1)).to_bytes(16, "little")


def cipher(key, nonce, text):
    stream = b"".join(block(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
    return bytes(a ^ b for a, b in zip(text, stream))


def aead_open(key, nonce, aad, sealed):
    """The text, or None where the tag is not right (RFC 8439)."""
    text, tag = sealed[:-16], sealed[-16:]
    return cipher(key, nonce, text) if tag_of(key, nonce, aad, text) == tag else None


def aead_seal(key, nonce, aad, text):
    sealed = cipher(key, nonce, text)
    return sealed + tag_of(key, nonce, aad, sealed)


def open_one(private, info, sealed):
    """What was sealed to a key, or None."""
    enc, ct = sealed[:1120], sealed[1120:]
    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(private.shared(enc), b"secret", b"")
    return aead_open(expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12), b"", ct)
