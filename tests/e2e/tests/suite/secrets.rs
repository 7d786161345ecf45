//! C9: tokens and secrets are write-only.

use std::fs;

use domain::message::DeliveryState;
use serde_json::json;
use wire::http::{CAN_MANAGE_CHATS, CAN_MANAGE_IDENTITY, Health, SettingView};

use super::talking;

/// What the client's secret is set to: nothing may ever repeat it.
const CLIENT_SECRET: &str = "e2e-client-secret-that-nobody-shows";

#[tokio::test]
async fn no_answer_event_or_log_shows_a_token_or_a_secret() {
    let (world, _, anna, customer, chat) = talking().await;
    let webhook = world.bot.webhook().await;
    let secret_part = world.bot.token.split_once(':').expect("a bot's token").1.to_owned();
    let mut seen: Vec<(String, String)> = Vec::new();
    let channel = format!("/api/channels/{}", world.channel.id);
    for path in [
        "/api/channels",
        &channel,
        &format!("{channel}/health"),
        "/api/queues",
        "/api/operators",
        "/api/roles",
        "/api/settings",
    ] {
        seen.push((path.to_owned(), world.manager.get(path).await.text));
    }
    let health: Health = world.manager.get(&format!("{channel}/health")).await.read();
    assert!(health.ok, "{health:?}");
    // Connecting again and connecting wrongly: answers of both kinds.
    let token = json!({"token": world.bot.token});
    seen.push(("reconnect".to_owned(), world.manager.post(&format!("{channel}/telegram"), &token).await.text));
    seen.push(("connect".to_owned(), world.manager.post("/api/channels/telegram", &token).await.text));
    let newer = world.bot.webhook().await;
    assert_ne!(newer.secret, webhook.secret, "each connecting has a secret of its own");

    let seq = anna.send(&chat.id, "a reply").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
    // A fault's text names the address that was called, which has the token in it.
    world.bot.order_faults(&json!({"kind": "close_connection"})).await;
    let seq = anna.send(&chat.id, "another").await[0];
    anna.wait("an outcome", |view| view.delivery(&chat.id, seq).filter(|(state, _)| state.is_final())).await;
    customer.write("thanks").await;
    anna.wait("the message", |view| view.words_of(&chat.id).contains(&"thanks".into()).then_some(())).await;
    anna.sync(Vec::new()).await;
    seen.push(("the window".to_owned(), anna.view(|view| json!(view.log).to_string())));

    let logs = fs::read_dir(world.stack.logs.as_deref().expect("a local stack has logs")).expect("the logs");
    for entry in logs {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && !name.starts_with("local-aws") && !name.starts_with("telegram-simulator") {
            seen.push((name, String::from_utf8_lossy(&fs::read(&path).expect("a log")).into_owned()));
        }
    }
    assert!(seen.len() > 12, "answers, events and logs");
    for (place, text) in &seen {
        for (what, secret) in
            [("token", &secret_part), ("webhook secret", &webhook.secret), ("webhook secret", &newer.secret)]
        {
            assert!(!text.contains(secret.as_str()), "{place} shows a {what}");
        }
    }
}

#[tokio::test]
async fn the_client_secret_is_write_only_and_needs_a_right_of_its_own() {
    let (world, ..) = talking().await;
    let path = "/api/settings/IdentityServerClientSecret";
    let body = json!({"value": CLIENT_SECRET});
    world.manager.put(path, 0, &body).await.assert_refused(403, "right_missing");
    let who = world.new_sign_in("Irene", &[CAN_MANAGE_CHATS, CAN_MANAGE_IDENTITY]).await;
    let irene = world.ground().sign_in(&who, "nobody".parse().expect("an id")).await;
    let set = irene.api.put(path, 0, &body).await;
    assert!(set.status < 300, "{}", set.text);
    let shown = irene.api.get(path).await;
    for reply in [&set, &shown, &irene.api.get("/api/settings").await] {
        assert!(!reply.text.contains(CLIENT_SECRET), "{}", reply.text);
    }
    let view: SettingView = shown.read();
    assert_eq!((json!(view.value), view.set), (json!(null), Some(true)));
}
