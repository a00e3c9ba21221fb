#!/usr/bin/env python3
"""Runs the vectors of this directory, knowing nothing but SPEC.md.

Needs Python 3.8 and its standard library: SHA-256 from hashlib, beside it a strict
reader of the DAG-CBOR profile (form.py) and Ed25519 verification (ed25519.py). The
reasons malformed and non_canonical have the same consequences everywhere, so an
implementation need not tell them apart, and this one does not.
"""
import base64
import hashlib
import json
import pathlib
import sys

sys.dont_write_bytecode = True
from ed25519 import public, verify  # noqa: E402
from form import Bad, Link, b32, cid_of, cid_text, decode, encode, is_block, is_cid, key_text, need, without  # noqa: E402

FORM = {"malformed", "non_canonical"}

# --- shapes: field -> (type, optional); an optional field is never empty or zero ---

UINT, INT, TEXT, BYTES, LINK, BOOL = range(6)


class Fixed:
    def __init__(self, n):
        self.n = n


KEY, SIG = Fixed(32), Fixed(64)


def fits(v, kind):
    if isinstance(kind, Fixed):
        return type(v) is bytes and len(v) == kind.n
    if isinstance(kind, list):
        return isinstance(v, list) and all(fits(x, kind[0]) for x in v)
    if isinstance(kind, tuple):  # a map of text to one type
        return isinstance(v, dict) and all(fits(x, kind[0]) for x in v.values())
    if isinstance(kind, dict):
        shape(v, kind)
        return True
    if kind == UINT:
        return type(v) is int and v >= 0
    if kind == INT:
        return type(v) is int and v < 1 << 63
    if kind == BYTES:
        return type(v) is bytes
    return isinstance(v, {TEXT: str, LINK: Link, BOOL: bool}[kind])


def shape(v, fields, closed=False):
    need(isinstance(v, dict))
    for name, (kind, optional) in fields.items():
        if name not in v:
            need(optional)
            continue
        need(fits(v[name], kind))
        if optional and not isinstance(kind, dict):
            zero = isinstance(kind, Fixed) and not any(v[name])
            need(v[name] and not zero)
    if closed:
        need(set(v) <= set(fields), "too_new")
    return v


MUST, MAY = False, True
STRINGS = (TEXT,)
INCEPTION = {"fed": (LINK, MUST), "root": (KEY, MUST), "node": (KEY, MUST), "sig": (SIG, MUST),
             "cont": ({"feed": (LINK, MUST), "seq": (UINT, MUST), "head": (LINK, MUST)}, MAY), "salt": (BYTES, MAY)}
HEADER = {"v": (UINT, MUST), "feed": (LINK, MAY), "seq": (UINT, MUST), "prev": (LINK, MAY),
          "act": ({"n": (UINT, MUST), "id": (LINK, MUST)}, MUST), "time": (INT, MUST), "kind": (UINT, MUST),
          "num": (UINT, MAY), "of": (LINK, MAY), "refs": ([LINK], MAY), "body": (LINK, MAY), "size": (UINT, MAY),
          "init": (INCEPTION, MAY), "sig": (BYTES, MAY)}
STAND = {"feed": (LINK, MUST), "count": (UINT, MUST), "head": (LINK, MAY)}
STATEMENT = {"fed": (LINK, MUST), "what": (TEXT, MUST), "root": (KEY, MUST), "node": (KEY, MAY), "num": (UINT, MAY),
             "stands": ([STAND], MAY), "act": (LINK, MAY), "sig": (SIG, MAY)}
MEMBER = {"handle": (TEXT, MUST), "kind": (TEXT, MUST), "category": (TEXT, MAY), "country": (TEXT, MAY), "city": (TEXT, MAY),
          "names": (STRINGS, MUST), "root": (KEY, MUST)}
RATIO = {"num": (UINT, MUST), "den": (UINT, MUST)}
COLLEGE = {"name": (TEXT, MUST), "weight": (UINT, MUST), "categories": ([TEXT], MUST)}
RULES = {"name": (TEXT, MUST), "electors": (TEXT, MUST), "threshold": (RATIO, MUST), "assembly": (RATIO, MUST), "rebind": (UINT, MUST),
         "colleges": ([COLLEGE], MAY), "terms": ((UINT,), MAY)}
TERM = {"office": (TEXT, MUST), "member": (TEXT, MUST), "from": (TEXT, MAY), "to": (TEXT, MAY)}
FOUNDING = {"v": (UINT, MUST), "names": (STRINGS, MUST), "charter": (STRINGS, MUST), "rules": (RULES, MUST), "founders": ([MEMBER], MUST),
            "offices": ([TERM], MUST), "notice": (STRINGS, MAY), "salt": (Fixed(16), MUST)}
CARD = {"member": (MEMBER, MUST), "sig": (SIG, MAY)}
INVITATION = {"fed": (LINK, MUST), "name": (STRINGS, MUST), "node": (KEY, MUST), "addrs": ([TEXT], MUST), "handle": (TEXT, MAY),
              "expires": (INT, MAY), "seed": (BYTES, MAY)}
APPLICATION = {"fed": (LINK, MUST), "member": (MEMBER, MUST), "invitation": (KEY, MUST), "by_seed": (SIG, MAY), "by_root": (SIG, MAY)}
HEALTH = {"fed": (LINK, MUST), "node": (KEY, MUST), "time": (INT, MUST), "root": (KEY, MUST), "entries": (UINT, MUST), "wanted": (UINT, MAY),
          "act": (UINT, MAY), "state": (TEXT, MUST), "version": (TEXT, MUST), "addrs": ([TEXT], MAY), "sig": (SIG, MAY)}
ERASURE = {"code": (TEXT, MAY), "reason": (STRINGS, MAY)}
ERASED = {"entries": ([LINK], MUST)}
MANIFEST = {"bytes": (UINT, MUST), "chunks": ([LINK], MUST)}
EVIDENCE = {"init": (BYTES, MUST), "left": ([BYTES], MUST), "right": ([BYTES], MUST)}
LINE = {"f": (KEY, MUST), "n": (UINT, MUST), "h": (KEY, MUST), "k": (UINT, MAY)}
FRAMES = {
    "hello": {"r": (KEY, MUST), "s": (UINT, MAY)},
    "offer": {"s": (UINT, MAY), "l": ([LINE], MAY), "r": ([{"p": (TEXT, MUST), "h": (BYTES, MAY)}], MAY), "d": (BOOL, MAY)},
    "ask": {"r": ([TEXT], MAY), "f": ([{"f": (KEY, MUST), "n": (UINT, MAY), "m": (UINT, MAY)}], MAY), "b": ([LINK], MAY)},
    "sent": {"h": ([BYTES], MAY), "b": ([BYTES], MAY), "e": ([LINK], MAY), "l": (UINT, MAY), "x": (BOOL, MAY)},
    "file_ask": {"e": (LINK, MUST), "f": (LINK, MUST), "c": ([UINT], MAY)},
    "file_sent": {"m": (BYTES, MAY), "n": (UINT, MAY), "d": (BYTES, MAY), "x": (BOOL, MAY)},
    "join_request": {"fed": (LINK, MUST), "time": (INT, MUST), "apply": (APPLICATION, MAY), "init": (BYTES, MAY), "follow": ([BYTES], MAY)},
    "join_answer": {"state": (UINT, MUST), "reason": (TEXT, MAY), "args": (STRINGS, MAY), "time": (INT, MUST), "founding": (BYTES, MAY),
                    "peers": ([{"node": (KEY, MUST), "addrs": ([TEXT], MUST)}], MAY), "member": (MEMBER, MAY), "num": (UINT, MAY),
                    "removal": ({"n": (UINT, MUST), "decision": (BYTES, MAY), "cert": (BYTES, MAY)}, MAY)},
}

# --- entries -----------------------------------------------------------------

NUMBER, TIME = 2**53 - 1, 253402300799999
ENTRY, ROOT, CARD_TAG, HEALTH_TAG = b"dure/entry/1\0", b"dure/root/1\0", b"dure/card/1\0", b"dure/health/1\0"
APPLY_SEED, APPLY_ROOT = b"dure/apply-seed/1\0", b"dure/apply-root/1\0"


class Entry:
    def __init__(self, raw):
        need(len(raw) <= 1024, "too_large")
        self.raw, self.h = raw, decode(raw)
        need(isinstance(self.h, dict))
        need(type(self.h.get("v")) is not int or self.h["v"] == 1, "wrong_version")
        h = shape(self.h, HEADER)
        self.id, self.seq, self.sig = cid_of(raw), h["seq"], h.get("sig", b"")
        need(len(self.sig) == 64 and h["time"] >= 0)
        need(max(h["seq"], h.get("num", 0), h["act"]["n"]) <= NUMBER and h["time"] <= TIME, "too_large")
        need(len(h.get("refs", ())) <= 8 and h.get("size", 0) <= 65536, "too_large")
        need(is_block(h["act"]["id"]) and ("body" in h) == ("size" in h))
        for link in ("of", "body"):
            need(link not in h or is_block(h[link]))
        if self.seq == 0:
            need(h["kind"] == 0 and "init" in h and is_block(h["init"]["fed"]))
            need(not set(h) & {"feed", "prev", "body", "of", "num", "refs"})
            cont = h["init"].get("cont")
            need("salt" not in h["init"] or len(h["init"]["salt"]) == 16)
            need(cont is None or is_block(cont["feed"]) and is_block(cont["head"]) and cont["seq"] <= NUMBER)
        else:
            need(h["kind"] != 0 and "init" not in h and is_block(h.get("feed")) and is_block(h.get("prev")))
        self.feed = h["feed"] if self.seq else self.id

    def signed(self, federation):
        return ENTRY + federation + encode(without(self.h, "sig"))

    def verify(self, federation, key):
        need(verify(key, self.signed(federation), self.sig), "bad_signature")

    def verify_inception(self, federation):
        need("init" in self.h)
        init = self.h["init"]
        need(init["fed"] == federation, "wrong_federation")
        need(verify(init["root"], added(init), init["sig"]), "bad_signature")
        self.verify(federation, init["node"])

    def follows(self, prev):
        h, p = self.h, prev.h
        need(h.get("feed") == prev.feed and self.seq == prev.seq + 1 and h.get("prev") == prev.id and
             h["time"] >= p["time"] and h["act"]["n"] >= p["act"]["n"], "broken_chain")


def added(init):
    return ROOT + init["fed"] + encode({"fed": init["fed"], "what": "add", "root": init["root"], "node": init["node"]})


def endorse(federation, key, prev, run):
    need(len(run) <= 64, "too_large", count=0)
    why, chained = None, 0
    for e in run:
        try:
            if prev is None:
                need(e.seq == 0, "gap")
                e.verify_inception(federation)
                need(e.h["init"]["node"] == key, "bad_signature")
            else:
                e.follows(prev)
        except Bad as bad:
            why = bad.reason
            break
        chained, prev = chained + 1, e
    count = 0
    while count < chained:
        reach, size = count, 0
        while reach < chained and size + len(run[reach].raw) <= 28 * 1024:
            size, reach = size + len(run[reach].raw), reach + 1
        n = reach
        while n > count and run[n - 1].seq and not verify(key, run[n - 1].signed(federation), run[n - 1].sig):
            n -= 1
        if n == count:
            why = "bad_signature"
            break
        count = n
    need(why is None, why, count=count)
    return count


def check_body(e, body):
    if "body" not in e.h:
        return need(not body, "bad_hash")
    need(len(body) == e.h["size"] and cid_of(body) == e.h["body"], "bad_hash")


def check_text(t, limit):
    need(len(t) <= 12, "too_large")
    for lang, s in t.items():
        need(2 <= len(lang.encode()) <= 35 and 0 < len(s) <= limit)


def check_handle(h):
    words = h.split("-")
    need(2 <= len(h) <= 40 and h[0].isalpha() and all(words))
    need(all(c in "abcdefghijklmnopqrstuvwxyz0123456789" for w in words for c in w))


def check_member(m):
    check_handle(m["handle"])
    need(m["kind"] in ("city", "region", "organisation"))
    need(m.get("category", "full") in ("full", "associate", "allied", "honorary", "partner"))
    country = m.get("country")
    need(country is None or len(country) == 2 and all("A" <= c <= "Z" for c in country))
    need(m["kind"] == "organisation" or country)
    need(len(m.get("city", "")) <= 160 and any(m["root"]) and m["names"])
    check_text(m["names"], 160)


def check_addresses(addresses):
    need(len(addresses) <= 16 and all(len(a.encode()) <= 256 for a in addresses), "too_large")


# --- one function per file ----------------------------------------------------


def raw_of(v, name):
    text = v.get(name, "")
    return bytes(int(text[6:])) if text.startswith("zeros:") else bytes.fromhex(text)


def codec(v):
    block = raw_of(v, "block")
    decode(block)
    return {"cid": cid_text(cid_of(block))}


def cids(v):
    text = v["text"]
    need(text[:1] == "b" and text == text.lower())
    try:
        raw = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    except Exception:
        raise Bad("malformed")
    need(is_cid(raw) and cid_text(raw) == text)
    return {"bytes": raw.hex()}


def keys(v):
    if "text" not in v:
        need(verify(raw_of(v, "key"), raw_of(v, "message"), raw_of(v, "signature")), "bad_signature")
        return {}
    text = v["text"]
    need(text[:2] == "ed" and len(text) == 54 and text == text.lower())
    try:
        raw = base64.b32decode(text[2:].upper() + "====")
    except Exception:
        raise Bad("malformed")
    need(key_text(raw) == text)
    n = int.from_bytes(hashlib.sha256(b"dure/fingerprint/1" + raw).digest()[:5], "big") % 10**12
    digits = "%012d" % n
    return {"key": raw.hex(), "fingerprint": " ".join((digits[:4], digits[4:8], digits[8:]))}


def frontier(v):
    root, lines = hashlib.sha256(b"dure/ledger/1\0" + raw_of(v, "federation")[4:]), []
    for feed, count, at, forked in sorted(v["lines"]):
        if not count and not forked:
            continue
        line = b"dure/standing/1\0" + bytes.fromhex(feed) + count.to_bytes(8, "big")
        line += (bytes.fromhex(at) or bytes(32)) + forked.to_bytes(8, "big")
        lines.append(hashlib.sha256(line).digest())
        root.update(lines[-1])
    return {"root": b32(root.digest()), "lines": [d.hex() for d in lines]}


def frames(v):
    raw, n, at = raw_of(v, "bytes"), 0, 0
    while True:
        need(at < len(raw), "unreachable")
        need(at < 9)
        n |= (raw[at] & 127) << 7 * at
        at += 1
        if raw[at - 1] < 128:
            break
    need(at == 1 or raw[at - 1] != 0)
    need(n <= 1 << 20, "too_large")
    need(at + n <= len(raw), "unreachable")
    f = shape(decode(raw[at:at + n]), FRAMES[v["kind"]])
    known = {k: x for k, x in f.items() if k in FRAMES[v["kind"]]}
    if v["kind"] == "offer":
        need(len(f.get("l", ())) <= 2048 and len(f.get("r", ())) <= 2048, "too_large")
        need(all(max(x["n"], x.get("k", 0)) <= NUMBER + 1 for x in f.get("l", ())), "too_large")
        need(all(len(x["p"]) <= 64 for x in f.get("r", ())), "too_large")
    elif v["kind"] == "ask":
        need(all(len(x) <= 256 for x in known.values()), "too_large")
    elif v["kind"] == "sent":
        need(len(f.get("h", ())) <= 64 and len(f.get("b", ())) <= 256 and len(f.get("e", ())) <= 256, "too_large")
    elif v["kind"] == "file_ask":
        c = f.get("c", ())
        need(is_block(f["f"]) and is_block(f["e"]))
        need(len(c) <= 16 and all(x < 160 for x in c), "too_large")
        need(all(a < b for a, b in zip(c, c[1:])))
    elif v["kind"] == "file_sent":
        need(f.get("n", 0) < 160 and len(f.get("m", b"")) <= 8192 and len(f.get("d", b"")) <= 65536, "too_large")
        need(sum(x in f for x in "mdx") == 1 and ("n" not in f or "d" in f))
    elif v["kind"] == "join_request":
        need(0 <= f["time"] <= TIME)
        need(len(f.get("follow", ())) <= 4, "too_large")
    elif v["kind"] == "join_answer":
        need(0 <= f["time"] <= TIME)
        need(len(f.get("peers", ())) <= 256 and len(f.get("args", ())) <= 16, "too_large")
        for p in f.get("peers", ()):
            check_addresses(p["addrs"])
        need(f.get("num", 0) <= NUMBER, "too_large")
        if "member" in f:
            check_member(f["member"])
        if "removal" in f:
            r = f["removal"]
            need(1 <= r["n"] <= NUMBER, "too_large")
            need(max(len(r.get("decision", b"")), len(r.get("cert", b""))) <= 65536, "too_large")
    block = encode(known)
    return {"length": len(block), "block": block.hex()}


def headers(v):
    e, federation = Entry(raw_of(v, "header")), raw_of(v, "federation")
    e.verify(federation, raw_of(v, "key"))
    return {"id": cid_text(e.id), "feed": cid_text(e.feed), "signed": e.signed(federation).hex()}


def inceptions(v):
    e = Entry(raw_of(v, "header"))
    e.verify_inception(raw_of(v, "federation"))
    init = e.h["init"]
    return {"feed": cid_text(e.id), "root": key_text(init["root"]), "node": key_text(init["node"]), "added": added(init).hex()}


def chains(v):
    prev = Entry(raw_of(v, "prev"))
    Entry(raw_of(v, "header")).follows(prev)
    return {}


def endorsed(v):
    prev = Entry(raw_of(v, "prev")) if "prev" in v else None
    return {"count": endorse(raw_of(v, "federation"), raw_of(v, "key"), prev, [Entry(bytes.fromhex(h)) for h in v["run"]])}


def bodies(v):
    body = raw_of(v, "body")
    if "header" in v:
        check_body(Entry(raw_of(v, "header")), body)
    need(len(body) <= 65536, "too_large")
    b = decode(body)
    need(isinstance(b, dict) and isinstance(b.get("data"), dict) and type(b.get("salt")) is bytes and len(b["salt"]) == 16)
    return {"id": cid_text(cid_of(body)), "data": encode(b["data"]).hex()}


def messages(v):
    verdicts = {"malformed": "reject", "non_canonical": "reject", "too_large": "reject", "bad_hash": "reject",
                "bad_signature": "reject", "wrong_federation": "reject"}
    try:
        raw = raw_of(v, "message")
        need(len(raw) <= 1024 + 65536 + 64, "too_large")
        m = shape(decode(raw), {"h": (BYTES, MUST), "b": (BYTES, MAY)}, closed=True)
        e = Entry(m["h"])
        check_body(e, m.get("b", b""))
        return {"id": cid_text(e.id), "verdict": "accept"}
    except Bad as bad:
        bad.out = {"verdict": verdicts.get(bad.reason, "ignore")}
        raise


def forks(v):
    federation, ev = raw_of(v, "federation"), shape(decode(raw_of(v, "evidence")), EVIDENCE)
    init = Entry(ev["init"])
    need(init.seq == 0)
    init.verify_inception(federation)
    runs = []
    for side in ("left", "right"):
        need(1 <= len(ev[side]) <= 64)
        runs.append([Entry(raw) for raw in ev[side]])
    a, b = runs[0][0], runs[1][0]
    need(a.feed == init.id == b.feed and a.seq == b.seq > 0 and a.h["prev"] == b.h["prev"] and a.id < b.id)
    node = init.h["init"]["node"]
    for run in runs:
        for i in range(1, len(run)):
            run[i].follows(run[i - 1])
        run[-1].verify(federation, node)
    return {"feed": cid_text(init.id), "seq": a.seq, "node": key_text(node)}


def founding(v):
    block = raw_of(v, "block")
    need(len(block) <= 512 * 1024, "too_large")
    f = shape(decode(block), FOUNDING)
    need(f["v"] == 1, "wrong_version")
    need(f["names"] and 1 <= len(f["founders"]) <= 256)
    check_text(f["names"], 160)
    check_text(f["charter"], 512 * 1024)
    for m in f["founders"]:
        check_member(m)
    handles = {m["handle"] for m in f["founders"]}
    need(len(handles) == len({m["root"] for m in f["founders"]}) == len(f["founders"]))
    need(all(t["member"] in handles for t in f["offices"]))
    return {"federation": cid_text(cid_of(block))}


def statements(v):
    s = shape(decode(raw_of(v, "statement")), STATEMENT, closed=True)
    stands = s.get("stands", [])
    need(len(stands) <= 256 and len({x["feed"] for x in stands}) == len(stands))
    for x in stands:
        need(is_block(x["feed"]) and (x["count"] > 0) == ("head" in x) and x["count"] <= NUMBER + 1)
        need("head" not in x or is_block(x["head"]))
    said = {name for name in ("node", "num", "stands", "act") if name in s}
    allowed = {"add": [{"node"}], "cut": [{"node"}, {"node", "stands"}], "govern": [{"node", "num"}],
               "settle": [{"stands"}], "object": [{"act"}]}.get(s["what"], [])
    need(said in allowed and (s["what"] != "settle" or len(stands) == 1 and stands[0]["count"] > 0))
    signed = ROOT + s["fed"] + encode(without(s, "sig"))
    need(verify(s["root"], signed, s.get("sig", b"")), "bad_signature")
    return {"signed": signed.hex()}


def line(text, prefix, fields, closed):
    text = "".join(text.split())
    need(text.startswith(prefix) and len(text) - len(prefix) <= 8192)
    code = text[len(prefix):]
    need(all(c.isascii() and (c.isalnum() or c in "-_") for c in code))
    try:
        raw = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except Exception:
        raise Bad("malformed")
    need(base64.urlsafe_b64encode(raw).decode().rstrip("=") == code)
    return shape(decode(raw), fields, closed)


def cards(v):
    try:
        c = line(v["line"], "dure-card-1:", CARD, True)
    except Bad:
        raise Bad("malformed")
    check_member(c["member"])
    signed = CARD_TAG + encode(without(c, "sig"))
    need(verify(c["member"]["root"], signed, c.get("sig", b"")), "bad_signature")
    return {"handle": c["member"]["handle"], "root": key_text(c["member"]["root"]), "signed": signed.hex()}


def invitations(v):
    try:
        i = line(v["line"], "dure-invitation-1:", INVITATION, False)
        need(is_block(i["fed"]) and any(i["node"]) and i["addrs"] and i.get("expires", 0) >= 0)
        need(len(i.get("seed", bytes(32))) == 32)
        if "handle" in i:
            check_handle(i["handle"])
        check_addresses(i["addrs"])
        check_text(i["name"], 160)
    except Bad:
        raise Bad("invitation_invalid")
    out = {"federation": cid_text(i["fed"]), "node": key_text(i["node"])}
    if "seed" in i:
        out["key"] = key_text(public(i["seed"]))
    return out


def applications(v):
    a = shape(decode(raw_of(v, "application")), APPLICATION, closed=True)
    federation = raw_of(v, "federation")
    need(a["fed"] == federation, "wrong_federation")
    check_member(a["member"])
    body = encode(without(a, "by_seed", "by_root"))
    by_seed, by_root = APPLY_SEED + federation + body, APPLY_ROOT + federation + body
    need(verify(a["invitation"], by_seed, a.get("by_seed", b"")), "bad_signature")
    need(verify(a["member"]["root"], by_root, a.get("by_root", b"")), "bad_signature")
    return {"by_seed": by_seed.hex(), "by_root": by_root.hex()}


def health(v):
    raw, federation = raw_of(v, "message"), raw_of(v, "federation")
    need(len(raw) <= 4096, "too_large")
    h = shape(decode(raw), HEALTH)
    need(h["fed"] == federation, "wrong_federation")
    check_addresses(h.get("addrs", []))
    need(len(h["state"].encode()) <= 32 and len(h["version"].encode()) <= 64, "too_large")
    need(max(h["entries"], h.get("wanted", 0), h.get("act", 0)) <= NUMBER, "too_large")
    need(0 <= h["time"] <= TIME)
    signed = HEALTH_TAG + federation + encode(without(h, "sig"))
    need(verify(h["node"], signed, h.get("sig", b"")), "bad_signature")
    return {"node": key_text(h["node"]), "signed": signed.hex()}


def erasures(v):
    if v["kind"] == "11":
        said = shape(decode(raw_of(v, "data")), ERASED)["entries"]
        need(1 <= len(said) <= 1024, "too_large")
        need(all(is_block(e) for e in said) and all(a < b for a, b in zip(said, said[1:])))
        return {"entries": len(said)}
    said = shape(decode(raw_of(v, "data")), ERASURE)
    need(len(said.get("code", "").encode()) <= 40)
    check_text(said.get("reason", {}), 500)
    return {"languages": len(said.get("reason", {}))}


def manifests(v):
    raw = raw_of(v, "manifest")
    need(len(raw) <= 8192, "too_large")
    need(cid_text(cid_of(raw)) == v["id"], "bad_hash")
    m = shape(decode(raw), MANIFEST, closed=True)
    n = m["bytes"]
    need(n > 0)
    need(n <= 10 << 20, "too_large")
    need(len(m["chunks"]) == (n + 65535) // 65536)
    need(all(is_cid(c) and not is_block(c) for c in m["chunks"]))
    return {"bytes": n, "chunks": len(m["chunks"]), "last": n - 65536 * (len(m["chunks"]) - 1)}


SUITES = (codec, cids, keys, frontier, frames, headers, inceptions, chains, endorsed, bodies, messages, forks,
          founding, statements, cards, invitations, applications, health, erasures, manifests)


def main():
    here, total, wrong = pathlib.Path(__file__).parent, 0, []
    if {p.stem for p in here.glob("*.json")} != {s.__name__ for s in SUITES}:
        wrong.append("the files are not those that this program knows")
    for suite in SUITES:
        for v in json.loads((here / (suite.__name__ + ".json")).read_text("utf-8"))["vectors"]:
            total += 1
            try:
                got, out = "accept", suite(v["in"])
            except Bad as bad:
                got, out = bad.reason, bad.out
            want = v["expect"]
            if got != want and not {got, want} <= FORM:
                wrong.append(f"{suite.__name__}: {v['name']}: {got}, want {want}")
            elif out != v.get("out", {}):
                wrong.append(f"{suite.__name__}: {v['name']}: other outputs: {out}")
    print("\n".join(wrong) or f"{total} vectors hold")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
