//! The conversation that the demonstration begins with.

use e2e::Customer;
use serde_json::json;

use crate::say;
use crate::shop::Shop;

/// What the customer says; the last line has the operator close the chat.
const LINES: [&str; 3] = ["Hello! Where is my order 4711?", "It should have been here on Monday.", "Thank you, bye!"];

/// Plays it: each line is answered at the messenger before the next.
pub(crate) async fn play(shop: &Shop) {
    // A customer of this run's own, so that the conversation begins at its beginning.
    let customer = shop.bot.customer(e2e::now_ms());
    let profile = json!({"first_name": "Ada", "last_name": "Example"});
    shop.bot.ask(reqwest::Method::PUT, &format!("/customers/{}", customer.id), Some(&profile)).await;
    for (at, line) in LINES.into_iter().enumerate() {
        write(&customer, line).await;
        let answers = customer.received(at + 1).await;
        say("Ada", &format!("receives \"{}\"", answers[at]));
    }
    say("demo", "the conversation is complete: in through the webhook, offered, accepted, answered at the messenger");
}

async fn write(customer: &Customer, line: &str) {
    say("Ada", &format!("writes \"{line}\""));
    let written = customer.write(line).await;
    let delivery = customer.bot.delivery(written.update_id).await;
    let tries = delivery["attempts"].as_array().map_or(0, Vec::len);
    say("webhook", &format!("took the update in ({} at try {tries})", delivery["attempts"][tries - 1]["status"]));
}
