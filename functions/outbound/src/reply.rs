//! A stored reply and its turn.

use domain::Provider;
use domain::chat::Chat;
use domain::contact::Contact;
use domain::content::Content;
use domain::decision::{News, Tell, Write};
use domain::delivery::{self, Outcome, REPLY_AGE_MS_MAX, Turn};
use domain::handover;
use domain::message::Message;
use domain::operator::Operator;
use ports::queues::VISIBILITY_S_MAX;
use ports::records::{self, Hold};
use ports::secrets::{FACEBOOK_APP, Secret};
use ports::{Clock, Files, MessengerTransport, Push, Queues, SecretError, Secrets, Store, StoreError, Visibility};
use runtime::batch::Verdict;
use runtime::telemetry;
use wire::queues::{Inbound, Outbound, QueueMessage, VERSION};

use crate::Sender;
use crate::attachment::{self, NoFile};
use crate::call::{Attachment, Credentials, HandOver, HandedOver, is_sendable};
use crate::fate::{Fate, Health, Standing};
use crate::letter::Letter;
use crate::outcome;

/// What a hand-over may need of an invocation, milliseconds: the mark, one call of 5 s, its outcome. With less left, the reply
/// waits for the next invocation, since a call that is cut off ends as `unknown`. The function's time-out is longer.
const HAND_OVER_NEEDS_MS: i64 = 8_000;
/// The same for one that carries a file, which has up to 15 s.
const HAND_OVER_OF_FILE_NEEDS_MS: i64 = 18_000;
/// When to look again after something of ours was out of order, milliseconds.
const AGAIN_MS: i64 = 2_000;

/// Whether the next reply may follow.
enum Step {
    /// This one has reached its end.
    Next,
    /// Not before so many milliseconds.
    Wait(i64),
}

/// Why a reply cannot be handed over.
enum Obstacle {
    /// For good, with this code.
    Fails(&'static str),
    /// For so many milliseconds.
    Waits(i64),
}

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
    /// Sends the reply that a hint names, and before it whatever of its chat should have gone before.
    pub(crate) async fn reply(&self, hint: &Outbound, deadline_ms: i64) -> Verdict {
        self.send(hint, deadline_ms).await.unwrap_or_else(Verdict::from)
    }

    async fn send(&self, hint: &Outbound, deadline_ms: i64) -> Result<Verdict, StoreError> {
        let Some(mut letter) = Letter::read(&self.desk.store, hint).await? else {
            tracing::warn!(chat = %hint.chat, "a hint of a reply that is not there");
            return Ok(Verdict::Done);
        };
        for message in std::mem::take(&mut letter.messages) {
            if let Step::Wait(wait_ms) = self.take_turn(&mut letter, &message, deadline_ms).await? {
                return Ok(Verdict::Later(Some(seconds(wait_ms))));
            }
        }
        Ok(Verdict::Done)
    }

    async fn take_turn(&self, letter: &mut Letter, message: &Message, deadline_ms: i64) -> Result<Step, StoreError> {
        match delivery::turn(message, letter.hold.until_ms, self.desk.now_ms()) {
            Turn::Done => Ok(Step::Next),
            Turn::Wait(wait_ms) => Ok(Step::Wait(wait_ms)),
            Turn::End(ended) => self.end(letter, ended).await,
            Turn::HandOver(sending) => match self.prepare(letter, message, deadline_ms).await {
                Ok(ready) => self.hand_over(letter, &sending, &ready).await,
                Err(Obstacle::Fails(code)) => {
                    let failed = delivery::settle(message, &Outcome::Failed(code.to_owned()));
                    self.end(letter, failed).await
                }
                Err(Obstacle::Waits(wait_ms)) => Ok(Step::Wait(wait_ms)),
            },
        }
    }

    /// Stores a reply's end that no call led to, and says so.
    async fn end(&self, letter: &Letter, ended: Message) -> Result<Step, StoreError> {
        self.commit(&ended).await?;
        self.tell(letter, ended, None).await;
        Ok(Step::Next)
    }

    async fn commit(&self, message: &Message) -> Result<(), StoreError> {
        let writes = records::rows(&[Write::Message(message.clone())], self.desk.now_ms());
        self.desk.store.commit(&writes).await
    }

    /// All that must be there before the mark `sending` is set: from then on, only the messenger's answer helps.
    async fn prepare(&self, letter: &Letter, message: &Message, deadline_ms: i64) -> Result<Ready, Obstacle> {
        let Some(contact) = &letter.contact else { return Err(Obstacle::Fails("contact_unknown")) };
        if matches!(message.content, Content::HandBack { .. }) && self.is_superseded(&letter.chat).await? {
            return Err(Obstacle::Fails("superseded"));
        }
        let (provider, address) = (letter.chat.provider, contact.customer.address.clone());
        let credentials = self.credentials(letter).await?;
        let site = self.site(provider).await?;
        let attachment = attachment::of(&self.files, provider, message).await.map_err(|no_file| match no_file {
            NoFile::Never(code) => Obstacle::Fails(code),
            NoFile::NotNow(error) => {
                tracing::warn!(error, "file");
                Obstacle::Waits(AGAIN_MS)
            }
        })?;
        if !is_sendable(provider, &message.content, attachment != Attachment::None) {
            return Err(Obstacle::Fails("not_supported"));
        }
        let needs_ms = match attachment {
            Attachment::Bytes(..) => HAND_OVER_OF_FILE_NEEDS_MS,
            Attachment::Link(_) | Attachment::None => HAND_OVER_NEEDS_MS,
        };
        if deadline_ms - self.desk.now_ms() < needs_ms {
            return Err(Obstacle::Waits(0));
        }
        Ok(Ready { credentials, address, attachment, site })
    }

    /// Whether the conversation has gone on since the chat closed (C6).
    async fn is_superseded(&self, chat: &Chat) -> Result<bool, Obstacle> {
        let latest = records::latest_chat(&self.desk.store, &chat.id.conversation).await.map_err(|error| {
            tracing::warn!(%error, "latest chat");
            Obstacle::Waits(AGAIN_MS)
        })?;
        Ok(latest.is_some_and(|latest| handover::is_superseded(chat, &latest)))
    }

    /// What the channel's messenger asks for.
    async fn credentials(&self, letter: &Letter) -> Result<Credentials, Obstacle> {
        let token = match self.secrets.channel_token(letter.chat.channel.as_str()).await {
            Ok(token) => token,
            Err(SecretError::Missing) => {
                telemetry::count("channel_problem", "token_missing");
                return Err(Obstacle::Fails("channel_unauthorized"));
            }
            Err(error @ SecretError::Unavailable(_)) => return Err(not_now(&error)),
        };
        let app_secret = match letter.chat.provider {
            Provider::Messenger => match self.secrets.channel_token(FACEBOOK_APP).await {
                Ok(secret) => Some(secret),
                // Without a proof the call is as good, unless Facebook was told to take none.
                Err(SecretError::Missing) => None,
                Err(error @ SecretError::Unavailable(_)) => return Err(not_now(&error)),
            },
            Provider::Telegram | Provider::Whatsapp => None,
        };
        Ok(Credentials { token, app_secret })
    }

    /// Where statuses come to, for a messenger that is told with each reply.
    async fn site(&self, provider: Provider) -> Result<String, Obstacle> {
        if provider != Provider::Whatsapp {
            return Ok(String::new());
        }
        let config = self.desk.config().await.map_err(|error| {
            tracing::warn!(%error, "site");
            Obstacle::Waits(AGAIN_MS)
        })?;
        let site = config.settings.site_url.as_deref().unwrap_or(&self.public_url);
        Ok(site.trim_end_matches('/').to_owned())
    }

    /// Marks the reply, calls the messenger, keeps what came of it.
    async fn hand_over(&self, letter: &mut Letter, sending: &Message, ready: &Ready) -> Result<Step, StoreError> {
        self.commit(sending).await?;
        let (provider, channel) = (letter.chat.provider, letter.chat.channel.clone());
        let Ready { credentials, address, attachment, site } = ready;
        let call = HandOver { provider, channel: &channel, credentials, address, message: sending, attachment, site };
        let mut handed = call.call(&self.messenger).await;
        if matches!(handed.fate.channel, Health::Refused(_)) && self.is_outdated(letter, credentials).await {
            handed.fate = Fate::not_processed();
        }
        let contact = contact_after(letter.contact.as_ref(), &handed);
        let Fate { outcome, channel: health, customer } = handed.fate;
        let now_ms = self.desk.now_ms();
        let kept = outcome::keep(&self.desk.store, sending, &outcome, contact.as_ref(), now_ms).await;
        self.note_health(letter, health).await;
        let message = kept.inspect_err(|error| tracing::error!(%error, ?outcome, "the outcome of a reply is lost"))?;
        if let Some(contact) = &contact {
            letter.contact = Some(contact.clone());
        }
        if customer == Standing::WithOther {
            self.lost_to_other(letter, &message).await;
        }
        let step = if outcome == Outcome::NotProcessed { self.try_again(letter, &message) } else { Step::Next };
        self.tell(letter, message, contact).await;
        Ok(step)
    }

    /// Whether a channel was refused with a secret that it no longer has: it was connected anew while the old one was remembered.
    async fn is_outdated(&self, letter: &Letter, used: &Credentials) -> bool {
        let is_other = async |name: &str, used: &Secret| match self.secrets.channel_token_now(name).await {
            Ok(now) => now != *used,
            Err(_) => false,
        };
        let of_app = match &used.app_secret {
            Some(secret) => is_other(FACEBOOK_APP, secret).await,
            None => false,
        };
        is_other(letter.chat.channel.as_str(), &used.token).await || of_app
    }

    /// Another app has the conversation, as its messenger said instead of telling by itself: this goes the way of all that
    /// messengers tell. A hint: without it, the next reply is refused as this one was.
    async fn lost_to_other(&self, letter: &Letter, refused: &Message) {
        let Some(contact) = &letter.contact else { return };
        let Some(event) = handover::refused(refused, &contact.customer) else { return };
        let inbound = Inbound {
            v: VERSION,
            channel: letter.chat.channel.clone(),
            provider: letter.chat.provider,
            conversation: letter.chat.id.conversation.clone(),
            event,
            received_at_ms: self.desk.now_ms(),
        };
        if let Err(error) = self.desk.queues.send(&[QueueMessage::Inbound(inbound)]).await {
            tracing::warn!(%error, "conversation lost");
        }
    }

    /// When a reply that was not processed has its next turn: when its channel may be used, after a pause of its own, and not
    /// later than it is too old.
    fn try_again(&self, letter: &Letter, message: &Message) -> Step {
        let Some(delivery) = &message.delivery else { return Step::Next };
        let now_ms = self.desk.now_ms();
        let wait_ms = delivery::retry_in_ms(delivery.attempts).max(letter.hold.until_ms - now_ms);
        Step::Wait(wait_ms.min(delivery.queued_at_ms + REPLY_AGE_MS_MAX - now_ms))
    }

    /// Keeps how the channel is, where that changes anything. A hint: a fault costs no more than a call too many.
    async fn note_health(&self, letter: &mut Letter, health: Health) {
        let hold = match health {
            Health::Fine => Hold::default(),
            Health::Failing { asks_ms } => {
                let (failures, until_ms) = delivery::hold_after(letter.hold.failures, asks_ms, self.desk.now_ms());
                Hold { failures, until_ms, ..letter.hold.clone() }
            }
            Health::Refused(code) => {
                telemetry::count("channel_problem", code);
                Hold { problem: Some(code.to_owned()), ..letter.hold.clone() }
            }
            Health::Untold => return,
        };
        if hold == letter.hold {
            return;
        }
        letter.hold = hold;
        if let Err(error) = self.desk.store.commit(&[records::put_hold(&letter.chat.channel, &letter.hold)]).await {
            tracing::warn!(%error, "hold");
        }
    }

    async fn tell(&self, letter: &Letter, message: Message, contact: Option<Contact>) {
        let Some(listener) = self.listener(letter, &message).await else { return };
        let news = std::iter::once(News::Message(message)).chain(contact.map(News::Contact));
        let tells: Vec<Tell> = news.map(|news| Tell { operator: listener.clone(), news }).collect();
        self.desk.tell(&tells).await;
    }

    /// Who is to hear of a reply. While nobody has the chat, those who wrote a letter's replies may be several (I8).
    async fn listener(&self, letter: &Letter, message: &Message) -> Option<Operator> {
        let who = delivery::listener(&letter.chat, message)?;
        if let Some(known) = letter.listener.as_ref().filter(|known| known.id == *who) {
            return Some(known.clone());
        }
        self.desk.operator(who).await.inspect_err(|error| tracing::warn!(%error, "listener")).ok().flatten()
    }
}

/// All that a hand-over takes.
struct Ready {
    credentials: Credentials,
    address: String,
    attachment: Attachment,
    site: String,
}

fn not_now(error: &SecretError) -> Obstacle {
    tracing::warn!(%error, "secret");
    Obstacle::Waits(AGAIN_MS)
}

/// The customer, if the hand-over tells something new of them.
fn contact_after(before: Option<&Contact>, handed: &HandedOver) -> Option<Contact> {
    let before = before?;
    let mut after = before.clone();
    match handed.fate.customer {
        Standing::Reachable => after.reachable = true,
        Standing::Unreachable => after.reachable = false,
        Standing::WithOther | Standing::Untold => {}
    }
    if let Some(address) = &handed.moved_to {
        after.customer.address.clone_from(address);
    }
    (after != *before).then_some(after)
}

/// Whole seconds, as queues count them: not before the time, at least one.
fn seconds(wait_ms: i64) -> u32 {
    let up = wait_ms.max(1).saturating_add(999) / 1000;
    u32::try_from(up).unwrap_or(VISIBILITY_S_MAX).min(VISIBILITY_S_MAX)
}
