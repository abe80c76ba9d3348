//! iproute2's command language and its printing.
