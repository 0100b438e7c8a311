"""A component in Python, which passes `supe conformance -- python3 client.py`.

handle() is yours; the rest is the wire (contract, sections 2 and 3).
"""
import json
import os

channel = os.fdopen(int(os.environ["NODE_CHANNEL_FD"]), "r+b", buffering=0)


def send(frame):
    data = memoryview(json.dumps(frame).encode() + b"\n")
    while data:  # an unbuffered write may take less than all
        data = data[channel.write(data):]


def signal(name, **data):
    send({"type": "signal", "signal": name, "data": data})


def frames():
    """The frames of the supervisor, until it is gone."""
    rest = bytearray()
    while chunk := channel.read(1 << 16):
        rest += chunk
        if b"\n" in chunk:
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            yield from (json.loads(line) for line in lines)


def handle(mail):
    msg = mail["msg"]
    if not isinstance(msg, dict):
        return
    if "reply" in msg:
        send({"type": "mail", "to": mail["from"], "msg": msg["reply"]})
    if "pause" in msg:
        signal("NOT-READY-TO-RECEIVE-MAIL")


def ready():
    signal("READY-TO-RECEIVE-MAIL", window=8)


ready()
for frame in frames():
    if frame.get("type") == "mail":
        handle(frame)  # before the ack: until then the mail is delivered again after a crash
        signal("ACK-CURRENT-MAIL", ids=[frame["id"]])
        if isinstance(frame["msg"], dict) and "pause" in frame["msg"]:
            ready()
    elif frame.get("signal") == "SUPE-SHUTDOWN":
        break
