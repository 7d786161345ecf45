//! One hand-over: the call of a messenger, and a second one where the first says how it would work.

use domain::ChannelId;
use domain::Provider;
use domain::content::{Content, Media, MediaKind};
use domain::inbound::ReplyRef;
use domain::message::Message;
use messengers::call::{Call, FilePart};
use messengers::failure::Failure;
use messengers::{messenger, telegram, whatsapp};
use ports::secrets::Secret;
use ports::{MessengerReply, MessengerTransport};

use crate::fate::{Answer, Change, Fate, judge};

/// How often one hand-over calls: once, and once more changed.
const CALLS_MAX: u32 = 2;
/// The page that a page's token is of, as the Graph API names it.
const OWN_PAGE: &str = "me";

/// What a channel's messenger asks for.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The channel's own secret (Twilio: `account:token`).
    pub(crate) token: Secret,
    /// Facebook's app secret, which proves who has the token.
    pub(crate) app_secret: Option<Secret>,
}

/// The file of a reply, as its messenger takes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// The reply has none.
    None,
    /// The file itself, and its type.
    Bytes(Vec<u8>, String),
    /// An address that the messenger fetches it from.
    Link(String),
}

/// A reply, ready to be handed over.
#[derive(Debug)]
pub(crate) struct HandOver<'a> {
    pub(crate) provider: Provider,
    pub(crate) channel: &'a ChannelId,
    pub(crate) credentials: &'a Credentials,
    pub(crate) address: &'a str,
    pub(crate) message: &'a Message,
    pub(crate) attachment: &'a Attachment,
    /// The installation's own address, for statuses to come to.
    pub(crate) site: &'a str,
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
            let Some(call) = self.render(address, plain) else { break };
            let result = read(self.provider, messenger.call(self.credentials.token.reveal(), &call).await);
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

    /// The call that sends the reply; `None` if its messenger has none for it.
    fn render(&self, address: &str, plain: bool) -> Option<Call> {
        match self.provider {
            Provider::Telegram => self.telegram(address, plain),
            Provider::Messenger => {
                let call = self.messenger(address)?;
                Some(proven(call, self.credentials))
            }
            Provider::Whatsapp => self.whatsapp(address),
        }
    }

    fn telegram(&self, address: &str, plain: bool) -> Option<Call> {
        let reply_to = self.message.reply_to.as_deref().filter(|_| !plain);
        match (&self.message.content, self.attachment) {
            (Content::Text { text }, _) => Some(telegram::send_message(address, text, reply_to)),
            (Content::Media { media }, Attachment::Bytes(bytes, content_type)) => {
                let kind = if plain { MediaKind::Document } else { media.kind };
                let caption = media.caption.as_deref();
                Some(telegram::send_file(address, kind, part(media, bytes, content_type), caption, reply_to))
            }
            _ => None,
        }
    }

    fn messenger(&self, address: &str) -> Option<Call> {
        let metadata = self.reference().to_string();
        match (&self.message.content, self.attachment) {
            (Content::Text { text }, _) => Some(messenger::send_text(OWN_PAGE, address, text, &metadata)),
            (Content::Media { media }, Attachment::Link(link)) => {
                Some(messenger::send_attachment(OWN_PAGE, address, media.kind, link, &metadata))
            }
            (Content::HandBack { to: Some(app) }, _) => Some(messenger::pass_thread_control(OWN_PAGE, address, app)),
            (Content::HandBack { to: None }, _) => Some(messenger::release_thread_control(OWN_PAGE, address)),
            _ => None,
        }
    }

    fn whatsapp(&self, address: &str) -> Option<Call> {
        let (account, _) = self.credentials.token.reveal().split_once(':')?;
        let from = number_of(self.channel)?;
        let statuses = whatsapp::status_url(self.site, &self.reference());
        match (&self.message.content, self.attachment) {
            (Content::Text { text }, _) => Some(whatsapp::send_text(account, &from, address, text, &statuses)),
            (Content::Media { media }, Attachment::Link(link)) => {
                let caption = media.caption.as_deref();
                Some(whatsapp::send_media(account, &from, address, caption, link, &statuses))
            }
            _ => None,
        }
    }

    fn reference(&self) -> ReplyRef {
        ReplyRef { chat: self.message.chat.clone(), seq: self.message.seq }
    }
}

/// Whether a messenger takes what such a reply says at all; `has_file` = its file is there.
pub(crate) fn is_sendable(provider: Provider, content: &Content, has_file: bool) -> bool {
    match content {
        Content::Text { .. } => true,
        Content::Media { .. } => has_file,
        Content::HandBack { .. } => provider == Provider::Messenger,
        _ => false,
    }
}

/// The number of a channel of WhatsApp, which its id is made of.
fn number_of(channel: &ChannelId) -> Option<String> {
    channel.as_str().strip_prefix("wa-").map(|digits| format!("+{digits}"))
}

fn part(media: &Media, bytes: &[u8], content_type: &str) -> FilePart {
    let name = media.file_name.clone().unwrap_or_else(|| "file".to_owned());
    FilePart { field: "document", name, content_type: content_type.to_owned(), bytes: bytes.to_vec() }
}

fn proven(call: Call, credentials: &Credentials) -> Call {
    match &credentials.app_secret {
        Some(secret) => messenger::with_proof(call, secret.reveal(), credentials.token.reveal()),
        None => call,
    }
}

/// The call that shows a customer that somebody writes; `latest_in` is the messenger's id of what they said last.
pub(crate) fn render_typing(
    provider: Provider,
    credentials: &Credentials,
    address: &str,
    latest_in: Option<&str>,
) -> Option<Call> {
    match provider {
        Provider::Telegram => Some(telegram::send_chat_action_typing(address)),
        Provider::Messenger => Some(proven(messenger::typing(OWN_PAGE, address), credentials)),
        Provider::Whatsapp => latest_in.map(whatsapp::typing),
    }
}

/// Understands the answer: the messenger's id of what was sent, or why it was not.
fn read(provider: Provider, reply: MessengerReply) -> Result<Option<String>, Failure> {
    let (status, body) = match reply {
        MessengerReply::NotSent(why) => return Err(Failure::not_sent(&why)),
        MessengerReply::Unknown(why) => return Err(Failure::outcome_unknown(&why)),
        MessengerReply::Answered { status, body } => (status, body),
    };
    match provider {
        Provider::Telegram => match telegram::read_reply(status, &body) {
            telegram::Reply::Ok(result) => Ok(telegram::sent_message_id(&result)),
            telegram::Reply::Err(failure) => Err(failure),
        },
        Provider::Messenger => messenger::read_reply(status, &body),
        Provider::Whatsapp => whatsapp::read_reply(status, &body),
    }
}
