//! What customers send besides words and files: places, contact cards, pressed buttons; in each messenger's own form.

use domain::Provider;
use domain::content::{Content, Media, MediaKind};
use domain::message::Message;
use serde_json::json;

use crate::customers::Customer;
use crate::files;
use crate::invariants::Invariant;
use crate::model::Model;
use crate::simulation::Simulation;

/// The words of every button.
const LABEL: &str = "Yes";
/// Where everybody is: degrees, and what is stored of them.
const PLACE: (f64, f64, i64, i64) = (52.5, -13.25, 52_500_000, -13_250_000);

/// A kind of message that is neither words nor a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A place.
    Place,
    /// Somebody's contact card; Messenger has none.
    Card,
    /// A button was pressed.
    Button,
}

impl Kind {
    /// Whether it is stored as it was sent.
    fn is(self, content: &Content) -> bool {
        match (self, content) {
            (Self::Place, Content::Location { latitude_e6, longitude_e6, .. }) => {
                (*latitude_e6, *longitude_e6) == (PLACE.2, PLACE.3)
            }
            (Self::Card, Content::Media { media: Media { kind, .. } }) => *kind == MediaKind::ContactCard,
            (Self::Card, Content::ContactCard { name, .. }) => name == "Grace" || files::is_card(name),
            (Self::Button, Content::Button { label }) => label == LABEL,
            _ => false,
        }
    }
}

impl Customer {
    /// The message of this number is a place, a card or a button; `name` is that of a card's file.
    fn show(&mut self, at_ms: i64, number: u64, kind: Kind, name: &str) {
        match self.provider() {
            Provider::Telegram => self.show_on_telegram(number, kind),
            Provider::Messenger => self.show_on_messenger(at_ms, number, kind),
            Provider::Whatsapp => self.show_on_whatsapp(number, kind, name),
        }
    }

    fn show_on_telegram(&mut self, number: u64, kind: Kind) {
        let (north, east, ..) = PLACE;
        match kind {
            Kind::Place => {
                let place = json!({ "message_id": number, "location": { "latitude": north, "longitude": east } });
                self.update("message", &place, Some(number));
            }
            Kind::Card => {
                let card = json!({ "phone_number": "+15550000002", "first_name": "Grace" });
                self.update("message", &json!({ "message_id": number, "contact": card }), Some(number));
            }
            Kind::Button => {
                let shown = json!({ "message_id": 2_000_000, "chat": self.person(), "date": 1_767_225_600, "text": "?",
                    "reply_markup": { "inline_keyboard": [[{ "text": LABEL, "callback_data": "y" }]] } });
                let press = json!({ "id": number.to_string(), "message": shown, "chat_instance": "1", "data": "y" });
                self.update("callback_query", &press, Some(number));
            }
        }
    }

    fn show_on_messenger(&mut self, at_ms: i64, number: u64, kind: Kind) {
        let (mid, (north, east, ..)) = (self.line().message_id(number), PLACE);
        if kind == Kind::Button {
            let mut press = json!({ "mid": mid, "title": LABEL, "payload": "y" });
            if self.standby
                && let Some(press) = press.as_object_mut()
            {
                press.remove("payload");
            }
            return self.event(at_ms, "postback", &press, Some(number));
        }
        let payload = json!({ "coordinates": { "lat": north, "long": east } });
        let place = json!({ "type": "location", "title": "Here", "payload": payload });
        self.event(at_ms, "message", &json!({ "mid": mid, "attachments": [place] }), Some(number));
    }

    fn show_on_whatsapp(&mut self, number: u64, kind: Kind, name: &str) {
        let (north, east) = (PLACE.0.to_string(), PLACE.1.to_string());
        let address = files::twilio_address(&self.line().message_id(number), name);
        let fields: &[(&str, &str)] = match kind {
            Kind::Place => &[("MessageType", "location"), ("Latitude", &north), ("Longitude", &east)],
            Kind::Card => &[("NumMedia", "1"), ("MediaUrl0", &address), ("MediaContentType0", "text/vcard")],
            Kind::Button => {
                &[("MessageType", "button"), ("Body", LABEL), ("ButtonText", LABEL), ("ButtonPayload", "y")]
            }
        };
        self.form(number, fields);
    }
}

impl Simulation {
    /// The customer sends a place or a card, or presses a button.
    pub(crate) fn show(&mut self, at: usize, kind: Kind) {
        let provider = self.customers[at].provider();
        let kind = if kind == Kind::Card && provider == Provider::Messenger { Kind::Place } else { kind };
        let number = self.number(at, 1);
        let (now_ms, customer) = (self.services.now_ms(), &mut self.customers[at]);
        if let Some(said) = self.services.model.borrow_mut().said.get_mut(&customer.conversation) {
            said.kinds.insert(number, kind);
        }
        self.services.tell(|| format!("    it is a {kind:?}"));
        let is_file = kind == Kind::Card && provider == Provider::Whatsapp;
        let name = is_file.then(|| files::new_card(&self.services.rng, customer.number, number));
        customer.show(now_ms, number, kind, &name.unwrap_or_default());
    }
}

impl Model {
    /// I2: what is stored is what was sent.
    pub(crate) fn check_kind(&mut self, number: u64, message: &Message) {
        let said = self.said.get(&message.chat.conversation);
        let Some(kind) = said.and_then(|said| said.kinds.get(&number)).copied() else { return };
        self.require(Invariant::I2, kind.is(&message.content), || {
            format!("{} {} is {:?}, and was a {kind:?}", message.chat, message.seq, message.content)
        });
    }
}
