//! End to end, over real HTTP and WebSocket, on the deployed template. Each test opens a world of its own.

mod burst;
mod chats;
mod commands;
mod connections;
mod faults;
mod files;
mod kinds;
mod lines;
mod messenger_connect;
mod messenger_faults;
mod messenger_handover;
mod messenger_kinds;
mod messenger_replies;
mod messenger_webhook;
mod minutes;
mod open_lines;
mod presence;
mod replies;
mod secrets;
mod settings;
mod transfer;
mod webhook;
mod whatsapp_connect;
mod whatsapp_faults;
mod whatsapp_kinds;
mod whatsapp_replies;
mod whatsapp_webhook;

use std::time::Duration;

use domain::config::Rule;
use e2e::{Customer, Person, SOON, Window, World, eventually};
use tokio::time::sleep;
use wire::operators::ChatView;

/// The accept timeout of all worlds, and what a timer may be late by: a minute, as the scheduler promises, and a sweep.
const EXPIRY_BOUND: Duration = Duration::from_mins(4);

/// A world with one operator, online.
async fn staffed(rule: Rule) -> (World, Person, Window) {
    let world = World::open(rule).await;
    let anna = world.operator("Anna").await;
    let window = anna.come_online().await;
    (world, anna, window)
}

/// A world with one operator, online, who has a chat in work with customer 1.
async fn talking() -> (World, Person, Window, Customer, ChatView) {
    let (world, anna, window) = staffed(Rule::MostFree).await;
    let customer = world.customer(1);
    customer.write("Hello").await;
    let chat = window.accept_from(&customer.name()).await;
    (world, anna, window, customer, chat)
}

/// Waits until the line of the world's queue has this length.
async fn line_is(world: &World, length: u64) {
    let look = async || (world.line_length().await == length).then_some(());
    eventually(&format!("a line of {length}"), SOON, look).await;
}

/// Waits until this moment of the system's clock, milliseconds since 1970: for what must happen at a time, and not before.
async fn until(at_ms: i64) {
    let left = u64::try_from(at_ms - e2e::now_ms()).unwrap_or(0);
    sleep(Duration::from_millis(left)).await;
}
