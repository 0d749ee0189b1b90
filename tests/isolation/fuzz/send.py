"""Sends what it is told on stdin: whole Ethernet frames, or IP packets from a socket of a given user.

frame IF HEX            an Ethernet frame out of IF
raw IF UID 4|6 ADDR HEX an IP packet with its header, routed to ADDR out of IF
forget                  empties the connection table
flush                   answers "done" when everything before was handed to the kernel
"""
import ctypes
import socket
import struct
import sys

libc = ctypes.CDLL(None)
sockets = {}


def packet_socket(card):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((card, 0))
    return s


def user_socket(card, uid, version):
    family = socket.AF_INET if version == "4" else socket.AF_INET6
    # The owner a rule sees is the file-system user at the time the socket is made; capabilities stay.
    libc.setfsuid(int(uid))
    s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    libc.setfsuid(0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, card.encode())
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, 36, 0x77)  # SO_MARK: tells our packets from the kernel's
    return s


def forget():
    # nfnetlink: delete (2) in the connection tracking subsystem (1), without a tuple: all of them.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.send(struct.pack("=IHHIIBBH", 20, 0x102, 0x5, 1, 0, 0, 0, 0))
        answer = s.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if code != 0:
            raise OSError(-code, "cannot empty the connection table")


for line in sys.stdin:
    words = line.split()
    if words[0] == "forget":
        forget()
        continue
    if words[0] == "flush":
        print("done", flush=True)
        continue
    key = tuple(words[1:2] if words[0] == "frame" else words[1:4])
    if key not in sockets:
        sockets[key] = packet_socket(*key) if words[0] == "frame" else user_socket(*key)
    try:
        if words[0] == "frame":
            sockets[key].send(bytes.fromhex(words[2]))
        else:
            sockets[key].sendto(bytes.fromhex(words[5]), (words[4], 0))
    except OSError:
        pass  # dropped on its way out: the probes say so
