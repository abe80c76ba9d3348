"""Puts iptables' rpfilter to the running kernel, as fib.py does with nft's fib; expressions are options."""

import json, subprocess, sys

from fib import send

ask = json.load(sys.stdin)
tool = "ip6tables" if ask["family"] == 6 else "iptables"
lines = ["*raw"]
for n, (source, destination, mark) in enumerate(ask["cases"]):
    for k, options in enumerate(ask["expressions"]):
        lines.append(
            f'-A PREROUTING -i {ask["device"]} -s {source} -d {destination} -m mark --mark {mark}'
            f' -m rpfilter {options} -m comment --comment "{n} {k}"'
        )
subprocess.run([f"{tool}-restore"], input="\n".join([*lines, "COMMIT", ""]), text=True, check=True)
send(ask)
saved = subprocess.run([f"{tool}-save", "-c", "-t", "raw"], capture_output=True, text=True, check=True).stdout
count = {}
for line in saved.splitlines():
    if "--comment" in line:
        count[line.split('--comment "')[1].split('"')[0]] = line[1:].split(":")[0]
for n in range(len(ask["cases"])):
    print(" ".join(count[f"{n} {k}"] for k in range(len(ask["expressions"]))))
