//! What is checked, by the numbers of ARCHITECTURE.md.

use std::fmt;

macro_rules! invariants {
    ($($name:ident $key:literal $words:literal)*) => {
        /// What must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Invariant {
            $(#[doc = $words] $name,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it says, in short.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }

        impl fmt::Display for Invariant {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(match self { $(Self::$name => $key,)* })
            }
        }
    };
}

invariants! {
    I1 "I1" "one open chat a customer and channel"
    I2 "I2" "stored exactly once, in the order of acceptance"
    I3 "I3" "load is what the chats say, never above the limit"
    I4 "I4" "one yes for an offer or chat"
    I5 "I5" "nobody waits beside the free, the longest-waiting first"
    I6 "I6" "a reply is sent once, or its end is told"
    I7 "I7" "offers and chats end by time: not early, not late"
    I8 "I8" "nobody is told what is not theirs"
    I9 "I9" "a message beside a close joins or opens"
    I10 "I10" "no secret passes a port but to its provider"
    Control "control" "a conversation is its bot's until it is handed over, and goes back once"
    Status "status" "how a reply fares never goes back"
    Files "files" "a file ends in the bucket, or missing for a true reason"
    Rows "rows" "every row is as it would be written anew"
    Live "liveness" "when the faults stop, everything comes to its end"
}

/// How often each was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks([u64; Invariant::ALL.len()]);

impl Default for Checks {
    fn default() -> Self {
        Self([0; Invariant::ALL.len()])
    }
}

impl Checks {
    pub(crate) fn count(&mut self, invariant: Invariant) {
        if let Some(count) = self.0.get_mut(invariant as usize) {
            *count += 1;
        }
    }

    /// Adds those of another seed.
    pub fn add(&mut self, other: &Self) {
        for (sum, one) in self.0.iter_mut().zip(other.0) {
            *sum += one;
        }
    }

    /// How often this one was checked.
    pub fn of(&self, invariant: Invariant) -> u64 {
        self.0.get(invariant as usize).copied().unwrap_or(0)
    }

    /// How often any was.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}
