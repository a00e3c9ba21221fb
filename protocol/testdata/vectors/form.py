"""The canonical form and the names of SPEC.md sections 1 and 2: a strict reader and its writer."""
import base64
import hashlib


class Bad(Exception):
    def __init__(self, reason, **out):
        super().__init__(reason)
        self.reason, self.out = reason, out


def need(condition, reason="malformed", **out):
    if not condition:
        raise Bad(reason, **out)


class Link(bytes):
    """A binary CID."""


def is_cid(raw):
    return len(raw) == 36 and raw[:4] in (b"\x01\x71\x12\x20", b"\x01\x55\x12\x20")


def is_block(v):
    return isinstance(v, Link) and v[1] == 0x71


def head(raw, at):
    need(at < len(raw))
    major, info = raw[at] >> 5, raw[at] & 31
    at += 1
    if info < 24:
        return major, info, at
    need(info <= 27 and major != 7)
    size = 1 << (info - 24)
    need(at + size <= len(raw))
    n = int.from_bytes(raw[at:at + size], "big")
    need(n >= (24, 1 << 8, 1 << 16, 1 << 32)[info - 24])
    return major, n, at + size


def item(raw, at, depth):
    start = at
    major, n, at = head(raw, at)
    if major == 0:
        return n, at
    if major == 1:
        need(n < 1 << 63)
        return -1 - n, at
    if major in (2, 3):
        need(at + n <= len(raw))
        chunk = raw[at:at + n]
        if major == 2:
            return chunk, at + n
        try:
            return chunk.decode("utf-8"), at + n
        except UnicodeDecodeError:
            raise Bad("malformed")
    if major == 4:
        need(n <= 65536 and n <= len(raw) - at and depth < 16)
        out = []
        for _ in range(n):
            v, at = item(raw, at, depth + 1)
            out.append(v)
        return out, at
    if major == 5:
        need(n <= 1024 and n <= len(raw) - at and depth < 16)
        out, last = {}, None
        for _ in range(n):
            need(at < len(raw) and raw[at] >> 5 == 3)
            k, at = item(raw, at, depth + 1)
            order = (len(k.encode()), k.encode())
            need(last is None or last < order)
            last = order
            out[k], at = item(raw, at, depth + 1)
        return out, at
    if major == 6:
        need(raw[start:start + 5] == b"\xd8\x2a\x58\x25\x00" and is_cid(raw[start + 5:start + 41]))
        return Link(raw[start + 5:start + 41]), start + 41
    need(n in (20, 21))
    return n == 21, at


def decode(raw):
    v, at = item(raw, 0, 0)
    need(at == len(raw))
    return v


def encode(v):
    def lead(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 1 << 8 * size:
                return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, int):
        return lead(0, v) if v >= 0 else lead(1, -1 - v)
    if isinstance(v, Link):
        return b"\xd8\x2a\x58\x25\x00" + v
    if isinstance(v, bytes):
        return lead(2, len(v)) + v
    if isinstance(v, str):
        return lead(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return lead(4, len(v)) + b"".join(map(encode, v))
    keys = sorted(v, key=lambda k: (len(k.encode()), k.encode()))
    return lead(5, len(v)) + b"".join(encode(k) + encode(v[k]) for k in keys)


def cid_of(block, codec=0x71):
    return Link(bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(block).digest())


def b32(raw):
    return base64.b32encode(raw).decode().rstrip("=").lower()


def cid_text(c):
    return "b" + b32(c)


def key_text(k):
    return "ed" + b32(k)


def without(v, *fields):
    return {k: x for k, x in v.items() if k not in fields}
