"""Runs a command in a network namespace that no packet can leave, and records the packets that would.

    sealed_network.py <record> <command> [argument ...]

In the namespace, every address belongs to this machine. A connection to an outside address is therefore refused at
once, and its packets pass the loopback device, where each is recorded as a line of JSON. `prefix` returns the command
that creates such a namespace, with or without root; it needs Linux and iproute2.
"""

import ctypes
import ipaddress
import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
SO_ATTACH_FILTER = 26
PROTOCOLS = {6: "tcp", 17: "udp"}
# Classic BPF, one instruction (code, jump if true, jump if false, value) a line: keep packets whose destination is not
# 127.0.0.0/8. Without the filter, this script could not keep up with a run's uploads. linux/filter.h has the codes.
NOT_LOOPBACK = [
    (0x20, 0, 0, 16),  # load the destination address
    (0x54, 0, 0, 0xFF000000),
    (0x15, 0, 1, 0x7F000000),
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0x40000),  # keep
]
SETUP = ["ip link set lo up", "ip route add local 0.0.0.0/0 dev lo"]
SETUP_V6 = "ip -6 route add local ::/0 dev lo"


def prefix() -> list[str] | None:
    """Return the command that starts another one in a namespace of its own; None where this is not allowed."""
    for command in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if not (shutil.which("unshare") and shutil.which("ip")):
            return None
        if subprocess.run([*command, "sh", "-c", " && ".join(SETUP)], capture_output=True, check=False).returncode == 0:
            return command
    return None


def sniffer(protocol: int, instructions: list[tuple[int, int, int, int]]) -> socket.socket:
    """Open a socket that receives the packets of a protocol from their IP header on."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol))
    if instructions:
        code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HL", len(instructions), ctypes.addressof(buffer))
        packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    packets.bind(("lo", protocol))
    return packets


def describe(packet: bytes) -> dict[str, object] | None:
    """Describe a packet's request; None if the packet stays here, is an answer, or comes from the kernel itself."""
    is_v6 = packet[0] >> 4 == 6
    protocol, header = (packet[6], 40) if is_v6 else (packet[9], (packet[0] & 15) * 4)
    target = ipaddress.ip_address(packet[24:40] if is_v6 else packet[16:20])
    if protocol not in PROTOCOLS or target.is_loopback:
        return None
    is_first = protocol == 17 or packet[header + 13] & 0b10010 == 0b10  # SYN without ACK
    if not is_first:
        return None
    port = int.from_bytes(packet[header + 2 : header + 4])
    found: dict[str, object] = {"to": f"{PROTOCOLS[protocol]} {target}:{port}"}
    if protocol == 17 and port == 53:
        found["name"] = dns_name(packet[header + 8 :])
    return found


def dns_name(query: bytes) -> str:
    """Return the name that a DNS query asks for."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += query[at] + 1
    return ".".join(labels)


def record(packets: socket.socket, file: Path) -> None:
    """Append the packets that would leave to a file, until this process ends."""
    while True:
        found = describe(packets.recv(65536))
        if found:
            with file.open("a") as lines:
                lines.write(json.dumps(found) + "\n")


def main() -> int:
    """Run the command and return its exit code."""
    file, command = Path(sys.argv[1]), sys.argv[2:]
    for line in SETUP:
        subprocess.run(line.split(), check=True)
    # Without IPv6, no packet can leave by it.
    subprocess.run(SETUP_V6.split(), capture_output=True, check=False)
    for protocol, instructions in ((ETH_P_IP, NOT_LOOPBACK), (ETH_P_IPV6, [])):
        packets = sniffer(protocol, instructions)
        threading.Thread(target=record, args=(packets, file), daemon=True).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
