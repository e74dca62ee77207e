//! How the program is linked.

fn main() {
    // At a fixed address: relocating 30 MB took a third of the time that starting takes, and a run starts us three
    // times (engine, reader, keeper). What randomised addresses protect from, unsafe code, is forbidden here.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    println!("cargo::rerun-if-changed=build.rs");
}
