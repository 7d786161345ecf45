//! Where the file of a message is, by its messenger.

use domain::chat::Chat;
use domain::file;
use domain::message::Message;
use domain::{ChannelId, Provider};
use messengers::failure::{Failure, FailureClass};
use messengers::files::{Source, Trusted, telegram_file, twilio_media};
use messengers::telegram::{self, Reply};
use ports::files::{Download, Files};
use ports::secrets::Secret;
use ports::{Clock, MessengerReply, MessengerTransport, Push, Queues, SecretError, Secrets, Store, Visibility};

use crate::{Fetcher, source_of};

/// A file's place.
pub(crate) struct Place {
    pub(crate) source: Source,
    /// Name and password for it.
    pub(crate) basic: Option<Secret>,
    pub(crate) trusted: Trusted,
}

/// Why there is no file.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There never will be, for this reason.
    Final(&'static str),
    /// The messenger does not have it, or not yet.
    NotFound,
    /// Something did not answer.
    Fault,
}

impl<S, Q, V, P, M, K, F, D, C> Fetcher<S, Q, V, P, M, K, F, D, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
    F: Files,
    D: Download,
    C: Clock,
{
    /// Finds out where the file is.
    pub(crate) async fn place(&self, chat: &Chat, message: &Message) -> Result<Place, Trouble> {
        let given = source_of(message).ok_or(Trouble::Final(file::GONE))?;
        let refused = || Trouble::Final(file::REFUSED);
        match chat.provider {
            Provider::Telegram => self.telegram(&chat.channel, &given).await,
            Provider::Messenger => {
                let source = Source::parse(&given).ok_or_else(refused)?;
                let trusted = Trusted::of(Provider::Messenger, &self.bases.graph);
                Ok(Place { source, basic: None, trusted })
            }
            Provider::Whatsapp => {
                let secret = self.secret(chat.channel.as_str()).await?;
                let (account, _) = secret.reveal().split_once(':').ok_or(Trouble::Final(file::CHANNEL_REFUSED))?;
                // Of several files of one message all are at the message's own address.
                let id = message.provider_message_id.as_deref().unwrap_or_default();
                let sid = id.split('#').next().unwrap_or_default();
                let source = twilio_media(&self.bases.twilio, account, sid, &given).ok_or_else(refused)?;
                let trusted = Trusted::of(Provider::Whatsapp, &self.bases.twilio);
                Ok(Place { source, basic: Some(secret.clone()), trusted })
            }
        }
    }

    /// Telegram tells by `getFile`; its address holds the bot's token, so it goes from here to the download and nowhere else.
    async fn telegram(&self, channel: &ChannelId, file_id: &str) -> Result<Place, Trouble> {
        let token = self.secret(channel.as_str()).await?;
        let result = match self.messenger.call(token.reveal(), &telegram::get_file(file_id)).await {
            MessengerReply::Answered { status, body } => match telegram::read_reply(status, &body) {
                Reply::Ok(result) => result,
                Reply::Err(failure) => return Err(trouble(channel, &failure)),
            },
            MessengerReply::NotSent(why) | MessengerReply::Unknown(why) => {
                tracing::warn!(%channel, why, "getFile");
                return Err(Trouble::Fault);
            }
        };
        let path = telegram::file_path(&result).ok_or(Trouble::Final(file::GONE))?;
        let base = &self.bases.telegram;
        let source = telegram_file(base, token.reveal(), &path).ok_or(Trouble::Final(file::REFUSED))?;
        Ok(Place { source, basic: None, trusted: Trusted::of(Provider::Telegram, base) })
    }

    /// A channel's token, or the app's secret.
    pub(crate) async fn secret(&self, name: &str) -> Result<Secret, Trouble> {
        self.secrets.channel_token(name).await.map_err(|error| match error {
            SecretError::Missing => Trouble::Final(file::CHANNEL_REFUSED),
            SecretError::Unavailable(why) => {
                tracing::error!(name, why, "secrets");
                Trouble::Fault
            }
        })
    }
}

/// What a failure of `getFile` means for the file. Asking does nothing, so an unknown outcome is asked for again.
fn trouble(channel: &ChannelId, failure: &Failure) -> Trouble {
    tracing::warn!(%channel, code = failure.code, detail = failure.detail, "getFile");
    match failure.class {
        FailureClass::PermanentMessage if failure.code == "too_large" => Trouble::Final(file::TOO_LARGE),
        FailureClass::PermanentChannel | FailureClass::Configuration => Trouble::Final(file::CHANNEL_REFUSED),
        // "Wrong file_id or the file is temporarily unavailable": it cannot be told which.
        FailureClass::PermanentMessage => Trouble::NotFound,
        FailureClass::PermanentContact
        | FailureClass::RetryPlain
        | FailureClass::OwnedByOther
        | FailureClass::SuccessNoop => Trouble::Final(file::GONE),
        FailureClass::Hold { .. }
        | FailureClass::Retry
        | FailureClass::RetryMigrated { .. }
        | FailureClass::Unknown => Trouble::Fault,
    }
}
