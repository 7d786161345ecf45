//! One hand-over: the call of a messenger, and a second one where the first says how it would work.

use domain::ChannelId;
use domain::Provider;
use domain::message::Message;
use messengers::call::Call;
use messengers::failure::Failure;
use messengers::telegram::{self, Reply};
use ports::secrets::Secret;
use ports::{MessengerReply, MessengerTransport};

use crate::fate::{Answer, Change, Fate, judge};

/// How often one hand-over calls: once, and once more changed.
const CALLS_MAX: u32 = 2;

/// A reply, ready to be handed over.
#[derive(Debug)]
pub(crate) struct HandOver<'a> {
    pub(crate) provider: Provider,
    pub(crate) channel: &'a ChannelId,
    pub(crate) token: &'a Secret,
    pub(crate) address: &'a str,
    pub(crate) message: &'a Message,
}

/// What a hand-over came to.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) fate: Fate,
    /// Where the customer is to be found from now on, if that changed.
    pub(crate) moved_to: Option<String>,
}

impl HandOver<'_> {
    /// Calls the messenger.
    pub(crate) async fn call(&self, messenger: &impl MessengerTransport) -> HandedOver {
        let mut moved_to: Option<String> = None;
        let mut plain = false;
        for calls in 1..=CALLS_MAX {
            let address = moved_to.as_deref().unwrap_or(self.address);
            let Some(call) = render(self.provider, address, self.message, plain) else { break };
            let result = read(self.provider, messenger.call(self.token.reveal(), &call).await);
            if let Err(failure) = &result {
                tracing::warn!(channel = %self.channel, code = failure.code, detail = failure.detail, "not sent");
            }
            match judge(result, calls < CALLS_MAX) {
                Answer::Fate(fate) => return HandedOver { fate, moved_to },
                Answer::Again(Change::Address(address)) => moved_to = Some(address),
                Answer::Again(Change::Plain) => plain = true,
            }
        }
        HandedOver { fate: Fate::unsendable("not_supported"), moved_to }
    }
}

/// The call that sends a reply; `None` if its messenger has none for it.
pub(crate) fn render(provider: Provider, address: &str, message: &Message, plain: bool) -> Option<Call> {
    match provider {
        Provider::Telegram => {
            let reply_to = message.reply_to.as_deref().filter(|_| !plain);
            Some(telegram::send_message(address, message.content.words()?, reply_to))
        }
        // Their channels cannot be connected yet.
        Provider::Messenger | Provider::Whatsapp => None,
    }
}

/// The call that shows a customer that somebody writes.
pub(crate) fn render_typing(provider: Provider, address: &str) -> Option<Call> {
    match provider {
        Provider::Telegram => Some(telegram::send_chat_action_typing(address)),
        Provider::Messenger | Provider::Whatsapp => None,
    }
}

/// Understands the answer: the messenger's id of what was sent, or why it was not.
fn read(provider: Provider, reply: MessengerReply) -> Result<Option<String>, Failure> {
    match (reply, provider) {
        (MessengerReply::NotSent(why), _) => Err(Failure::not_sent(&why)),
        (MessengerReply::Unknown(why), _) => Err(Failure::outcome_unknown(&why)),
        (MessengerReply::Answered { status, body }, Provider::Telegram) => match telegram::read_reply(status, &body) {
            Reply::Ok(result) => Ok(telegram::sent_message_id(&result)),
            Reply::Err(failure) => Err(failure),
        },
        (MessengerReply::Answered { .. }, Provider::Messenger | Provider::Whatsapp) => {
            Err(Failure::outcome_unknown("an answer of a messenger that is not spoken yet"))
        }
    }
}
