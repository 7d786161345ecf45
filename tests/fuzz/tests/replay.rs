//! The committed inputs, and mutations of them that are the same in every run.

use std::fs;
use std::path::Path;

/// How many mutations each target gets.
const MUTATIONS: u64 = 5_000;
/// The longest input that mutations make, bytes.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// The longest that one input may take, milliseconds: a hundred times what the slowest takes on a busy machine.
const INPUT_MS_MAX: u128 = 1_000;

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\"",
    b"\\",
    b"{\"a\":",
    b"[[[[[[[[",
    b"null",
    b"-1",
    b"9223372036854775808",
    b"1e999",
    b"\xff\xfe",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d",
    b"\\ud800",
    b"\\u0000",
    b".1",
    b"\r\n",
    b"   ",
];

/// A generator of numbers (`SplitMix64`), so that a run can be repeated.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).expect("a size fits")).expect("below a size")
    }
}

fn mutate(inputs: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = inputs[numbers.below(inputs.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let to = (at + numbers.below(16)).min(input.len());
        match numbers.below(6) {
            0 if at < input.len() => input[at] ^= 1 << numbers.below(8),
            1 => drop(input.drain(at..to)),
            2 => input.truncate(at),
            3 => drop(input.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied())),
            4 => {
                let again = input[at..to].to_vec();
                drop(input.splice(at..at, again.repeat(1 + numbers.below(64))));
            }
            _ => {
                let other = &inputs[numbers.below(inputs.len())];
                let from = numbers.below(other.len() + 1);
                drop(input.splice(at..to, other[from..].iter().copied()));
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
    input
}

fn run(target: fuzz::Target, name: &str, input: &[u8]) {
    #[allow(clippy::disallowed_methods, reason = "measures the parser itself, which has no clock")]
    let begin = std::time::Instant::now();
    let outcome = std::panic::catch_unwind(|| (target.run)(input));
    let took_ms = begin.elapsed().as_millis();
    let shown = String::from_utf8_lossy(&input[..input.len().min(2_000)]);
    assert!(outcome.is_ok(), "{} panics on {name}: {shown:?}", target.name);
    assert!(took_ms <= INPUT_MS_MAX, "{} takes {took_ms} ms for {name}: {shown:?}", target.name);
}

#[test]
fn no_input_breaks_a_parser() {
    for target in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        let mut paths: Vec<_> =
            fs::read_dir(&folder).expect("every target has inputs").map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let inputs: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(!inputs.is_empty(), "{} has no input", target.name);
        for (path, input) in paths.iter().zip(&inputs) {
            run(target, &path.display().to_string(), input);
        }
        let mut numbers = Numbers(1);
        for n in 0..MUTATIONS {
            run(target, &format!("mutation {n}"), &mutate(&inputs, &mut numbers));
        }
        println!("{}: {} inputs, {MUTATIONS} mutations", target.name, inputs.len());
    }
}
