//! The conversations that the demonstration begins with.

use e2e::files::Sample;

use crate::callers::Caller;
use crate::doors::Doors;
use crate::say;

/// What a customer sends a photo of.
const PARCEL: &[u8] = include_bytes!("parcel.png");

/// Plays one conversation on each messenger: each line is answered there before the next.
pub(crate) async fn play(doors: &Doors) {
    for mut caller in Caller::at_each(doors).await {
        converse(&mut caller).await;
    }
    say(
        "demo",
        "the conversations are complete: in through the webhooks, offered, accepted, answered at the messengers",
    );
}

async fn converse(caller: &mut Caller) {
    caller.write("Hello! Where is my order 4711?").await;
    if caller.meets_bot() {
        caller.is_answered_by_bot("I am a bot. I can tell you when we are open.").await;
        caller.write("I would rather talk to a person.").await;
        caller.is_passed_by_bot().await;
    }
    caller.reads().await;
    let photo = Sample { name: "parcel.png".to_owned(), content_type: "image/png".to_owned(), bytes: PARCEL.to_vec() };
    caller.send_photo(&photo, "It came like this.").await;
    caller.reads().await;
    caller.write("May I have the invoice?").await;
    caller.gets_file().await;
    caller.write("Thank you, bye!").await;
    caller.reads().await;
    caller.is_back_with_bot().await;
}
