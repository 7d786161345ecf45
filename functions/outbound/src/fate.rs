//! What a messenger's answer means for the reply, its channel and its customer.

use domain::delivery::Outcome;
use messengers::failure::{Failure, FailureClass};

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Once more at once, changed in one thing: surely nothing was processed.
    Again(Change),
    /// That is it.
    Fate(Fate),
}

/// What to change for another call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The customer is to be found here from now on.
    Address(String),
    /// The words alone, answering nothing.
    Plain,
}

/// What became of a reply, and what that says of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Of the reply.
    pub(crate) outcome: Outcome,
    /// Of its channel.
    pub(crate) channel: Health,
    /// Of its customer, or their conversation, where that shows.
    pub(crate) customer: Standing,
}

/// What an answer says of the customer and their conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They can be written to.
    Reachable,
    /// They cannot, until they do something about it.
    Unreachable,
    /// Another app has the conversation in hand.
    WithOther,
    /// Nothing.
    Untold,
}

/// How a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// The messenger answers for it.
    Fine,
    /// It failed once more.
    Failing {
        /// The messenger asks for silence, milliseconds.
        asks_ms: Option<i64>,
    },
    /// An administrator has to mend it; the code says what.
    Refused(&'static str),
    /// Nothing was asked of it.
    Untold,
}

impl Fate {
    /// A reply that fails without a call.
    pub(crate) fn unsendable(code: &str) -> Self {
        Self { outcome: Outcome::Failed(code.to_owned()), channel: Health::Untold, customer: Standing::Untold }
    }

    /// It surely was not processed, by no fault of the messenger's: once more, after the pause that every reply makes.
    pub(crate) fn not_processed() -> Self {
        Self { outcome: Outcome::NotProcessed, channel: Health::Untold, customer: Standing::Untold }
    }
}

/// What a finished call came to; `result` is the messenger's own id of the message. A call is repeated at once only if
/// `may_repeat`.
pub(crate) fn judge(result: Result<Option<String>, Failure>, may_repeat: bool) -> Answer {
    let failure = match result {
        Ok(id) => return fate(Outcome::Sent(id), Health::Fine, Standing::Reachable),
        Err(failure) => failure,
    };
    let failed = Outcome::Failed(failure.code.to_owned());
    match failure.class {
        FailureClass::RetryMigrated { chat_id } if may_repeat => Answer::Again(Change::Address(chat_id)),
        FailureClass::RetryPlain if may_repeat => Answer::Again(Change::Plain),
        FailureClass::Hold { retry_after_s } => {
            let asks_ms = Some(i64::from(retry_after_s) * 1000);
            fate(Outcome::NotProcessed, Health::Failing { asks_ms }, Standing::Untold)
        }
        FailureClass::Retry => fate(Outcome::NotProcessed, Health::Failing { asks_ms: None }, Standing::Untold),
        FailureClass::RetryMigrated { .. } | FailureClass::RetryPlain | FailureClass::PermanentMessage => {
            fate(failed, Health::Fine, Standing::Untold)
        }
        FailureClass::OwnedByOther => fate(failed, Health::Fine, Standing::WithOther),
        FailureClass::PermanentContact => fate(failed, Health::Fine, Standing::Unreachable),
        FailureClass::PermanentChannel | FailureClass::Configuration => {
            fate(failed, Health::Refused(failure.code), Standing::Untold)
        }
        FailureClass::SuccessNoop => fate(Outcome::Sent(None), Health::Fine, Standing::Reachable),
        // A messenger that hangs would make every waiting reply unknown: it counts as failing, so that they wait instead.
        FailureClass::Unknown => {
            fate(Outcome::Unknown(failure.code.to_owned()), Health::Failing { asks_ms: None }, Standing::Untold)
        }
    }
}

fn fate(outcome: Outcome, channel: Health, customer: Standing) -> Answer {
    Answer::Fate(Fate { outcome, channel, customer })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "a_code";

    fn judged(class: FailureClass, may_repeat: bool) -> Answer {
        judge(Err(Failure::new(class, CODE, "said")), may_repeat)
    }

    fn outcome_of(class: FailureClass) -> Outcome {
        match judged(class, false) {
            Answer::Fate(fate) => fate.outcome,
            Answer::Again(change) => panic!("repeated though it may not be: {change:?}"),
        }
    }

    #[test]
    fn i6_each_class_of_failure_means_one_thing() {
        let failed = || Outcome::Failed(CODE.to_owned());
        let failing = |asks_ms| Health::Failing { asks_ms };
        let refused = Health::Refused(CODE);
        let migrated = || FailureClass::RetryMigrated { chat_id: "-100".to_owned() };
        for (class, outcome, channel, customer) in [
            (FailureClass::Hold { retry_after_s: 7 }, Outcome::NotProcessed, failing(Some(7_000)), Standing::Untold),
            (FailureClass::Retry, Outcome::NotProcessed, failing(None), Standing::Untold),
            (migrated(), failed(), Health::Fine, Standing::Untold),
            (FailureClass::RetryPlain, failed(), Health::Fine, Standing::Untold),
            (FailureClass::PermanentMessage, failed(), Health::Fine, Standing::Untold),
            (FailureClass::OwnedByOther, failed(), Health::Fine, Standing::WithOther),
            (FailureClass::PermanentContact, failed(), Health::Fine, Standing::Unreachable),
            (FailureClass::PermanentChannel, failed(), refused, Standing::Untold),
            (FailureClass::Configuration, failed(), refused, Standing::Untold),
            (FailureClass::SuccessNoop, Outcome::Sent(None), Health::Fine, Standing::Reachable),
            (FailureClass::Unknown, Outcome::Unknown(CODE.to_owned()), failing(None), Standing::Untold),
        ] {
            let expected = Answer::Fate(Fate { outcome, channel, customer });
            assert_eq!(judged(class.clone(), false), expected, "{class:?}");
            let first = judged(class.clone(), true);
            match class {
                FailureClass::RetryMigrated { chat_id } => {
                    assert_eq!(first, Answer::Again(Change::Address(chat_id)));
                }
                FailureClass::RetryPlain => assert_eq!(first, Answer::Again(Change::Plain)),
                other => assert_eq!(first, expected, "{other:?}"),
            }
        }
    }

    #[test]
    fn i6_only_what_was_surely_not_processed_goes_back_to_the_queue() {
        for class in [
            FailureClass::Hold { retry_after_s: 1 },
            FailureClass::Retry,
            FailureClass::RetryPlain,
            FailureClass::PermanentMessage,
            FailureClass::OwnedByOther,
            FailureClass::PermanentContact,
            FailureClass::PermanentChannel,
            FailureClass::Configuration,
            FailureClass::SuccessNoop,
            FailureClass::Unknown,
        ] {
            let queued_again = outcome_of(class.clone()) == Outcome::NotProcessed;
            assert!(!queued_again || class.may_send_again(), "{class:?}");
        }
    }

    #[test]
    fn what_was_sent_keeps_the_messengers_id() {
        let sent = Outcome::Sent(Some("1001".to_owned()));
        let fate = Fate { outcome: sent, channel: Health::Fine, customer: Standing::Reachable };
        assert_eq!(judge(Ok(Some("1001".to_owned())), true), Answer::Fate(fate));
    }
}
