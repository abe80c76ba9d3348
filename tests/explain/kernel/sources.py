"""The sources that UDP sockets get.

Standard input: [destination, ...], with scopes; prints a line a destination: the source, or the error's name.
"""

import errno, json, socket, sys

for to in json.load(sys.stdin):
    address, _, scope = to.partition("%")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        try:
            udp.connect((address, 9, 0, socket.if_nametoindex(scope) if scope else 0))
            print(udp.getsockname()[0].split("%")[0])
        except OSError as error:
            print(errno.errorcode[error.errno])
