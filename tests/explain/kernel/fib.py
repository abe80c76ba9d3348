"""Puts nft's fib to the running kernel.

Standard input: {"family": 4 or 6, "device": D, "peer": D, "cases": [[source, destination, mark], ...],
"expressions": [...]}. Sends a UDP packet from the peer for each case, and prints a line a case: how many
times the rule with each expression matched.
"""

import json, socket, subprocess, sys, struct, ipaddress, time
ask = json.load(sys.stdin)
six = ask["family"] == 6
word, table = ("ip6", "ip6") if six else ("ip", "ip")
lines = [f"table {table} t {{", "chain m { type filter hook prerouting priority -400;"]
hop = "ip6 hoplimit" if six else "ip ttl"
lines += [f"{hop} 77 meta mark set 1", "}", "chain c { type filter hook prerouting priority -300;"]
for n, (src, dst, mark) in enumerate(ask["cases"]):
    for k, expr in enumerate(ask["expressions"]):
        lines.append(f'iifname {ask["device"]} {word} saddr {src} {word} daddr {dst} {hop} {77 if mark else 64} fib {expr} counter comment "{n} {k}"')
lines += ["}", "}"]
subprocess.run(["nft", "-f", "-"], input="\n".join(lines), text=True, check=True)
def mac(dev):
    link = subprocess.run(["ip", "-j", "link", "show", "dev", dev], capture_output=True, text=True, check=True)
    return bytes.fromhex(json.loads(link.stdout)[0]["address"].replace(":", ""))
head_of_frame = mac(ask["device"]) + mac(ask["peer"])
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((ask["peer"], 0))
for src, dst, mark in ask["cases"]:
    ttl = 77 if mark else 64
    s, d = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    payload = struct.pack("!HHHH", 1000, 2000, 8, 0)
    if six:
        packet = struct.pack("!IHBB", 6 << 28, len(payload), 17, ttl) + s + d + payload
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, ttl, 17, 0) + s + d
        total = sum(struct.unpack("!10H", head))
        total = (total & 0xffff) + (total >> 16); total = (total & 0xffff) + (total >> 16)
        packet = head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:] + payload
    out.send(head_of_frame + struct.pack("!H", 0x86dd if six else 0x0800) + packet)
time.sleep(0.5)
rules = json.loads(subprocess.run(["nft", "-j", "list", "chain", table, "t", "c"], capture_output=True, text=True, check=True).stdout)
answer = {}
for item in rules["nftables"]:
    rule = item.get("rule")
    if rule:
        counter = [e["counter"]["packets"] for e in rule["expr"] if "counter" in e][0]
        answer[rule["comment"]] = counter
for n in range(len(ask["cases"])):
    print(" ".join(str(answer[f"{n} {k}"]) for k in range(len(ask["expressions"]))))
subprocess.run(["nft", "delete", "table", table, "t"], check=True)
