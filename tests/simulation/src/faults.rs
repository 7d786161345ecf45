//! How services fail: each only as its contract allows.

use std::cell::{Cell, RefCell};

use crate::rng::Rng;

macro_rules! faults {
    ($($name:ident $words:literal $permille:literal)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $words] $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, for people.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// How often, of a thousand chances, in an ordinary seed.
            fn permille(self) -> u32 {
                match self { $(Self::$name => $permille,)* }
            }
        }
    };
}

faults! {
    Crash "function died" 6
    StoreThrottled "store throttled" 5
    StoreDown "store unavailable" 5
    StoreConflict "transaction conflict" 8
    AnswerLost "commit applied, answer lost" 12
    IndexLag "index lagged" 400
    QueueDown "queue did not take it" 15
    QueueAnswerLost "queued, answer lost" 15
    Doubled "standard message delivered twice" 50
    DeleteLost "handled message delivered again" 30
    TimerRefused "timer not set" 20
    TimerLost "timer lost" 60
    TimerDoubled "timer fired twice" 60
    SweepLost "sweep did not happen" 200
    PushLost "push lost" 30
    PushFailed "push failed" 20
    SecretsDown "secrets unavailable" 80
    Messenger429 "messenger 429" 40
    Messenger5xx "messenger 5xx" 50
    NotSent "messenger not reached" 40
    HangsDelivered "messenger timed out, delivered" 40
    HangsLost "messenger timed out, not delivered" 40
    DisconnectLost "$disconnect lost" 200
    WebhookRepeated "update repeated after its 2xx" 60
    NoticeLost "echo or status lost" 60
    NoticeDoubled "echo or status told twice" 80
    DownloadFailed "file not downloaded" 60
    BucketDown "bucket unavailable" 40
    Refused "messenger refused for good" 20
}

/// How often each fault happens in this seed, and how often it has.
#[derive(Debug)]
pub(crate) struct Faults {
    rates: Vec<u32>,
    counts: RefCell<Vec<u64>>,
    on: Cell<bool>,
}

impl Faults {
    /// Every seed has weather of its own: some faults never, some often, so that rare meetings of two become likely.
    pub(crate) fn new(rng: &Rng, without: &[Fault]) -> Self {
        let rate = |fault: &Fault| {
            let factor = [0, 0, 1, 1, 1, 2, 4].get(rng.below(7)).copied().unwrap_or(1);
            if without.contains(fault) { 0 } else { (fault.permille() * factor).min(900) }
        };
        let rates = Fault::ALL.iter().map(rate).collect();
        Self { rates, counts: RefCell::new(vec![0; Fault::ALL.len()]), on: Cell::new(true) }
    }

    pub(crate) fn stop(&self) {
        self.on.set(false);
    }

    pub(crate) fn are_on(&self) -> bool {
        self.on.get()
    }

    /// Whether this one happens now.
    pub(crate) fn hit(&self, rng: &Rng, fault: Fault) -> bool {
        let at = fault as usize;
        let hit = self.on.get() && self.rates.get(at).is_some_and(|rate| rng.chance(*rate));
        if hit && let Some(count) = self.counts.borrow_mut().get_mut(at) {
            *count += 1;
        }
        hit
    }

    pub(crate) fn counts(&self) -> Vec<u64> {
        self.counts.borrow().clone()
    }
}
