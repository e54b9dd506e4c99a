#!/usr/bin/env python3
"""Verifies an exported Holdline audit log, offline.

Written from the public texts alone, so that it shares nothing with the service:
RFC 6962 section 2.1, and c2sp.org/signed-note, /tlog-checkpoint, /tlog-tiles.
Needs Python 3.9 or newer and the package `cryptography`.

Exit status: 0 the log verifies, 1 something was found (one sentence a line), 2 wrong usage.
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import shlex
import stat
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256  # hashes of a full tile, entries of a full bundle
HASH = 32
ED25519 = 1  # the signature type of the only algorithm that is read here
MAX_SIGNATURES = 100  # the format asks for some limit, not below 16
MAX_FINDINGS = 50
REQUIRED = {"seq", "at", "actor", "origin", "verb", "subject"}
OPTIONAL = {"before", "after", "note"}


class Bad(Exception):
    """A finding that leaves nothing to check further in this place."""


class Enough(Exception):
    """There are so many findings that more would not help."""


class Findings(list):
    def add(self, sentence):
        self.append(sentence)
        if len(self) >= MAX_FINDINGS:
            raise Enough


# ---------------------------------------------------------------- notes and checkpoints


def unbase64(text, what):
    """Standard base64 in its one canonical form: Python alone would let spare bits pass."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data).decode() != text:
        raise Bad(f"{what} is not base64")
    return data


def key_name(name, what):
    if not name or "+" in name or any(c.isspace() for c in name):
        raise Bad(f"{what} has a key name that is empty or holds a space or a plus sign")
    return name


def key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public).digest()[:4]


class Key:
    """A verifier key: NAME+ID+BASE64 of the type and the public key."""

    def __init__(self, text):
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise Bad("the key is not NAME+ID+KEY")
        self.name = key_name(parts[0], "the key")
        data = unbase64(parts[2], "the key")
        if len(data) != 33 or data[0] != ED25519:
            raise Bad("the key is not an Ed25519 key")
        self.public = data[1:]
        self.id = key_id(self.name, self.public)
        if parts[1] != self.id.hex():
            raise Bad("the key's id does not fit its name and bytes")

    def __eq__(self, other):
        return (self.name, self.public) == (other.name, other.public)

    def has_signed(self, text, signature):
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def open_note(data, key, what):
    """The text of a signed note, when the key has signed it."""
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad(f"{what} is not UTF-8") from None
    if any(c < " " and c != "\n" for c in note):
        raise Bad(f"{what} holds control characters")
    text, border, block = note.rpartition("\n\n")
    if not border or not block.endswith("\n"):
        raise Bad(f"{what} does not end in signature lines")
    text += "\n"
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Bad(f"{what} has more than {MAX_SIGNATURES} signatures")
    signed = False
    for line in lines:
        dash, name, value = (line.split(" ", 2) + ["", ""])[:3]
        if dash != "\u2014":
            raise Bad(f"{what} has a line among its signatures that is none")
        key_name(name, what)
        signature = unbase64(value, f"a signature of {what}")
        if len(signature) < 5:
            raise Bad(f"{what} has a signature that is too short")
        if (name, signature[:4]) == (key.name, key.id):  # others are unknown and passed over
            if not key.has_signed(text.encode(), signature[4:]):
                raise Bad(f"{what} has a wrong signature by {key.name}")
            signed = True
    if not signed:
        raise Bad(f"{what} is not signed by {key.name} with key {key.id.hex()}")
    return text


class Checkpoint:
    def __init__(self, data, key, what):
        lines = open_note(data, key, what)[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise Bad(f"{what} has not three or more lines, none of them empty")
        self.origin = lines[0]
        if not re.fullmatch("0|[1-9][0-9]{0,19}", lines[1]) or int(lines[1]) >= 2**64:
            raise Bad(f"{what} has no proper size: {lines[1]}")
        self.size = int(lines[1])
        self.root = unbase64(lines[2], f"the root of {what}")
        if len(self.root) != HASH:
            raise Bad(f"the root of {what} has {len(self.root)} bytes")


# ---------------------------------------------------------------- the tree of RFC 6962


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def tree_hash(begin, end, known):
    """MTH(D[begin:end]), where `known` may give the hash of a part at once."""
    if begin == end:
        return hashlib.sha256().digest()
    found = known(begin, end)
    if found is not None:
        return found
    half = 1
    while half * 2 < end - begin:
        half *= 2
    left = tree_hash(begin, begin + half, known)
    return hashlib.sha256(b"\1" + left + tree_hash(begin + half, end, known)).digest()


def of_leaves(hashes):
    return lambda begin, end: hashes[begin] if end - begin == 1 else None


# ---------------------------------------------------------------- tiles and bundles


def tile_path(level, index, width):
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join(["x" + g for g in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def tiles(size, level):
    """Index and width of every tile of a level; entry bundles are like level 0."""
    full, rest = divmod(size >> (8 * level), WIDTH)
    for index in range(full):
        yield index, WIDTH
    if rest:
        yield full, rest


def plain_files(folder, findings):
    """The paths of all files below, with slashes; whatever else is there is a finding."""
    found, waiting = set(), [""]
    while waiting:
        below = waiting.pop()
        for name in sorted(os.listdir(os.path.join(folder, below))):
            path = f"{below}/{name}" if below else name
            mode = os.lstat(os.path.join(folder, path)).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif stat.S_ISREG(mode):
                found.add(path)
            else:
                findings.add(f"{path} is neither a file nor a folder.")
    return found


def unbundle(data, width, path):
    entries, at = [], 0
    for number in range(width):
        head = data[at : at + 2]
        end = at + 2 + int.from_bytes(head, "big")
        if len(head) < 2 or end > len(data):
            raise Bad(f"{path} is cut off in its entry {number}")
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data):
        raise Bad(f"{path} has {len(data) - at} bytes after its last entry")
    return entries


class Log:
    """The files of an export, held against the size of its checkpoint."""

    def __init__(self, folder, size, findings):
        self.folder, self.size, self.findings = folder, size, findings
        self.files = plain_files(folder, findings)
        self.wanted = {"checkpoint", "key"}

    def read(self, path):
        self.wanted.add(path)
        if path not in self.files:
            raise Bad(f"{path} is missing")
        with open(os.path.join(self.folder, path), "rb") as file:
            return file.read()

    def entries(self):
        """All entries in order; None stands for each of a bundle that cannot be read."""
        entries = []
        for index, width in tiles(self.size, 0):
            path = tile_path("entries", index, width)
            try:
                entries += unbundle(self.read(path), width, path)
            except Bad as bad:
                self.findings.add(f"{bad}.")
                entries += [None] * width
        return entries

    def levels(self):
        """The hashes of each level of tiles; None for those of a tile that cannot be read."""
        levels, level = [], 0
        while self.size >> (8 * level):
            hashes = []
            for index, width in tiles(self.size, level):
                path = tile_path(level, index, width)
                try:
                    data = self.read(path)
                    if len(data) != width * HASH:
                        raise Bad(f"{path} has {len(data)} bytes and not {width * HASH}")
                    hashes += [data[i : i + HASH] for i in range(0, len(data), HASH)]
                except Bad as bad:
                    self.findings.add(f"{bad}.")
                    hashes += [None] * width
            levels.append(hashes)
            level += 1
        return levels

    def check_tiles(self, levels, leaves):
        """Level 0 against the entries, every level above against the one below."""
        for number, (tile, leaf) in enumerate(zip(levels[0] if levels else [], leaves)):
            if tile and leaf and tile != leaf:
                self.findings.add(f"Entry {number} has not the hash that its tile holds.")
        for level in range(1, len(levels)):
            below = levels[level - 1]
            for index, stated in enumerate(levels[level]):
                part = below[index * WIDTH : (index + 1) * WIDTH]
                if stated and None not in part and tree_hash(0, WIDTH, of_leaves(part)) != stated:
                    self.findings.add(f"Hash {index} of level {level} does not follow from the level below.")

    def root_of_tiles(self, levels):
        """The root with as few hashes as the tiles allow, so that the upper ones take part."""

        def known(begin, end):
            level, width = 0, 1
            while width < end - begin:
                level, width = level + 1, width * WIDTH
            return levels[level][begin // width] if width == end - begin else None

        return tree_hash(0, self.size, known)


# ---------------------------------------------------------------- entries


def once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a field stands twice")
    return dict(pairs)


def no_constant(word):
    raise ValueError(f"{word} is not JSON")


def is_text(value):
    """A text, or the hash and length of one that was too long for the log."""
    if isinstance(value, dict):
        return (
            set(value) == {"sha256", "bytes"}
            and type(value["bytes"]) is int
            and value["bytes"] > 4096
            and isinstance(value["sha256"], str)
            and re.fullmatch("[0-9a-f]{64}", value["sha256"]) is not None
        )
    if not isinstance(value, str):
        return False
    return not any("\ud800" <= c <= "\udfff" for c in value)


def is_time(value):
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{3}Z"
    try:
        datetime.strptime(value if re.fullmatch(form, value) else "", "%Y-%m-%dT%H:%M:%S.%fZ")
    except (TypeError, ValueError):
        return False
    return True


def check_entry(number, data):
    """What is wrong with an entry, or None."""
    try:
        entry = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        return f"Entry {number} is not JSON: {error}."
    if not isinstance(entry, dict):
        return f"Entry {number} is not an object."
    if not REQUIRED <= set(entry) <= REQUIRED | OPTIONAL:
        odd = sorted((REQUIRED - set(entry)) | (set(entry) - REQUIRED - OPTIONAL))
        return f"Entry {number} lacks a field or has one that is not known: {', '.join(odd)}."
    if type(entry["seq"]) is not int or entry["seq"] != number:
        return f"Entry {number} says that it is number {entry['seq']}."
    if not is_time(entry["at"]):
        return f"Entry {number} has no time in UTC with milliseconds: {entry['at']}."
    for name in ("actor", "origin", "verb", "subject"):
        if not is_text(entry[name]):
            return f"Entry {number} has no proper {name}."
    if entry.get("note") is not None and not is_text(entry["note"]):
        return f"Entry {number} has no proper note."
    return None


# ---------------------------------------------------------------- the whole


def check_kept(kept, name, checkpoint, leaves, findings):
    """The kept checkpoint must be of a prefix of this log."""
    if kept.origin != checkpoint.origin:
        findings.add(f"The kept checkpoint {name} is of another log: {kept.origin}.")
    if kept.size > checkpoint.size:
        findings.add(f"The log was cut: {name} counts {kept.size} entries, the export {checkpoint.size}.")
    elif None in leaves[: kept.size]:
        findings.add(f"The kept checkpoint {name} cannot be checked: entries are missing.")
    elif tree_hash(0, kept.size, of_leaves(leaves)) != kept.root:
        findings.add(f"The log is a fork: its first {kept.size} entries are not those of {name}.")


def check_export(folder, key, kept_files, findings):
    """Every check. Returns the checkpoint."""
    with open(os.path.join(folder, "checkpoint"), "rb") as file:
        checkpoint = Checkpoint(file.read(), key, "the checkpoint")
    with open(os.path.join(folder, "key"), "rb") as file:
        if Key(file.read().decode("utf-8", "replace")) != key:
            findings.add("The key in the folder is not the one that was given.")
    if checkpoint.origin != key.name:
        findings.add(f"The checkpoint is of {checkpoint.origin}, the key of {key.name}.")
    log = Log(folder, checkpoint.size, findings)
    entries, levels = log.entries(), log.levels()
    for path in sorted(log.files - log.wanted):
        findings.add(f"{path} does not belong to this log.")
    leaves = [None if e is None else leaf_hash(e) for e in entries]
    log.check_tiles(levels, leaves)
    if None not in leaves and tree_hash(0, len(leaves), of_leaves(leaves)) != checkpoint.root:
        findings.add("The entries do not lead to the root that was signed.")
    if not any(None in level for level in levels) and log.root_of_tiles(levels) != checkpoint.root:
        findings.add("The tiles do not lead to the root that was signed.")
    for name in kept_files:
        with open(name, "rb") as file:
            check_kept(Checkpoint(file.read(), key, name), name, checkpoint, leaves, findings)
    for number, data in enumerate(entries):
        wrong = data is not None and check_entry(number, data)
        if wrong:
            findings.add(wrong)
    return checkpoint


def verify(job):
    """Findings and checkpoint of one export."""
    findings, checkpoint = Findings(), None
    try:
        checkpoint = check_export(job.folder, job.key, job.checkpoint, findings)
    except Bad as bad:
        findings.append(f"{str(bad)[:1].upper()}{str(bad)[1:]}.")
    except OSError as error:
        findings.append(f"A file cannot be read: {error}.")
    except Enough:
        findings.append(f"There may be more: the check stopped after {MAX_FINDINGS} findings.")
    return findings, checkpoint


def given_key(text):
    try:
        if os.path.isfile(text):
            with open(text, encoding="utf-8") as file:
                text = file.read()
        return Key(text)
    except (Bad, OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def given_folder(path):
    if not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"{path} is not a folder")
    return path


def given_file(path):
    if not os.path.isfile(path):
        raise argparse.ArgumentTypeError(f"{path} is not a file")
    return path


def parser():
    line = argparse.ArgumentParser(prog="verify_audit.py", description=__doc__.split("\n")[0])
    line.add_argument("folder", type=given_folder, help="the exported folder")
    line.add_argument(
        "--key", type=given_key, required=True, help="the verifier key that you kept, or a file with it"
    )
    line.add_argument(
        "--checkpoint",
        "--kept",
        type=given_file,
        action="append",
        default=[],
        metavar="FILE",
        help="an older checkpoint that you kept: finds a cut or rewritten log; may be repeated",
    )
    return line


def main(words):
    sys.stdout.reconfigure(errors="backslashreplace")
    if words == ["--batch"]:  # a command line on each line of the input, a verdict on each of the output
        worst = 0
        for line in sys.stdin:
            job = parser().parse_args(shlex.split(line))
            findings, _ = verify(job)
            worst = max(worst, bool(findings))
            print("found" if findings else "clean", job.folder, " ".join(findings).replace("\n", " "), sep="\t")
        return worst
    findings, checkpoint = verify(parser().parse_args(words))
    for finding in findings:
        print(finding)
    if not findings:
        print(f"The log verifies: {checkpoint.size} entries of {checkpoint.origin}, root {checkpoint.root.hex()}.")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
