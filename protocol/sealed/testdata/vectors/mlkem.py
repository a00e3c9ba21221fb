"""ML-KEM-768 (FIPS 203): keys from a seed, and decapsulation. Slow and not in constant time: for vectors alone."""
import hashlib

Q, N, K, ETA, DU, DV = 3329, 256, 3, 2, 10, 4


def bitrev7(i):
    return int(f"{i:07b}"[::-1], 2)


ZETAS = [pow(17, bitrev7(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * bitrev7(i) + 1, Q) for i in range(128)]


def ntt(f):
    f, i, n = list(f), 1, 128
    while n >= 2:
        for start in range(0, 256, 2 * n):
            z, i = ZETAS[i], i + 1
            for j in range(start, start + n):
                t = z * f[j + n] % Q
                f[j + n], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        n //= 2
    return f


def inverse_ntt(f):
    f, i, n = list(f), 127, 2
    while n <= 128:
        for start in range(0, 256, 2 * n):
            z, i = ZETAS[i], i - 1
            for j in range(start, start + n):
                t = f[j]
                f[j], f[j + n] = (t + f[j + n]) % Q, z * (f[j + n] - t) % Q
        n *= 2
    return [x * 3303 % Q for x in f]


def multiply(f, g):
    h = []
    for i, gamma in enumerate(GAMMAS):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def add(f, g):
    return [(a + b) % Q for a, b in zip(f, g)]


def total(polys):
    out = [0] * N
    for p in polys:
        out = add(out, p)
    return out


def bits(raw):
    return [b >> i & 1 for b in raw for i in range(8)]


def unpack(raw, d):
    b = bits(raw)
    return [sum(b[i * d + j] << j for j in range(d)) for i in range(len(b) // d)]


def pack(f, d):
    n = sum(x << (i * d) for i, x in enumerate(f))
    return n.to_bytes(len(f) * d // 8, "little")


def compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q + (1 << (d - 1))) >> d for x in f]


def sample_ntt(seed):
    raw, out = hashlib.shake_128(seed).digest(168 * 12), []
    for i in range(0, len(raw) - 2, 3):
        a, b = raw[i] | (raw[i + 1] & 15) << 8, raw[i + 1] >> 4 | raw[i + 2] << 4
        out += [x for x in (a, b) if x < Q]
        if len(out) >= N:
            return out[:N]
    raise ValueError("unlucky seed")


def sample_cbd(seed, nonce):
    b = bits(hashlib.shake_256(seed + bytes([nonce])).digest(64 * ETA))
    return [(sum(b[2 * i * ETA + j] for j in range(ETA)) - sum(b[2 * i * ETA + ETA + j] for j in range(ETA))) % Q for i in range(N)]


def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def keys(seed):
    """From d ‖ z: the decapsulation key as (s, ek, z), and the encapsulation key."""
    d, z = seed[:32], seed[32:]
    g = hashlib.sha3_512(d + bytes([K])).digest()
    rho, sigma = g[:32], g[32:]
    a = matrix(rho)
    s = [ntt(sample_cbd(sigma, i)) for i in range(K)]
    e = [ntt(sample_cbd(sigma, K + i)) for i in range(K)]
    t = [add(total(multiply(a[i][j], s[j]) for j in range(K)), e[i]) for i in range(K)]
    ek = b"".join(pack(x, 12) for x in t) + rho
    return (s, ek, z), ek


def encrypt(ek, m, r):
    t, rho = [unpack(ek[384 * i:384 * i + 384], 12) for i in range(K)], ek[384 * K:]
    a = matrix(rho)
    y = [ntt(sample_cbd(r, i)) for i in range(K)]
    e1 = [sample_cbd(r, K + i) for i in range(K)]
    e2 = sample_cbd(r, 2 * K)
    u = [add(inverse_ntt(total(multiply(a[j][i], y[j]) for j in range(K))), e1[i]) for i in range(K)]
    v = add(add(inverse_ntt(total(multiply(t[i], y[i]) for i in range(K))), e2), decompress(bits(m), 1))
    return b"".join(pack(compress(x, DU), DU) for x in u) + pack(compress(v, DV), DV)


def decapsulate(dk, c):
    s, ek, z = dk
    u = [decompress(unpack(c[320 * i:320 * i + 320], DU), DU) for i in range(K)]
    v = decompress(unpack(c[320 * K:], DV), DV)
    w = [(a - b) % Q for a, b in zip(v, inverse_ntt(total(multiply(s[i], ntt(u[i])) for i in range(K))))]
    m = pack(compress(w, 1), 1)
    g = hashlib.sha3_512(m + hashlib.sha3_256(ek).digest()).digest()
    if encrypt(ek, m, g[32:]) != c:
        return hashlib.shake_256(z + c).digest(32)
    return g[:32]
