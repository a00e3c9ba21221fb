"""Ed25519 as SPEC.md section 2 has it: RFC 8032, cofactorless, no weak keys. Verifies; never signs."""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_mul(k, p):
    q = (0, 1, 1, 0)
    while k:
        if k & 1:
            q = point_add(q, p)
        p, k = point_add(p, p), k >> 1
    return q


def point_read(raw):
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else (0, y, 1, 0)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_write(p):
    inv = pow(p[2], P - 2, P)
    x, y = p[0] * inv % P, p[1] * inv % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_read((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
NEUTRAL = point_write((0, 1, 1, 0))
BASE_POWERS = [BASE]
for _ in range(255):
    BASE_POWERS.append(point_add(BASE_POWERS[-1], BASE_POWERS[-1]))


def base_mul(k):
    q = (0, 1, 1, 0)
    for i in range(k.bit_length()):
        if k >> i & 1:
            q = point_add(q, BASE_POWERS[i])
    return q


def verify(key, message, signature):
    a = point_read(key)
    if a is None or len(signature) != 64 or point_write(point_mul(8, a)) == NEUTRAL:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], 1, P - a[3])
    return point_write(point_add(base_mul(s), point_mul(h, minus_a))) == signature[:32]


def public(seed):
    h = bytearray(hashlib.sha512(seed).digest()[:32])
    h[0] &= 248
    h[31] = h[31] & 127 | 64
    return point_write(base_mul(int.from_bytes(h, "little")))
