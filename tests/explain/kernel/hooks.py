"""Puts nft's fib in other hooks than prerouting to the running kernel.

Standard input: {"hook": "forward", "output" or "postrouting", "device": D, "peer": D, "devices": [...],
"cases": [[source, destination, mark], ...], "expressions": [...]}, marks being 0 or 1. Packets to forward are
sent by the peer, others by sockets. Prints a line for each case that came to the hook: its question, then how
many times the rule with each expression matched.
"""

import json, socket, subprocess, sys, time

from fib import run, send


def send_from_here(cases):
    for source, destination, mark in cases:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
            out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            try:
                out.bind((source, 1000))
                out.sendto(bytes(8), (destination, 2000))
            except OSError:
                pass
    time.sleep(0.5)


def main():
    ask = json.load(sys.stdin)
    lines = ["table ip6 t {", f"chain c {{ type filter hook {ask['hook']} priority -300;"]
    for n, (source, destination, mark) in enumerate(ask["cases"]):
        for device in ask["devices"]:
            match = f"oifname {device} ip6 saddr {source} ip6 daddr {destination} meta mark {mark}"
            lines.append(f'{match} counter comment "{n} {device} all"')
            for k, expression in enumerate(ask["expressions"]):
                lines.append(f'{match} fib {expression} counter comment "{n} {device} {k}"')
    run(["nft", "-f", "-"], "\n".join([*lines, "}", "}", ""]))
    if ask["hook"] == "forward":
        send({"family": 6, **ask})
    else:
        send_from_here(ask["cases"])
    count = {}
    for item in json.loads(run(["nft", "-j", "list", "chain", "ip6", "t", "c"]))["nftables"]:
        if rule := item.get("rule"):
            count[rule["comment"]] = [part["counter"]["packets"] for part in rule["expr"] if "counter" in part][0]
    for n, (source, destination, mark) in enumerate(ask["cases"]):
        for device in ask["devices"]:
            if count[f"{n} {device} all"] == 0:
                continue
            question = {"to": destination, "from": source, "mark": mark, "oif": device, "ipproto": "udp",
                        "sport": 1000, "dport": 2000}
            if ask["hook"] == "forward":
                question["iif"] = ask["device"]
            counts = [count[f"{n} {device} {k}"] for k in range(len(ask["expressions"]))]
            print(json.dumps([question, counts]))


if __name__ == "__main__":
    main()
