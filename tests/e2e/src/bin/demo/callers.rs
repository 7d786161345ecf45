//! Customers of the demonstration, each at a messenger of their own: what they do, and what they see there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::files::Sample;
use e2e::messenger::{Facebook, Visitor};
use e2e::whatsapp::Texter;
use e2e::{Customer, SOON};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::BOT_APP_ID;

use crate::doors::Doors;
use crate::say;

/// Somebody who writes.
pub(crate) struct Caller {
    name: &'static str,
    at: At,
    /// How many texts, and how many files, they have seen of the shop.
    seen: (usize, usize),
}

/// Where they are.
enum At {
    Telegram(Customer),
    Messenger(Facebook, Visitor),
    Whatsapp(Texter),
}

impl At {
    fn messenger(&self) -> &'static str {
        match self {
            Self::Telegram(_) => "Telegram",
            Self::Messenger(..) => "Messenger",
            Self::Whatsapp(_) => "WhatsApp",
        }
    }
}

impl Caller {
    /// One at each messenger, of this run's own, so that each conversation begins at its beginning.
    pub(crate) async fn at_each(doors: &Doors) -> [Self; 3] {
        let profile = |name: &str| json!({"first_name": name, "last_name": "Example"});
        let ada = doors.bot.customer(e2e::now_ms());
        doors.bot.ask(Method::PUT, &format!("/customers/{}", ada.id), Some(&profile("Ada"))).await;
        let grace = doors.page.customer();
        doors.page.ask(Method::PUT, &format!("/customers/{}", grace.id), Some(&profile("Grace"))).await;
        let caller = |name, at| Self { name, at, seen: (0, 0) };
        [
            caller("Ada", At::Telegram(ada)),
            caller("Grace", At::Messenger(doors.facebook.clone(), grace)),
            caller("Linus", At::Whatsapp(Texter { name: "Linus Example".to_owned(), ..doors.number.customer() })),
        ]
    }

    /// Whether a bot answers them first.
    pub(crate) fn meets_bot(&self) -> bool {
        matches!(self.at, At::Messenger(..))
    }

    /// Writes a line; it is in when the webhook has it.
    pub(crate) async fn write(&self, text: &str) {
        say(self.name, &format!("writes on {}: \"{text}\"", self.at.messenger()));
        match &self.at {
            At::Telegram(customer) => {
                let written = customer.write(text).await;
                tell_attempts(&customer.bot.delivery(written.update_id).await);
            }
            At::Messenger(_, visitor) => visitor.taken(&visitor.write(text).await).await,
            At::Whatsapp(texter) => tell_attempts(&texter.delivery(&texter.write(text).await).await),
        }
    }

    /// Sends a photo with words to it.
    pub(crate) async fn send_photo(&self, photo: &Sample, words: &str) {
        say(self.name, &format!("sends a photo on {}: \"{words}\"", self.at.messenger()));
        match &self.at {
            At::Telegram(customer) => {
                let (simulator, token) = (&customer.bot.simulator, &customer.bot.token);
                let id = simulator.upload_file(token, &photo.name, &photo.content_type, photo.bytes.clone()).await;
                let id = id.unwrap_or_else(|error| panic!("a photo: {error}"));
                let sent = simulator.write_file(token, customer.id, "photo", &id, Some(words)).await;
                sent.unwrap_or_else(|error| panic!("a photo: {error}"));
            }
            At::Messenger(facebook, visitor) => {
                let (id, _) = facebook.file(photo).await;
                let message = json!({"text": words, "attachments": [{"type": "image", "file_id": id}]});
                visitor.taken(&visitor.act("messages", &message).await).await;
            }
            At::Whatsapp(texter) => {
                let media = json!({
                    "content_type": photo.content_type, "base64": STANDARD.encode(&photo.bytes), "file_name": photo.name,
                });
                texter.taken(&texter.write_message(&json!({"body": words, "media": media})).await).await;
            }
        }
    }

    /// Waits for the next text of the shop's.
    pub(crate) async fn reads(&mut self) {
        self.seen.0 += 1;
        let text = match &self.at {
            At::Telegram(customer) => customer.received(self.seen.0).await.pop().unwrap_or_default(),
            At::Messenger(..) | At::Whatsapp(_) => {
                words(&self.latest().await["text"], &self.latest().await["params"]["Body"])
            }
        };
        say(self.name, &format!("receives \"{text}\""));
    }

    /// Waits for the next file of the shop's.
    pub(crate) async fn gets_file(&mut self) {
        self.seen.1 += 1;
        let file = match &self.at {
            At::Telegram(customer) => {
                let (simulator, token) = (&customer.bot.simulator, &customer.bot.token);
                let sent =
                    simulator.wait_for_sent(token, "sendDocument", Some(customer.id), 0, self.seen.1, SOON).await;
                let sent = sent.unwrap_or_else(|error| panic!("a file: {error}"));
                format!("{} ({} bytes)", sent[self.seen.1 - 1]["file"]["name"], sent[self.seen.1 - 1]["file"]["size"])
            }
            At::Messenger(..) => {
                let kind = self.latest().await["attachments"][0]["type"].clone();
                format!("a {}", kind.as_str().unwrap_or("message without one"))
            }
            At::Whatsapp(_) => {
                let link = self.latest().await["params"]["MediaUrl"].clone();
                assert!(link.is_string(), "Twilio was given no file");
                "a file, by a link to the bucket".to_owned()
            }
        };
        say(self.name, &format!("receives {file}"));
    }

    /// What came last of all that they have seen, where texts and files come in one list.
    async fn latest(&self) -> Value {
        let count = self.seen.0 + self.seen.1;
        let list = match &self.at {
            At::Telegram(_) => return Value::Null,
            At::Messenger(_, visitor) => visitor.received(count).await,
            At::Whatsapp(texter) => texter.received(count).await,
        };
        list[count - 1].clone()
    }

    /// The page's bot answers, as it was asked first.
    pub(crate) async fn is_answered_by_bot(&mut self, text: &str) {
        if let At::Messenger(_, visitor) = &self.at {
            visitor.answered(&json!({"text": text})).await;
            self.seen.0 += 1;
            say("bot", &format!("answers {}: \"{text}\"", self.name));
        }
    }

    /// The bot hands the conversation over.
    pub(crate) async fn is_passed_by_bot(&self) {
        if let At::Messenger(_, visitor) = &self.at {
            let passed = visitor.page.simulator.bot_pass(&visitor.page.id, &visitor.id, "a person, please").await;
            passed.unwrap_or_else(|error| panic!("the bot cannot hand over: {error}"));
            say("bot", &format!("hands the conversation with {} over", self.name));
        }
    }

    /// Waits until the bot has the conversation again.
    pub(crate) async fn is_back_with_bot(&self) {
        if let At::Messenger(_, visitor) = &self.at {
            visitor.owned_by(Some(BOT_APP_ID)).await;
            say("bot", &format!("has the conversation with {} back", self.name));
        }
    }
}

fn words(one: &Value, other: &Value) -> String {
    one.as_str().or(other.as_str()).unwrap_or_default().to_owned()
}

fn tell_attempts(delivery: &Value) {
    let attempts = delivery["attempts"].as_array().map_or(0, Vec::len);
    if let Some(last) = attempts.checked_sub(1) {
        say("webhook", &format!("took it in ({} at try {attempts})", delivery["attempts"][last]["status"]));
    }
}
