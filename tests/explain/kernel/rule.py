"""Adds an IPv6 rule that `ip` has no words for: rule.py PREF TABLE [from PREFIX]
[flags NUMBER] [flowlabel LABEL/MASK] [suppress LENGTH]."""

import socket
import struct
import sys

NEW_RULE, REQUEST_ACK_EXCL_CREATE = 32, 0x605
SRC, PREF, SUPPRESS, TABLE, FLOWLABEL, FLOWLABEL_MASK = 2, 6, 14, 15, 26, 27


def attribute(kind, value):
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def number(kind, value):
    return attribute(kind, struct.pack("I", value))


pref, table, *words = sys.argv[1:]
given = dict(zip(words[::2], words[1::2]))
source, _, length = given.get("from", "::/0").partition("/")
body = struct.pack("BBBBBBBBI", socket.AF_INET6, 0, int(length), 0, 0, 0, 0, 1, int(given.get("flags", "0"), 0))
body += number(PREF, int(pref)) + number(TABLE, int(table))
if int(length) > 0:
    body += attribute(SRC, socket.inet_pton(socket.AF_INET6, source))
if "flowlabel" in given:
    label, mask = (struct.pack(">I", int(part, 0)) for part in given["flowlabel"].split("/"))
    body += attribute(FLOWLABEL, label) + attribute(FLOWLABEL_MASK, mask)
if "suppress" in given:
    body += number(SUPPRESS, int(given["suppress"]))
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
netlink.bind((0, 0))
netlink.send(struct.pack("IHHII", 16 + len(body), NEW_RULE, REQUEST_ACK_EXCL_CREATE, 1, 0) + body)
(errno,) = struct.unpack("i", netlink.recv(4096)[16:20])
sys.exit(f"rule {pref}: errno {-errno}" if errno else 0)
