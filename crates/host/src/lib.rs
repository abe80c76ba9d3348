//! A live Linux machine: netlink sockets, namespaces, capture.
