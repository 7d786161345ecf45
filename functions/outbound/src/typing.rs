//! "Somebody writes": shown now or not at all.

use domain::ChatId;
use ports::records::{self, decode_chat, decode_contact, decode_hold};
use ports::{Clock, MessengerTransport, Push, Queues, Secrets, Store, StoreError, Visibility};
use runtime::batch::Verdict;

use crate::Sender;
use crate::call::render_typing;

/// After so long it is no longer true, milliseconds; a messenger shows it for about as long.
const TYPING_MS: i64 = 5_000;

impl<S, Q, V, P, M, K, C> Sender<S, Q, V, P, M, K, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
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
        let Some(call) = render_typing(chat.provider, &contact.customer.address) else { return Ok(()) };
        if let Ok(token) = self.secrets.channel_token(chat.channel.as_str()).await {
            // Whatever it answers, the reply itself will hear it, too.
            self.messenger.call(token.reveal(), &call).await;
        }
        Ok(())
    }

    async fn is_held(&self, channel: &domain::ChannelId) -> Result<bool, StoreError> {
        let rows = self.desk.store.get(&[records::hold_key(channel)]).await?;
        let hold = rows.first().and_then(Option::as_ref).map(decode_hold).transpose()?.unwrap_or_default();
        Ok(hold.until_ms > self.desk.now_ms())
    }
}
