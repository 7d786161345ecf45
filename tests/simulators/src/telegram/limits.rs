//! The flood limits of sending: about 30 messages a second a bot and one a second a chat. Off until switched on.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What is allowed; core.telegram.org/bots/faq#my-bot-is-hitting-limits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Whether the limits hold.
    pub(crate) enabled: bool,
    /// Messages a second over all chats of the bot.
    pub(crate) bot_per_second: usize,
    /// Messages a second to one chat.
    pub(crate) chat_per_second: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { enabled: false, bot_per_second: 30, chat_per_second: 1 }
    }
}

/// The messages of the last second.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) settings: LimitSettings,
    bot: VecDeque<Instant>,
    chats: HashMap<i64, VecDeque<Instant>>,
}

const WINDOW: Duration = Duration::from_secs(1);

impl Limits {
    /// Counts a message to `chat` at `now`, or says in how many whole seconds the next one is welcome.
    pub(crate) fn admit(&mut self, chat: i64, now: Instant) -> Result<(), u64> {
        if !self.settings.enabled {
            return Ok(());
        }
        self.chats.retain(|_, sent| {
            forget_old(sent, now);
            !sent.is_empty()
        });
        forget_old(&mut self.bot, now);
        let in_chat = self.chats.entry(chat).or_default();
        if self.bot.len() >= self.settings.bot_per_second || in_chat.len() >= self.settings.chat_per_second {
            // Whole seconds, rounded up: with a window of one second that is always one.
            return Err(WINDOW.as_secs());
        }
        in_chat.push_back(now);
        self.bot.push_back(now);
        Ok(())
    }
}

fn forget_old(sent: &mut VecDeque<Instant>, now: Instant) {
    while sent.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
        sent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_a_second_to_a_chat_and_thirty_a_bot() {
        let start = Instant::now();
        let mut limits = Limits::default();
        for _ in 0..100 {
            assert_eq!(limits.admit(1, start), Ok(()), "the limits are off at first");
        }
        limits.settings.enabled = true;
        assert_eq!(limits.admit(1, start), Ok(()));
        assert_eq!(limits.admit(1, start), Err(1));
        assert_eq!(limits.admit(1, start + Duration::from_millis(999)), Err(1));
        assert_eq!(limits.admit(1, start + WINDOW), Ok(()));
        let later = start + Duration::from_secs(10);
        for chat in 0..30 {
            assert_eq!(limits.admit(chat, later), Ok(()));
        }
        assert_eq!(limits.admit(30, later), Err(1), "the bot's own limit");
        assert_eq!(limits.admit(30, later + WINDOW), Ok(()));
    }
}
