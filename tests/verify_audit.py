#!/usr/bin/env python3
"""A second verifier of an exported audit log. It shares no code with Holdline.

    verify_audit.py --key KEY [--kept FILE] FOLDER
    verify_audit.py --key KEY --batch < LIST

KEY is the verifier key that the auditor holds (`holdline audit key`), or a file with it. FILE is an
older checkpoint that the auditor kept. LIST has one folder a line, and after a tab the file of a kept
checkpoint; the verdicts come out one a line. Exit code: 0 all is well, 1 something was found, 2 usage.

Written from these texts, besides the standard library only an Ed25519 package is needed:
  https://c2sp.org/signed-note       the envelope of a checkpoint, key ids
  https://c2sp.org/tlog-checkpoint   origin, size, root
  https://c2sp.org/tlog-tiles        where hashes and entries are, partial tiles
  RFC 6962, section 2.1              the tree hash
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 1  # signature type of signed-note
SPAN = 256  # hashes or entries in a full tile


class Finding(Exception):
    """One sentence about what is wrong."""


def b64(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Finding(f"{what} is not base64") from None


class Key:
    """A verifier key: NAME+ID+BASE64(type, public key)."""

    def __init__(self, text):
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not parts[0] or re.search(r"\s", parts[0]):
            raise Finding("the key is not NAME+ID+KEY")
        self.name = parts[0]
        material = b64(parts[2], "the key")
        if len(material) != 33 or material[0] != ED25519:
            raise Finding("the key is not an Ed25519 key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4]
        if parts[1] != self.id.hex():
            raise Finding("the key's id does not fit its name and bytes")
        self.public = Ed25519PublicKey.from_public_bytes(material[1:])


def open_note(raw, key):
    """The text of a signed note, if this key signed it."""
    try:
        note = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Finding("the checkpoint is not UTF-8") from None
    if any(ord(c) < 32 and c != "\n" for c in note):
        raise Finding("the checkpoint holds control characters")
    # The signatures follow the last empty line.
    border = note.rfind("\n\n")
    if border < 0 or not note.endswith("\n") or border + 2 >= len(note):
        raise Finding("the checkpoint has no signatures")
    text, lines = note[: border + 1], note[border + 2 : -1].split("\n")
    signed = False
    for line in lines:
        match = re.fullmatch("— ([^\\s+]+) (\\S+)", line)
        if not match:
            raise Finding(f"this is no signature line: {line!r}")
        signature = b64(match[2], "a signature")
        if len(signature) < 5:
            raise Finding("a signature is too short")
        if match[1] != key.name or signature[:4] != key.id:
            continue  # another key's, which is nothing to us
        try:
            key.public.verify(signature[4:], text.encode())
        except (InvalidSignature, ValueError):
            raise Finding("the signature of the checkpoint is wrong") from None
        signed = True
    if not signed:
        raise Finding(f"the checkpoint is not signed by {key.name}")
    return text


def open_checkpoint(raw, key):
    """(origin, size, root) of a signed checkpoint."""
    lines = open_note(raw, key)[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Finding("the checkpoint has no origin, size and root")
    if not re.fullmatch("0|[1-9][0-9]*", lines[1]):
        raise Finding("the size in the checkpoint is not a number")
    root = b64(lines[2], "the root in the checkpoint")
    if len(root) != 32:
        raise Finding("the root in the checkpoint is not 32 bytes long")
    return lines[0], int(lines[1]), root


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_hash(hashes):
    """MTH of RFC 6962 over the hashes of leaves, or of complete subtrees of one size."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + tree_hash(hashes[:left]) + tree_hash(hashes[left:])).digest()


def tile_name(level, index, width):
    """tile/<L>/x001/x234/067, with .p/<W> when it is not full."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == SPAN else f".p/{width}"
    return f"tile/{level}/" + "/".join(groups) + partial


def tiles(count):
    """(index, width) of each tile of a level that has so many hashes."""
    for index in range((count + SPAN - 1) // SPAN):
        yield index, min(SPAN, count - index * SPAN)


def read(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError as error:
        raise Finding(f"{name}: {error.strerror}") from None


def read_entries(folder, size, seen):
    entries = []
    for index, width in tiles(size):
        name = tile_name("entries", index, width)
        seen.add(name)
        raw, at = read(folder, name), 0
        for _ in range(width):
            length = int.from_bytes(raw[at : at + 2], "big")
            if at + 2 + length > len(raw) or len(raw) < at + 2:
                raise Finding(f"{name}: an entry is cut off")
            entries.append(raw[at + 2 : at + 2 + length])
            at += 2 + length
        if at != len(raw):
            raise Finding(f"{name}: there are bytes after the last entry")
    return entries


def check_tiles(folder, hashes, seen):
    """Every level of tiles, from the leaves up."""
    level = 0
    while hashes:
        for index, width in tiles(len(hashes)):
            name = tile_name(level, index, width)
            seen.add(name)
            if read(folder, name) != b"".join(hashes[index * SPAN : index * SPAN + width]):
                raise Finding(f"{name}: its hashes are not those of what is below")
        full = len(hashes) // SPAN
        hashes = [tree_hash(hashes[n * SPAN : (n + 1) * SPAN]) for n in range(full)]
        level += 1


def check_entry(number, entry):
    try:
        fields = json.loads(entry)
    except ValueError:
        raise Finding(f"entry {number} is not JSON") from None
    if not isinstance(fields, dict) or fields.get("seq") != number:
        raise Finding(f"entry {number} does not say that it is number {number}")
    for name in ("at", "actor", "verb", "subject"):
        if not isinstance(fields.get(name), str):
            raise Finding(f"entry {number} has no {name}")


def check_strays(folder, seen):
    for at, _, names in os.walk(os.path.join(folder, "tile")):
        for name in names:
            path = os.path.relpath(os.path.join(at, name), folder)
            if path not in seen:
                raise Finding(f"{path}: does not belong to a log of this size")


def verify(folder, key, kept=None):
    """The size of a log that is sound; raises Finding."""
    origin, size, root = open_checkpoint(read(folder, "checkpoint"), key)
    seen = set()
    entries = read_entries(folder, size, seen)
    for number, entry in enumerate(entries):
        check_entry(number, entry)
    hashes = [leaf_hash(entry) for entry in entries]
    check_tiles(folder, hashes, seen)
    check_strays(folder, seen)
    if tree_hash(hashes) != root:
        raise Finding("the entries do not lead to the root that was signed")
    if kept is not None:
        with open(kept, "rb") as file:
            old_origin, old_size, old_root = open_checkpoint(file.read(), key)
        if old_origin != origin:
            raise Finding("the kept checkpoint is of another log")
        if old_size > size:
            raise Finding(f"the log was cut: it had {old_size} entries and has {size}")
        if tree_hash(hashes[:old_size]) != old_root:
            raise Finding(f"the log was rewritten before entry {old_size}: it is a fork")
    return size


def verdict(folder, key, kept):
    try:
        return True, f"ok: {verify(folder, key, kept)} entries"
    except Finding as finding:
        return False, f"found: {finding}"


def main():
    parser = argparse.ArgumentParser(description="Verifies an exported audit log.")
    parser.add_argument("--key", required=True, help="the verifier key, or a file with it")
    parser.add_argument("--kept", help="an older checkpoint of the same log")
    parser.add_argument("--batch", action="store_true", help="read folders from standard input")
    parser.add_argument("folder", nargs="?")
    given = parser.parse_args()
    if given.batch == bool(given.folder):
        parser.error("give a folder, or --batch")
    try:
        text = given.key
        if os.path.exists(text):
            with open(text, encoding="utf-8") as file:
                text = file.read()
        key = Key(text)
    except Finding as finding:
        parser.error(str(finding))
    if given.batch:
        jobs = [(line.rstrip("\n") + "\t").split("\t")[:2] for line in sys.stdin]
    else:
        jobs = [(given.folder, given.kept)]
    sound = True
    for folder, kept in jobs:
        well, words = verdict(folder, key, kept or None)
        sound = sound and well
        print(words, flush=True)
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
