"""Sets up a fresh Synapse: an account with two devices, another person, and their rooms. Prints peer.json."""

import hashlib
import hmac
import json
import os
import secrets
import sys
import urllib.request

url = sys.argv[1]


def ask(method, path, content=None, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url + path, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def register(name):
    password = secrets.token_hex(12)
    nonce = ask("GET", "/_synapse/admin/v1/register")["nonce"]
    mac = hmac.new(os.environ["SHARED"].encode(), digestmod=hashlib.sha1)
    mac.update("\0".join([nonce, name, password, "notadmin"]).encode())
    content = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac.hexdigest()}
    return password, ask("POST", "/_synapse/admin/v1/register", content)


def room(token, **content):
    return ask("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat", **content}, token)["room_id"]


password, bank = register("bank")
_, visitor = register("visitor")
user = {"type": "m.id.user", "user": "bank"}
login = {"type": "m.login.password", "identifier": user, "password": password}
other = ask("POST", "/_matrix/client/v3/login", login)
token = bank["access_token"]

encryption = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
quiet = room(visitor["access_token"], power_level_content_override={"events_default": 50})
ask("POST", f"/_matrix/client/v3/rooms/{quiet}/join", {}, token)
announcements = room(token, name="Announcements", room_version="11")
ask("POST", f"/_matrix/client/v3/rooms/{announcements}/join", {}, visitor["access_token"])
print(json.dumps({
    "url": url,
    "user": bank["user_id"],
    "token": token,
    "other_device": other["access_token"],
    "visitor": visitor["access_token"],
    "room": announcements,
    # Its maker is above all levels since version 12 of rooms.
    "new_room": room(token, room_version="12", power_level_content_override={"events_default": 50}),
    "encrypted": room(token, initial_state=[encryption]),
    "quiet": quiet,
    "away": room(visitor["access_token"]),
}))
