//! Facebook pages become channels, stay well or say what ails them, and are taken off again (C1-C3, C5, C9).

use domain::Provider;
use domain::config::{Channel, Rule};
use e2e::messenger::{APP_ID, Facebook, Page, Shop};
use e2e::world::draft;
use serde_json::{Value, json};
use simulators::graph::BOT_APP_ID;

/// What a page must be told of for a channel to work.
const NEEDED: [&str; 6] =
    ["messages", "message_echoes", "message_deliveries", "message_reads", "messaging_handovers", "standby"];

/// Facebook with a page of a name of its own.
async fn with_page() -> (Facebook, Page) {
    let facebook = Facebook::enter().await;
    let page = facebook.page(&e2e::unique("Page"), None).await;
    (facebook, page)
}

/// A channel's problem in its health.
fn problem(health: &Value) -> (bool, &str) {
    (health["ok"] == true, health["problem"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn c5_a_person_signs_in_and_chooses_pages_and_each_becomes_a_channel_of_its_name() {
    let facebook = Facebook::enter().await;
    let names = ["Flowers", "Roses", "Tulips"].map(e2e::unique);
    let flowers = facebook.page(&names[0], None).await;
    let roses = facebook.page(&names[1], Some(BOT_APP_ID)).await;
    let tulips = facebook.page(&names[2], None).await;
    let dialog = facebook.begin().await;
    assert!(dialog.url.starts_with(&facebook.ground.stack.simulators.messenger), "{}", dialog.url);
    let (state, shown) = facebook.sign_in(&[&flowers, &roses], &[]).await;
    let mut listed: Vec<_> = shown.pages.iter().map(|page| (page.id.as_str(), page.name.as_str())).collect();
    let mut chosen = vec![(flowers.id.as_str(), names[0].as_str()), (roses.id.as_str(), names[1].as_str())];
    listed.sort_unstable();
    chosen.sort_unstable();
    assert_eq!(listed, chosen, "the pages that the person chose, and no others");
    assert!(shown.pages.iter().all(|page| page.lacks.is_empty() && page.channel.is_none()), "{shown:?}");

    let connected = facebook.connect(&state, &[&roses, &flowers, &tulips]).await;
    assert_eq!(connected.pages.len(), 3, "{connected:?}");
    for (told, page) in connected.pages.iter().zip([&roses, &flowers]) {
        let channel = told.channel.as_ref().unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!((channel.name.as_str(), channel.provider), (page.name.as_str(), Provider::Messenger));
        assert_eq!((channel.account.as_str(), channel.active, &channel.queue), (page.id.as_str(), false, &None));
        assert_eq!((&channel.problem, channel.account_name.as_ref()), (&None, Some(&page.name)));
        let fields = page.subscription().await.unwrap_or_default();
        assert!(NEEDED.iter().all(|needed| fields.iter().any(|field| field == needed)), "{fields:?}");
        let health = facebook.ground.health(channel).await;
        assert_eq!(problem(&health), (true, ""), "{health}");
    }
    let refused = connected.pages[2].error.as_ref().map(|error| error.code.as_str());
    assert_eq!((refused, tulips.subscription().await), (Some("not_found"), None), "not chosen, not connected");
    let webhook = format!("{}/webhooks/messenger", facebook.ground.stack.api_url);
    assert_eq!(facebook.app().await["webhook"]["callback_url"], webhook.as_str());
    // C9: what was kept is never shown.
    let all = facebook.ground.manager.get("/api/channels").await.text
        + &facebook.ground.manager.get("/api/settings").await.text;
    assert!(!all.contains("EAA") && !all.contains("e2e0123456789abcdef"), "a secret is shown");
}

#[tokio::test]
async fn c5_a_sign_in_works_once_and_for_who_began_it() {
    let (facebook, page) = with_page().await;
    let manager = &facebook.ground.manager;
    let pages = |code: &str, state: &str| json!({"code": code, "state": state});
    let dialog = facebook.begin().await;
    let told = facebook.decide(&dialog, &json!({"deny": true})).await;
    assert!(told.contains(&("error".to_owned(), "access_denied".to_owned())), "{told:?}");
    assert!(told.contains(&("state".to_owned(), dialog.state.clone())), "{told:?}");
    let path = "/api/channels/messenger/pages";
    manager.post(path, &pages("invented", &dialog.state)).await.assert_refused(422, "sign_in_refused");
    manager.post(path, &pages("invented", "another")).await.assert_refused(422, "sign_in_refused");
    let (state, _) = facebook.sign_in(&[&page], &[]).await;
    // Somebody else, with the state that was not handed to them.
    let other = Facebook::enter().await;
    let body = json!({"state": state, "pages": [page.id]});
    let refused = other.ground.manager.post("/api/channels/messenger", &body).await;
    refused.assert_refused(422, "sign_in_refused");
    assert_eq!(page.subscription().await, None);
    let elsewhere = json!({"return_url": "https://elsewhere.example/back"});
    manager.post("/api/channels/messenger/sign-in", &elsewhere).await.assert_refused(422, "invalid_value");
}

#[tokio::test]
async fn c3_a_page_belongs_to_one_channel() {
    let (facebook, page) = with_page().await;
    let first = facebook.connect_page(&page).await;
    let other = Facebook::enter().await;
    let (state, shown) = other.sign_in(&[&page], &[]).await;
    let has = shown.pages[0].channel.as_ref().map(|channel| (&channel.id, channel.name.as_str()));
    assert_eq!(has, Some((&first.id, page.name.as_str())), "the manager sees that it is connected already");
    let again = other.connect(&state, &[&page]).await.pages.remove(0).channel.expect("connected again");
    assert_eq!(again.id, first.id);
    let channels = facebook.ground.manager.get("/api/channels").await.json();
    let count = channels["channels"].as_array().into_iter().flatten().filter(|one| one["account"] == page.id.as_str());
    assert_eq!(count.count(), 1);
}

#[tokio::test]
async fn c5_disconnecting_undoes_the_subscription_and_what_still_comes_is_dropped() {
    let (facebook, page) = with_page().await;
    let channel = facebook.connect_page(&page).await;
    assert!(page.subscription().await.is_some());
    assert_eq!(facebook.ground.disconnect(&channel).await.status, 204);
    assert_eq!(page.subscription().await, None);
    facebook.ground.manager.get(&format!("/api/channels/{}", channel.id)).await.assert_refused(404, "not_found");
    facebook.ground.disconnect(&channel).await.assert_refused(404, "not_found");
    // C1: Facebook hears that all is well, lest it switch the webhook off.
    let visitor = page.customer();
    let event = json!({
        "sender": {"id": visitor.id}, "recipient": {"id": page.id}, "timestamp": e2e::now_ms(),
        "message": {"mid": "m_late", "text": "late"},
    });
    let body = json!({"object": "page", "entry": [{"id": page.id, "time": e2e::now_ms(), "messaging": [event]}]});
    let order = facebook.simulator.send_raw(APP_ID, &body, "valid").await.expect("sent");
    let delivery = facebook.simulator.wait_for_delivery(order, e2e::SOON).await.expect("answered");
    assert_eq!(delivery["attempts"][0]["status"], 200, "{delivery}");
    // And the page can be connected anew.
    assert_eq!(facebook.connect_page(&page).await.id, channel.id);
    assert!(page.subscription().await.is_some());
}

#[tokio::test]
async fn c2_a_channel_with_chats_refuses_to_be_deleted_and_says_why() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    visitor.write("Hello").await;
    visitor.offered(&anna).await;
    let path = format!("/api/channels/{}", shop.channel.id);
    let refused = e2e::eventually("the refusal", e2e::SOON, async || {
        let reply = shop.facebook.ground.manager.delete(&path).await;
        (reply.status == 409).then_some(reply)
    })
    .await;
    refused.assert_refused(409, "channel_has_chats");
    assert!(shop.page.subscription().await.is_some(), "a refusal undoes nothing");
}

#[tokio::test]
async fn c5_the_channel_says_what_ails_it_and_connecting_again_mends_it() {
    let (facebook, page) = with_page().await;
    let channel = facebook.connect_page(&page).await;
    let shown = async || facebook.ground.channel(&channel).await.problem;
    // Facebook has unsubscribed the app, as it does with a webhook that fails for an hour.
    page.ask(reqwest::Method::DELETE, &format!("/subscriptions/{APP_ID}"), None).await;
    assert_eq!(problem(&facebook.ground.health(&channel).await), (false, "webhook_missing"));
    facebook.connect_page(&page).await;
    assert_eq!(problem(&facebook.ground.health(&channel).await), (true, ""));
    // The person has changed their password.
    facebook.simulator.break_tokens("revoked", Some(&page.id)).await.expect("broken");
    assert_eq!(problem(&facebook.ground.health(&channel).await), (false, "token_invalid"));
    assert_eq!(shown().await.as_deref(), Some("token_invalid"));
    facebook.connect_page(&page).await;
    assert_eq!((problem(&facebook.ground.health(&channel).await), shown().await), ((true, ""), None));
    // The person signs in anew, and declines what writing needs.
    let (state, pages) = facebook.sign_in(&[&page], &["pages_messaging"]).await;
    assert_eq!(pages.pages[0].lacks, ["pages_messaging"]);
    let told = facebook.connect(&state, &[&page]).await.pages.remove(0);
    let lacking: Channel = facebook.ground.channel(&channel).await;
    assert_eq!(lacking.problem.as_deref(), Some("permission_missing"), "{told:?}");
    let health = facebook.ground.health(&channel).await;
    assert_eq!((problem(&health), &health["lacks"]), ((false, "permission_missing"), &json!(["pages_messaging"])));
}

#[tokio::test]
async fn c1_a_page_that_takes_no_part_routes_nothing() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let ground = &shop.facebook.ground;
    let other = ground.queue(&draft(Rule::MostFree)).await;
    let off = json!({"name": shop.page.name, "active": false, "queue": other.id, "language": null});
    let path = format!("/api/channels/{}", shop.channel.id);
    let channel: Channel = ground.manager.put(&path, shop.channel.version, &off).await.read();
    shop.settle().await;
    let visitor = shop.page.customer();
    let done = visitor.write("to nobody").await;
    visitor.taken(&done).await;
    ground.bind(&channel, &shop.queue).await;
    shop.settle().await;
    visitor.write("to somebody").await;
    let chat = visitor.accepted_by(&anna).await;
    let history = anna.history(&chat.id, None, None).await;
    let words: Vec<_> = history.messages.iter().filter_map(|message| message.content.words()).collect();
    assert_eq!(words, ["to somebody"]);
}
