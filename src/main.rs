//! The command line. It reads arguments and starts things; it decides nothing else.

fn main() {}
