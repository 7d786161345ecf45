//! Planted bugs: what the simulation must be able to find.
//!
//! Each is done to the product from outside, between a handler and its ports, and only in this crate: nothing that ships
//! knows of it.

use domain::chat::Thread;
use domain::inbound::InboundKind;
use ports::store::{Attributes, Condition, Index, Page, Query, Write};
use serde_json::{Value, json};
use wire::queues::{QueueMessage, QueueName};

use crate::functions::Function;
use crate::rng::Rng;

macro_rules! bugs {
    ($($name:ident $key:literal $seeds:literal $words:literal)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $(#[doc = $words] $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name on the command line.
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// What is wrong.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// Within so many seeds it must be caught.
            pub fn seeds_max(self) -> u64 {
                match self { $(Self::$name => $seeds,)* }
            }
        }
    };
}

bugs! {
    NoDedupe "no-dedupe" 20 "a receipt is written whether or not it was there"
    NoReceipt "no-receipt" 20 "receipts are not written"
    NoSeqCheck "no-seq-check" 30 "messages are appended without looking at their number"
    NoRevCheck "no-rev-check" 300 "a chat's route is written without looking at its revision"
    CapacityUnguarded "capacity-unguarded" 30 "an operator's row is written without looking at its revision"
    CapacityNotReserved "capacity-not-reserved" 5 "an offer reserves no capacity"
    LimitIgnored "limit-ignored" 30 "the router believes that everybody may have two more chats"
    AppendToClosed "append-to-closed" 600 "a message is appended whether or not the chat is closed"
    SpeakerUnchecked "speaker-unchecked" 150 "a reply is stored though the chat has left its operator"
    OfferNotExpired "offer-not-expired" 20 "nobody ends an offer whose time has passed"
    WakesLostNoSweep "wakes-lost-no-sweep" 30 "wake-ups are lost, and the sweep does not look for waiting chats"
    TimerTrusted "timer-trusted" 20 "a close timer closes without looking when the last reply was"
    ArrivalOrder "arrival-order" 10 "messages of a conversation are handled as they come, side by side"
    GroupNotStopped "group-not-stopped" 200 "a batch goes on in a group after a failure"
    SentTwice "sent-twice" 50 "a call that timed out is taken for one that never went out"
    NotMarked "not-marked" 20 "a reply is handed over without being marked as sending"
    AckBeforeQueue "ack-before-queue" 50 "the webhook answers 2xx whether or not the queue took the message"
    LineRowLeft "line-row-left" 5 "a chat that is offered stays in the line"
    PlaceNotWritten "place-not-written" 5 "availability is not written with what changes it"
    YesWithoutCommit "yes-without-commit" 30 "a commit that lost its race is taken for one that won"
    QuietIgnored "quiet-ignored" 1_000 "a close by time does not look whether somebody wrote meanwhile"
    LineBackwards "line-backwards" 30 "the router looks at a line from its end"
    FreestOverlooked "freest-overlooked" 20 "the router overlooks the freest operator"
    MarkIgnored "mark-ignored" 600 "a reply that is marked as sending is taken for one that waits"
    SweepBlind "sweep-blind" 40 "the sweep finds nothing due"
    RetimeUnheard "retime-unheard" 1_000 "nobody looks at a queue's chats when its close timeout changes"
    ConfigurationKept "configuration-kept" 60 "a configuration, once read, is never read again"
    SlowClock "slow-clock" 30 "acceptance goes by a clock that is slow by ten seconds"
    TokenLogged "token-logged" 20 "a channel's token is logged"
    ToldToAll "told-to-all" 20 "a chat's messages are pushed to every operator's windows"
    StatusByArrival "status-by-arrival" 100 "what a messenger tells of a reply is applied as it comes, whatever was told before"
    EchoTaken "echo-taken" 50 "the echo of a reply is taken for a message of the customer's"
    FilesLostNoSweep "files-lost-no-sweep" 40 "hints to fetch a file are lost, and the sweep sends none"
    StandbyRouted "standby-routed" 100 "what is said to a bot is taken for something said to us"
    HandBackLost "hand-back-lost" 200 "hand-backs are not sent"
    HandBackStale "hand-back-stale" 300 "a conversation is handed back though it has gone on in another chat"
    FailureUntold "failure-untold" 600 "nobody is told that a reply failed"
    RefusalRetried "refusal-retried" 50 "what a messenger refuses for good is taken for not processed"
    BucketUnheard "bucket-unheard" 600 "a file is taken for stored whether or not the bucket took it"
}

fn drop_condition(condition: &Condition, dropped: &dyn Fn(&Condition) -> bool) -> Option<Condition> {
    match condition {
        Condition::All(all) => {
            let rest: Vec<_> = all.iter().filter_map(|one| drop_condition(one, dropped)).collect();
            if rest.is_empty() { None } else { Some(Condition::All(rest)) }
        }
        one if dropped(one) => None,
        one => Some(one.clone()),
    }
}

fn unconditional(write: &Write, dropped: &dyn Fn(&Condition) -> bool) -> Write {
    let rest = |condition: &Option<Condition>| condition.as_ref().and_then(|one| drop_condition(one, dropped));
    match write.clone() {
        Write::Put { key, attributes, condition } => Write::Put { key, attributes, condition: rest(&condition) },
        Write::Update { key, set, remove, condition } => {
            Write::Update { key, set, remove, condition: rest(&condition) }
        }
        Write::Delete { key, condition } => Write::Delete { key, condition: rest(&condition) },
        Write::Check { .. } => write.clone(),
    }
}

fn begins(write: &Write, pk: &str, sk: &str) -> bool {
    write.key().pk.starts_with(pk) && write.key().sk.starts_with(sk)
}

/// An operator's row without the offer that the same commit makes.
fn without_new_offer(write: &Write, writes: &[Write]) -> Write {
    let Write::Put { key, attributes, condition } = write else { return write.clone() };
    let offered: Vec<Value> = writes
        .iter()
        .filter_map(|one| match one {
            Write::Update { set, .. } if set.get("state") == Some(&json!("offered")) => {
                set.get("route")?.pointer("/stand/offer/id").and_then(Value::as_str)
            }
            _ => None,
        })
        .filter_map(|offer| Some(json!(offer.rsplit_once('.')?.0)))
        .collect();
    let mut attributes = attributes.clone();
    if let Some(offers) =
        attributes.get_mut("operator").and_then(|row| row.get_mut("offers")).and_then(Value::as_array_mut)
    {
        offers.retain(|offer| !offered.contains(offer));
    }
    Write::Put { key: key.clone(), attributes, condition: condition.clone() }
}

fn is_mark(write: &Write) -> bool {
    matches!(write, Write::Put { attributes, .. }
        if attributes.get("message").and_then(|one| one.pointer("/delivery/state")) == Some(&json!("sending")))
}

impl Bug {
    /// What of a page is left of it with this bug.
    pub(crate) fn of_page(self, function: Function, query: &Query, page: &mut Page) {
        match self {
            Self::LineBackwards if function == Function::Router && query.pk.starts_with("W#") => page.rows.reverse(),
            Self::FreestOverlooked if query.pk.starts_with("A#") && page.rows.len() > 1 => {
                page.rows.remove(0);
            }
            Self::SweepBlind if query.index == Some(Index::Due) => page.rows.clear(),
            // The only query without an index that it makes is for the latest chat.
            Self::HandBackStale if function == Function::Outbound && query.index.is_none() => page.rows.clear(),
            _ => {}
        }
    }

    /// What a function queues in place of a message with this bug; none, if it is lost.
    pub(crate) fn of_queued(self, function: Function, rng: &Rng, message: &QueueMessage) -> Option<QueueMessage> {
        let forgets = || function == Function::Router || rng.chance(300);
        match (self, message) {
            (Self::WakesLostNoSweep, message) if message.queue() == QueueName::Routing && forgets() => None,
            (Self::FilesLostNoSweep, QueueMessage::Fetch(_)) if forgets() => None,
            (Self::StandbyRouted, QueueMessage::Inbound(inbound)) => {
                let mut inbound = inbound.clone();
                inbound.event.standby = false;
                Some(QueueMessage::Inbound(inbound))
            }
            (Self::EchoTaken, QueueMessage::Inbound(inbound)) => {
                let mut inbound = inbound.clone();
                if let InboundKind::Echo { message_id, content, .. } = inbound.event.what {
                    let (reply_to, quote, forwarded_from) = (None, None, None);
                    inbound.event.what = InboundKind::Message { message_id, content, reply_to, quote, forwarded_from };
                }
                Some(QueueMessage::Inbound(inbound))
            }
            (_, message) => Some(message.clone()),
        }
    }

    /// How slow a function's clock is with this bug, milliseconds.
    pub(crate) fn slow_ms(self, function: Function) -> i64 {
        if self == Self::SlowClock && function == Function::Acceptance { 10_000 } else { 0 }
    }

    /// What of a commit is left of it with this bug.
    pub(crate) fn of_commit(self, writes: &[Write]) -> Vec<Write> {
        let each = |change: &dyn Fn(&Write) -> Option<Write>| writes.iter().filter_map(change).collect::<Vec<_>>();
        let without = |pk: &str, sk: &str, dropped: &dyn Fn(&Condition) -> bool| {
            each(&|one| Some(if begins(one, pk, sk) { unconditional(one, dropped) } else { one.clone() }))
        };
        match self {
            Self::NoDedupe => without("V#", "R#", &|_| true),
            Self::NoReceipt => each(&|one| (!begins(one, "V#", "R#")).then(|| one.clone())),
            Self::NoSeqCheck => each(&|one| {
                let dropped = begins(one, "V#", "C#") || begins(one, "V#", "M#");
                let seq = |one: &Condition| match one {
                    Condition::Is(name, _) => matches!(*name, "next_seq" | "thread_rev"),
                    other => *other == Condition::Absent,
                };
                Some(if dropped { unconditional(one, &seq) } else { one.clone() })
            }),
            Self::NoRevCheck => each(&|one| {
                let event = begins(one, "V#", "E#");
                let rev = |one: &Condition| match one {
                    Condition::Is(name, _) => *name == "route_rev",
                    other => event && *other == Condition::Absent,
                };
                Some(if event || begins(one, "V#", "C#") { unconditional(one, &rev) } else { one.clone() })
            }),
            Self::CapacityUnguarded => without("O#", "S", &|_| true),
            Self::CapacityNotReserved => {
                each(&|one| Some(if begins(one, "O#", "S") { without_new_offer(one, writes) } else { one.clone() }))
            }
            Self::AppendToClosed => without("V#", "C#", &|one| matches!(one, Condition::IsNot("state", _))),
            Self::SpeakerUnchecked => {
                without("V#", "C#", &|one| matches!(one, Condition::Is("with", _) | Condition::IsNot("state", _)))
            }
            Self::LineRowLeft => {
                each(&|one| (!(begins(one, "W#", "") && matches!(one, Write::Delete { .. }))).then(|| one.clone()))
            }
            Self::PlaceNotWritten => {
                each(&|one| (!(begins(one, "A#", "") && matches!(one, Write::Put { .. }))).then(|| one.clone()))
            }
            Self::QuietIgnored => each(&|one| {
                let route = matches!(one, Write::Update { set, .. } if set.contains_key("route"));
                let quiet = |one: &Condition| matches!(one, Condition::Is("thread_rev", _));
                Some(if route { unconditional(one, &quiet) } else { one.clone() })
            }),
            Self::NotMarked => each(&|one| (!is_mark(one)).then(|| one.clone())),
            _ => writes.to_vec(),
        }
    }

    /// What a function reads of a row with this bug.
    pub(crate) fn of_read(self, function: Function, attributes: &mut Attributes) {
        match self {
            Self::TimerTrusted if function == Function::AutoClose => {
                let Some(thread) = attributes.get_mut("thread") else { return };
                if let Ok(mut read) = serde_json::from_value::<Thread>(thread.clone()) {
                    read.last_out_at_ms = Some(0);
                    read.last_in_at_ms = None;
                    *thread = serde_json::to_value(read).unwrap_or_default();
                }
                let taken = attributes.get_mut("route").and_then(|route| route.get_mut("taken_at_ms"));
                if let Some(taken) = taken {
                    *taken = Value::Null;
                }
            }
            Self::MarkIgnored if function == Function::Outbound => {
                let state = attributes.get_mut("message").and_then(|one| one.pointer_mut("/delivery/state"));
                if let Some(state) = state.filter(|state| **state == json!("sending")) {
                    *state = json!("queued");
                }
            }
            Self::StatusByArrival if function == Function::Inbound => {
                let state = attributes.get_mut("message").and_then(|one| one.pointer_mut("/delivery/state"));
                if let Some(state) = state.filter(|state| **state != json!("queued") && **state != json!("sending")) {
                    *state = json!("sent");
                }
            }
            Self::LimitIgnored if function == Function::Router => {
                let limit =
                    attributes.get_mut("configuration").and_then(|one| one.pointer_mut("/settings/simultaneous_chats"));
                if let Some(limit) = limit {
                    *limit = json!(limit.as_i64().unwrap_or(0) + 2);
                }
            }
            _ => {}
        }
    }
}
