//! `fingerpost-bench`: how fast Fingerpost loads and decides, beside the kernel.

mod table;

fn main() {
    println!("{}", table::synthetic(1, 1000).len());
}
