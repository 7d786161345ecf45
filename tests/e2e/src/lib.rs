//! The system as its users meet it: managers over HTTP, operators over WebSocket, customers in the messenger's simulator.
//!
//! Everything runs against a stack that is up already, described by the file that the environment's `SWITCHBOARD_STACK` names
//! (`make up` writes it). Each test makes a [`World`] of its own, so tests share a stack and run side by side.
//!
//! A harness asserts: what should have worked and did not is a panic that says what was asked and what came instead. Nothing
//! here sleeps and hopes; every wait is for a condition and has a bound.

pub mod api;
pub mod aws;
pub mod customer;
pub mod files;
pub mod messenger;
pub mod person;
pub mod stack;
pub mod view;
pub mod wait;
pub mod whatsapp;
pub mod window;
pub mod world;

pub use api::{Api, Reply};
pub use customer::{Bot, Customer};
pub use person::Person;
pub use stack::Stack;
pub use view::View;
pub use wait::{SOON, eventually};
pub use window::Window;
pub use world::World;

/// A text that nobody else uses: this word and random digits.
pub fn unique(word: &str) -> String {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    format!("{word}-{}", hex::encode(bytes))
}

/// Now, milliseconds since 1970: the clock of the functions too, as they run on this machine.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
