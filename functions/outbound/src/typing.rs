//! "Somebody writes": shown now or not at all.

use domain::message::Author;
use domain::{ChatId, Provider};
use ports::records::{self, decode_chat, decode_contact, decode_hold};
use ports::secrets::FACEBOOK_APP;
use ports::{Clock, Files, MessengerTransport, Push, Queues, Secrets, Store, StoreError, Visibility};
use runtime::batch::Verdict;

use crate::Sender;
use crate::call::{Credentials, render_typing};

/// After so long it is no longer true, milliseconds; a messenger shows it for about as long.
const TYPING_MS: i64 = 5_000;
/// Among so many of the newest messages the customer's last one is looked for.
const NEWEST: u32 = 10;

impl<S, Q, V, P, M, K, F, C> Sender<S, Q, V, P, M, K, F, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
    F: Files,
    C: Clock,
{
    /// Shows a customer that somebody writes. Whatever stands in the way, it is not worth another try.
    pub(crate) async fn typing(&self, chat: &ChatId, at_ms: i64) -> Verdict {
        if self.desk.now_ms() - at_ms <= TYPING_MS
            && let Err(error) = self.show_typing(chat).await
        {
            tracing::info!(%error, "typing");
        }
        Verdict::Done
    }

    async fn show_typing(&self, chat: &ChatId) -> Result<(), StoreError> {
        let rows = self.desk.store.get(&[records::chat_key(chat), records::contact_key(&chat.conversation)]).await?;
        let [Some(chat), Some(contact)] = rows.as_slice() else { return Ok(()) };
        let (chat, contact) = (decode_chat(chat)?, decode_contact(contact)?);
        if !contact.reachable || self.is_held(&chat.channel).await? {
            return Ok(());
        }
        let latest_in = if chat.provider == Provider::Whatsapp { self.latest_in(&chat.id).await? } else { None };
        let Ok(token) = self.secrets.channel_token(chat.channel.as_str()).await else { return Ok(()) };
        let app_secret = match chat.provider {
            Provider::Messenger => self.secrets.channel_token(FACEBOOK_APP).await.ok(),
            Provider::Telegram | Provider::Whatsapp => None,
        };
        let credentials = Credentials { token, app_secret };
        let address = &contact.customer.address;
        if let Some(call) = render_typing(chat.provider, &credentials, address, latest_in.as_deref()) {
            // Whatever it answers, the reply itself will hear it, too.
            self.messenger.call(credentials.token.reveal(), &call).await;
        }
        Ok(())
    }

    /// The messenger's id of what the customer said last, if it is among the newest messages.
    async fn latest_in(&self, chat: &ChatId) -> Result<Option<String>, StoreError> {
        let (newest, _) = records::history(&self.desk.store, chat, None, NEWEST).await?;
        let said = newest.into_iter().find(|message| message.author == Author::Customer);
        Ok(said.and_then(|message| message.provider_message_id))
    }

    async fn is_held(&self, channel: &domain::ChannelId) -> Result<bool, StoreError> {
        let rows = self.desk.store.get(&[records::hold_key(channel)]).await?;
        let hold = rows.first().and_then(Option::as_ref).map(decode_hold).transpose()?.unwrap_or_default();
        Ok(hold.until_ms > self.desk.now_ms())
    }
}
