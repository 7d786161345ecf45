//! What the function asks of Twilio, and what its answers mean here (C3, C7).

use messengers::call::Call;
use messengers::failure::Failure;
use messengers::whatsapp::connect::{self, Refusal, Sender};
use ports::secrets::Secret;
use ports::{MessengerReply, MessengerTransport};
use serde_json::Value;
use wire::http::Code;

use crate::answer::Fault;
use crate::{Settings, World};

/// In how many parts an account's senders are looked through.
const PARTS_MAX: usize = 10;

/// An account, with what it is used by: `sid:token`.
pub(crate) struct Account {
    /// Its SID.
    pub(crate) sid: String,
    /// What is kept of it.
    pub(crate) secret: Secret,
}

impl Account {
    /// An account of this SID and token, if they have the shape; whether they belong together, Twilio says.
    pub(crate) fn given(sid: &str, token: &str) -> Result<Self, Fault> {
        let (sid, token) = (sid.trim(), token.trim());
        if !connect::is_sid(sid, "AC") {
            let text = "An account SID is AC and 32 hexadecimal digits.";
            return Err(Fault::Said(Code::InvalidValue, text.to_owned()));
        }
        if !connect::is_token(token) {
            return Err(token_invalid());
        }
        Ok(Self { sid: sid.to_owned(), secret: Secret::new(format!("{sid}:{token}")) })
    }

    /// The account that was kept.
    pub(crate) fn kept(secret: Secret) -> Option<Self> {
        let (sid, _) = secret.reveal().split_once(':')?;
        Some(Self { sid: sid.to_owned(), secret })
    }
}

fn token_invalid() -> Fault {
    Fault::Said(Code::TokenInvalid, "Twilio does not take this account SID with this auth token.".to_owned())
}

/// What is said when Twilio agreed, and yet it is not so; or does not agree.
pub(crate) fn not_confirmed(why: Option<&Failure>) -> Fault {
    let text = "Twilio does not confirm that the number's messages come here.";
    let said = why.map(|failure| format!(" Twilio says: {}", failure.detail)).unwrap_or_default();
    Fault::Said(Code::WebhookNotConfirmed, format!("{text}{said}"))
}

/// What a refusal means to the manager.
fn fault(refusal: &Refusal) -> Fault {
    match refusal.failure.code {
        connect::TOKEN_INVALID | connect::NOT_FOUND => token_invalid(),
        _ => Code::TwilioUnavailable.into(),
    }
}

/// Why the code did not arrive, by Twilio's number.
pub(crate) fn not_arrived(number: i64) -> Fault {
    let why = match number {
        connect::NOT_A_PARTICIPANT => return Code::NotAParticipant.into(),
        connect::OUTSIDE_WINDOW => {
            "WhatsApp lets a business write only to who wrote within a day: send any message from the confirmation number \
             to this number, then connect again."
        }
        connect::NOT_VERIFIED => {
            "A trial account writes only to numbers that are verified at Twilio: verify it there, then connect again."
        }
        _ => "Check that it uses WhatsApp, then connect again.",
    };
    Fault::Said(Code::ConfirmationNotSent, format!("{} {why} (Twilio: {number})", Code::ConfirmationNotSent.text()))
}

impl<W: World> Settings<W> {
    /// One call.
    pub(crate) async fn ask_twilio(&self, account: &Account, call: Call) -> Result<Value, Refusal> {
        let without = |failure: Failure| Refusal { failure, number: 0 };
        let answer = match self.world.messengers().call(account.secret.reveal(), &call).await {
            MessengerReply::Answered { status, body } => connect::read_answer(status, &body),
            MessengerReply::NotSent(why) => Err(without(Failure::not_sent(&why))),
            MessengerReply::Unknown(why) => Err(without(Failure::outcome_unknown(&why))),
        };
        if let Err(Refusal { failure, .. }) = &answer {
            tracing::warn!(method = call.method, code = failure.code, detail = failure.detail, "Twilio refused");
        }
        answer
    }

    /// Whether the account is active; an account that Twilio does not know by this token is a fault.
    pub(crate) async fn account_is_active(&self, account: &Account) -> Result<bool, Fault> {
        let answer = self.ask_twilio(account, connect::account(&account.sid)).await;
        Ok(connect::is_active(&answer.map_err(|refusal| fault(&refusal))?))
    }

    /// The account's sender of this number.
    pub(crate) async fn find_sender(&self, account: &Account, number: &str) -> Result<Option<Sender>, Fault> {
        let mut next = None;
        for _ in 0..PARTS_MAX {
            let answer = self.ask_twilio(account, connect::senders(next.as_ref())).await;
            let (senders, after) = connect::read_senders(&answer.map_err(|refusal| fault(&refusal))?);
            if let Some(sender) = senders.into_iter().find(|sender| sender.number == number) {
                return Ok(Some(sender));
            }
            next = after;
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// The same, and it must be online.
    pub(crate) async fn online_sender(&self, account: &Account, number: &str) -> Result<Sender, Fault> {
        match self.find_sender(account, number).await? {
            Some(sender) if sender.is_online() => Ok(sender),
            Some(sender) => {
                let status: String = sender.status.chars().filter(char::is_ascii_uppercase).take(40).collect();
                let text = format!("This number is not online at Twilio; its status there is {status}.");
                Err(Fault::Said(Code::SenderNotOnline, text))
            }
            None => Err(Code::SenderNotOnline.into()),
        }
    }

    /// Has a sender's messages sent to this address, and makes sure that they are.
    pub(crate) async fn set_receiver(&self, account: &Account, sender: &Sender, url: &str) -> Result<(), Fault> {
        let refused = |refusal: Refusal| match refusal.failure.code {
            "refused" => not_confirmed(Some(&refusal.failure)),
            _ => fault(&refusal),
        };
        let status_url = format!("{url}/status");
        self.ask_twilio(account, connect::set_webhook(&sender.sid, url, &status_url)).await.map_err(refused)?;
        let there = self.ask_twilio(account, connect::sender(&sender.sid)).await.map_err(refused)?;
        let is_ours = Sender::read(&there).is_some_and(|sender| sender.goes_to(url));
        if is_ours { Ok(()) } else { Err(not_confirmed(None)) }
    }

    /// Sends the code that confirms a number; the id of the message.
    pub(crate) async fn send_code(
        &self,
        account: &Account,
        from: &str,
        to: &str,
        code: &str,
    ) -> Result<Option<String>, Fault> {
        let answer = self.ask_twilio(account, connect::send_code(&account.sid, from, to, code)).await;
        match answer {
            Ok(answer) => Ok(connect::message_sid(&answer)),
            Err(refusal) if refusal.failure.code == "refused" => Err(not_arrived(refusal.number)),
            Err(refusal) => Err(fault(&refusal)),
        }
    }

    /// Whether it is known by now that the message did not arrive. That nobody can tell is no fault: it may yet.
    pub(crate) async fn check_arrival(&self, account: &Account, message: Option<&str>) -> Result<(), Fault> {
        let Some(message) = message else { return Ok(()) };
        let answer = self.ask_twilio(account, connect::message(&account.sid, message)).await;
        match answer.ok().as_ref().and_then(connect::undelivered) {
            Some(number) => Err(not_arrived(number)),
            None => Ok(()),
        }
    }
}
