//! Who has a conversation, as the product understands it, held to what the page told.

use std::collections::{BTreeMap, BTreeSet};

use domain::ChatId;
use domain::chat::{Chat, Control, Stand};
use domain::content::Content;
use domain::message::{Author, Message};

use crate::bot::BOT;
use crate::customers::Update;
use crate::end::{Found, none_of};
use crate::invariants::Invariant;
use crate::messenger::Reply;
use crate::model::{Model, Said};
use crate::simulation::Simulation;

/// What others than we wrote to a customer, by number.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    pub(crate) written: u64,
    /// Those told in standby: they are stored whatever there is.
    pub(crate) standby: BTreeSet<u64>,
    accepted: BTreeSet<u64>,
    /// Those told while their channel may have been off.
    pub(crate) may_be_dropped: BTreeSet<u64>,
    stored: BTreeSet<u64>,
}

impl Echoes {
    /// The channel is off: what is not stored may be dropped.
    pub(crate) fn drop_open(&mut self) {
        let open = (1..=self.written).filter(|number| !self.stored.contains(number));
        self.may_be_dropped.extend(open);
    }
}

/// What is known of chats that passed between a bot and us.
#[derive(Debug, Default)]
pub(crate) struct Handovers {
    /// The messages with which chats left their bot.
    by: BTreeSet<Reply>,
    /// Chats that closed while the conversation was given to us.
    owed: BTreeSet<ChatId>,
    /// The message by which each chat hands its conversation back.
    back: BTreeMap<ChatId, u64>,
    /// When each chat was first stored.
    begun: BTreeMap<ChatId, i64>,
}

impl Said {
    /// A webhook has taken an update in.
    pub(crate) fn took(&mut self, update: &Update, unstable: bool) {
        self.is_ours = update.ours.or(self.is_ours);
        if let Some(number) = update.echo {
            self.echoes.accepted.insert(number);
            if unstable {
                self.echoes.may_be_dropped.insert(number);
            }
        }
    }
}

impl Model {
    /// A chat goes to a bot only from the line, leaves it only for the line or for good, and is in no line meanwhile.
    pub(crate) fn check_control(&mut self, before: Option<&Chat>, chat: &Chat, now_ms: i64) {
        if before.is_none() {
            self.handovers.begun.insert(chat.id.clone(), now_ms);
        }
        let stood = before.map(|before| &before.route.stand);
        let is_right = match (stood, &chat.route.stand) {
            (Some(Stand::WithBot), Stand::WithBot | Stand::Waiting) => true,
            (Some(Stand::WithBot), Stand::Closed { by, operator, .. }) => by.is_none() && operator.is_none(),
            (Some(Stand::WithBot), _) => false,
            (stood, Stand::WithBot) => matches!(stood, None | Some(Stand::Waiting)),
            _ => return self.note_owed(before, chat),
        };
        self.require(Invariant::Control, is_right, || format!("{} is {:?}, and was {stood:?}", chat.id, chat.route));
        if chat.route.stand == Stand::Waiting {
            self.handovers.by.insert((chat.id.clone(), chat.thread.next_seq - 1));
        }
    }

    fn note_owed(&mut self, before: Option<&Chat>, chat: &Chat) {
        let was_ours =
            before.is_some_and(|one| !one.is_closed() && matches!(one.route.control, Some(Control::Ours { .. })));
        if chat.is_closed() && was_ours {
            self.handovers.owed.insert(chat.id.clone());
        }
    }

    /// A message of the customer's of this number is stored: in standby it is the bot's, else it is ours.
    pub(crate) fn check_side(&mut self, number: u64, message: &Message) {
        let said = self.said.get(&message.chat.conversation);
        let standby = said.is_some_and(|said| said.standby.contains(&number));
        let Some(chat) = self.chats.get(&message.chat) else { return };
        let with_bot = chat.route.stand == Stand::WithBot;
        let at = (message.chat.clone(), message.seq);
        let is_right = if !standby {
            !with_bot
        } else if message.seq == 1 {
            with_bot
        } else {
            !self.handovers.by.contains(&at)
        };
        self.require(Invariant::Control, is_right, || {
            format!("{at:?} was said in standby {standby}, and its chat is with its bot {with_bot}")
        });
    }

    /// Somebody else's words are stored: told by the page, once; outside standby they open no chat.
    pub(crate) fn check_echo(&mut self, message: &Message) {
        let id = message.provider_message_id.as_deref();
        let number = id.and_then(|id| id.strip_prefix("b_")?.parse().ok()).unwrap_or(0);
        let said = self.said.entry(message.chat.conversation.clone()).or_default();
        let is_known = (1..=said.echoes.written).contains(&number);
        let opens = message.seq == 1 && !said.echoes.standby.contains(&number);
        let once = said.echoes.stored.insert(number);
        let at = (message.chat.clone(), message.seq);
        self.require(Invariant::I6, is_known, || format!("{at:?} is an echo of a reply"));
        self.require(Invariant::I2, once, || format!("{id:?} of {} was stored twice", message.chat.conversation));
        self.require(Invariant::Control, !opens, || format!("{at:?} opens a chat, though nobody asks anything"));
    }

    /// What the system itself stores: a hand-back is of a chat that closed while the conversation was given to us, once.
    pub(crate) fn check_note(&mut self, message: &Message) {
        let Content::HandBack { to } = &message.content else { return };
        let at = (message.chat.clone(), message.seq);
        let is_owed = self.handovers.owed.contains(&message.chat);
        let once = self.handovers.back.insert(message.chat.clone(), message.seq).is_none();
        let to_bot = to.as_deref().is_none_or(|to| to == BOT);
        self.require(Invariant::Control, is_owed && once && to_bot, || {
            format!("{at:?} hands back to {to:?}: owed {is_owed}, for the first time {once}")
        });
    }

    /// A conversation is handed back by somebody who began at that time: it had no newer chat then, whose it would be.
    pub(crate) fn check_hand_back(&mut self, chat: &ChatId, since_ms: i64) {
        let mut begun = self.handovers.begun.iter();
        let newer = begun
            .find(|(other, at_ms)| other.conversation == chat.conversation && other.n > chat.n && **at_ms < since_ms);
        let newer = newer.map(|(newer, _)| newer.clone());
        self.require(Invariant::Control, newer.is_none(), || format!("{chat} is handed back, and {newer:?} has begun"));
    }

    /// I5, C6: what a bot has is in no line.
    pub(crate) fn check_bots(&mut self, chat: &Chat, is_in_line: bool) {
        if chat.route.stand != Stand::WithBot {
            return;
        }
        let free = chat.operator().is_none() && chat.offer().is_none();
        self.require(Invariant::Control, free && !is_in_line, || format!("{} is with its bot, and in a line", chat.id));
    }

    /// The hand-backs of these chats that are on their way.
    pub(crate) fn hand_backs_of(&self, is_theirs: impl Fn(&ChatId) -> bool) -> Vec<Reply> {
        let open = |message: &&Message| message.delivery.as_ref().is_some_and(|one| one.lease_until_ms.is_some());
        let of_them = self.handovers.back.iter().filter(|(chat, _)| is_theirs(chat));
        of_them
            .filter_map(|(chat, seq)| self.messages.get(&(chat.clone(), *seq)))
            .filter(open)
            .map(|message| (message.chat.clone(), message.seq))
            .collect()
    }
}

impl Simulation {
    /// What a page told of its bot came to its end.
    pub(crate) fn controlled(&self) -> Found {
        let model = self.services.model.borrow();
        let owed = model.handovers.owed.iter().filter(|chat| !model.handovers.back.contains_key(chat));
        let mut wrong: Vec<_> = owed.map(|chat| format!("{chat} is not handed back")).collect();
        for customer in &self.customers {
            let Some(said) = model.said.get(&customer.conversation) else { continue };
            let open = |number: &&u64| {
                said.echoes.accepted.contains(number)
                    && !said.echoes.may_be_dropped.contains(number)
                    && !said.echoes.stored.contains(number)
            };
            let lost = said.echoes.standby.iter().filter(open);
            wrong.extend(lost.map(|number| format!("{} b{number} is lost", customer.conversation)));
            if self.switched[customer.place] || said.is_ours != Some(true) {
                continue;
            }
            let latest = model.chats.values().rfind(|chat| chat.id.conversation == customer.conversation);
            let with_bot = latest.filter(|chat| chat.route.stand == Stand::WithBot);
            wrong.extend(with_bot.map(|chat| format!("{} was passed to us, and is with its bot", chat.id)));
        }
        none_of(Invariant::Control, "at the end", &wrong)
    }
}

/// Whose words a message is, if it is no customer's and no operator's.
pub(crate) fn is_ours(message: &Message) -> bool {
    match &message.author {
        Author::Operator { .. } => true,
        Author::System => matches!(message.content, Content::HandBack { .. }),
        Author::Customer | Author::External { .. } => false,
    }
}
