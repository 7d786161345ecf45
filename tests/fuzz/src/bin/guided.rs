//! The coverage-guided fuzzer. The name of the last directory given says which target it drives.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let args: Vec<String> = std::env::args().collect();
    let named = args.iter().rev().find_map(|arg| fuzz::target(Path::new(arg).file_name()?.to_str()?));
    named.expect("the last directory given has the name of a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
