//! Waits between tries.

use std::time::Duration;

use ports::Random;

use crate::clock::OsRandom;

/// The longest first wait, milliseconds; each next one is up to twice as long.
const FIRST_MS_MAX: u64 = 10;
/// The most doublings, so that no wait is longer than 320 ms.
const DOUBLINGS_MAX: u32 = 5;

/// Waits before the `tries`-th try again (from 1), a random part of a time that doubles: those that were in each other's
/// way come back at different times.
pub(crate) async fn wait(tries: u32) {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes);
    tokio::time::sleep(Duration::from_millis(wait_ms(tries, u64::from_le_bytes(bytes)))).await;
}

fn wait_ms(tries: u32, random: u64) -> u64 {
    let most = FIRST_MS_MAX << tries.saturating_sub(1).min(DOUBLINGS_MAX);
    random % (most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_grows_and_is_bounded() {
        for (tries, most) in [(0, 10), (1, 10), (2, 20), (5, 160), (6, 320), (7, 320), (u32::MAX, 320)] {
            assert_eq!(wait_ms(tries, most), most, "{tries}");
            assert_eq!(wait_ms(tries, most + 1), 0, "{tries}");
        }
    }
}
