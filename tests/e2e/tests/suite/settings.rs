//! "Chat settings" (P1-P4, C1-C4, Q7, Q11): what managers change, live.

use domain::config::{Channel, Queue, Role, Rule, User};
use domain::operator::Status;
use e2e::world::{draft, draft_of};
use e2e::{Bot, Customer, View, Window, World};
use reqwest::Method;
use serde_json::{Value, json};
use wire::http::{Connected, Health, Operators, RoleDraft, UserChange, UserDraft};
use wire::operators::Command;

use super::{line_is, staffed, talking};

/// Waits for this customer's chat on offer, and takes it.
async fn is_served(window: &Window, customer: &Customer) {
    window.accept_from(&customer.name()).await;
}

#[tokio::test]
async fn a_change_names_the_version_that_it_changes() {
    let mut world = World::open(Rule::MostFree).await;
    let path = format!("/api/queues/{}", world.queue.id);
    let reply = world.manager.get(&path).await;
    assert_eq!(reply.etag, Some(format!("\"{}\"", world.queue.version)));
    let body = json!(draft_of(&world.queue)).to_string();
    let missing = world.manager.call(Method::PUT, &path, Some(body), None).await;
    missing.assert_refused(428, "precondition_required");
    let before = world.queue.version;
    world.change_queue(|queue| queue.auto_close_min = Some(5)).await;
    assert_eq!(world.queue.version, before + 1);
    world.manager.put(&path, before, &draft_of(&world.queue)).await.assert_refused(412, "version_conflict");
    let unknown = world.manager.put("/api/queues/nothing", 1, &draft_of(&world.queue)).await;
    unknown.assert_refused(404, "not_found");
}

#[tokio::test]
async fn values_that_cannot_be_are_refused() {
    let world = World::open(Rule::MostFree).await;
    let queue = |change: Value| {
        let mut body = json!(draft(Rule::MostFree));
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    for (change, status, code) in [
        (json!({"name": ""}), 422, "invalid_value"),
        (json!({"limit": 0}), 422, "invalid_value"),
        (json!({"limit": 51}), 422, "invalid_value"),
        (json!({"auto_close_min": 0}), 422, "invalid_value"),
        (json!({"roles": ["nobody"]}), 422, "invalid_value"),
        (json!({"users": ["nobody"]}), 422, "invalid_value"),
        (json!({"rule": "fastest"}), 400, "bad_request"),
    ] {
        world.manager.post("/api/queues", &queue(change.clone())).await.assert_refused(status, code);
    }
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(wire::http::BODY_BYTES_MAX));
    let reply = world.manager.call(Method::POST, "/api/queues", Some(large), None).await;
    reply.assert_refused(413, "body_too_large");
    let reply = world.manager.call(Method::POST, "/api/queues", Some("not JSON".into()), None).await;
    reply.assert_refused(400, "bad_request");
    for (code, value) in [
        ("OmniChatOperatorAcceptChatTimeout", json!(0)),
        ("OmniChatOperatorAcceptChatTimeout", json!("soon")),
        ("SimultaneousChats", json!(51)),
        ("OmniChatNotificationSound", json!("loud")),
        ("SiteUrl", json!("http://plain.example")),
    ] {
        let reply = world.manager.put(&format!("/api/settings/{code}"), 0, &json!({"value": value})).await;
        reply.assert_refused(422, "invalid_value");
    }
    world.manager.get("/api/settings/Nothing").await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn the_settings_are_listed_by_their_codes() {
    let world = World::open(Rule::MostFree).await;
    let settings = world.manager.get("/api/settings").await.json();
    let list = settings["settings"].as_array().expect("a list").clone();
    let codes: Vec<_> = list.iter().map(|setting| setting["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(
        codes,
        [
            "OmniChatOperatorAcceptChatTimeout",
            "SimultaneousChats",
            "OmniChatNotificationSound",
            "SiteUrl",
            "IdentityServerUrl",
            "IdentityServerClientId",
            "IdentityServerClientSecret",
            "FacebookAppId",
            "FacebookAppSecret"
        ]
    );
    // C4: SiteUrl fills itself in.
    let site = list.iter().find(|setting| setting["code"] == "SiteUrl").expect("there");
    assert_eq!(site["value"].as_str(), Some(world.stack.api_url.as_str()));
    let limit = list.iter().find(|setting| setting["code"] == "SimultaneousChats").expect("there");
    assert_eq!((limit["value"].as_i64(), limit["default"].as_i64()), (Some(5), Some(5)));
}

#[tokio::test]
async fn who_lacks_the_right_manages_nothing() {
    let (_world, anna, _) = staffed(Rule::MostFree).await;
    for route in wire::http::ROUTES.iter().filter(|route| route.managers) {
        let path = route.path.replace("{id}", "x").replace("{code}", "SiteUrl");
        let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
        let body = route.body.then(|| "{}".to_owned());
        let reply = anna.api.call(method, &path, body, Some("\"1\"")).await;
        reply.assert_refused(403, "right_missing");
    }
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_the_refusal_says_by_what() {
    let (world, _, anna, _, chat) = talking().await;
    let queue = format!("/api/queues/{}", world.queue.id);
    let refused = world.manager.delete(&queue).await;
    refused.assert_refused(409, "queue_in_use");
    assert!(refused.error_text().contains(&world.channel.name), "{}", refused.error_text());
    let refused = world.manager.delete(&format!("/api/roles/{}", world.role.id)).await;
    refused.assert_refused(409, "role_in_use");
    assert!(refused.error_text().contains(&world.queue.name), "{}", refused.error_text());
    let channel = format!("/api/channels/{}", world.channel.id);
    anna.close(&chat.id).await;
    world.manager.delete(&channel).await.assert_refused(409, "channel_has_chats");
    // What nothing uses goes.
    let ground = world.ground();
    let role = ground.role().await;
    let unused = ground.queue(&draft(Rule::ToAll)).await;
    for path in [format!("/api/roles/{}", role.id), format!("/api/queues/{}", unused.id)] {
        assert_eq!(world.manager.delete(&path).await.status, 204);
        world.manager.delete(&path).await.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_channel_without_chats_is_deleted_with_its_webhook() {
    let world = World::open(Rule::MostFree).await;
    let (bot, channel) = world.ground().connect_bot().await;
    let path = format!("/api/channels/{}", channel.id);
    assert_eq!(world.manager.delete(&path).await.status, 204);
    world.manager.get(&path).await.assert_refused(404, "not_found");
    assert_eq!(bot.calls("deleteWebhook").await.len(), 1);
    // The bot may be connected anew.
    let again: Connected = world.manager.post("/api/channels/telegram", &json!({"token": bot.token})).await.read();
    assert_eq!((again.channel.active, again.channel.queue), (false, None));
}

#[tokio::test]
async fn a_bot_is_connected_once_and_only_by_a_good_token() {
    let world = World::open(Rule::MostFree).await;
    let connect = async |token: &str| world.manager.post("/api/channels/telegram", &json!({"token": token})).await;
    let taken = connect(&world.bot.token).await;
    taken.assert_refused(409, "account_taken");
    assert!(taken.error_text().contains(&world.channel.name), "{}", taken.error_text());
    for bad in ["", "abc", "1:short", "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        connect(bad).await.assert_refused(422, "token_invalid");
    }
    let bot = Bot::create(&world.bot.simulator, "Faulty").await;
    bot.order_faults(&json!({"kind": "server_error", "method": "getMe", "count": 5})).await;
    connect(&bot.token).await.assert_refused(502, "telegram_unavailable");
    // Broken off half-way: the same call again goes on.
    bot.ask(Method::DELETE, "/faults", None).await;
    bot.order_faults(&json!({"kind": "server_error", "method": "setWebhook", "count": 5})).await;
    connect(&bot.token).await.assert_refused(502, "telegram_unavailable");
    bot.ask(Method::DELETE, "/faults", None).await;
    let connected: Connected = connect(&bot.token).await.read();
    assert_eq!((connected.channel.problem, connected.warnings), (None, Vec::<String>::new()));
    let path = format!("/api/channels/{}/telegram", world.channel.id);
    world.manager.post(&path, &json!({"token": bot.token})).await.assert_refused(422, "account_differs");
}

#[tokio::test]
async fn c3_another_site_s_take_over_shows_within_the_hour_and_connecting_again_ends_it() {
    let (world, _, anna, customer, chat) = talking().await;
    let channel = format!("/api/channels/{}", world.channel.id);
    let url = format!("{}/bot{}/setWebhook", world.stack.simulators.telegram, world.bot.token);
    let foreign = json!({"url": "http://127.0.0.1:9/elsewhere", "allowed_updates": ["message"]});
    assert!(world.http.post(&url).json(&foreign).send().await.expect("an answer").status().is_success());
    let ground = world.ground();
    assert_eq!(ground.channel(&world.channel).await.problem, None);
    world.aws.wake("-settings", &json!({"kind": "look_at_channels"})).await;
    assert_eq!(ground.channel(&world.channel).await.problem.as_deref(), Some("webhook_taken_over"));
    let health: Health = world.manager.get(&format!("{channel}/health")).await.read();
    assert_eq!((health.ok, health.problem.as_deref()), (false, Some("webhook_taken_over")));
    let token = json!({"token": world.bot.token});
    let again: Connected = world.manager.post(&format!("{channel}/telegram"), &token).await.read();
    assert_eq!(again.warnings, ["webhook_taken_over: 127.0.0.1:9"]);
    let health: Health = world.manager.get(&format!("{channel}/health")).await.read();
    assert!(health.ok, "{health:?}");
    assert_eq!(ground.channel(&world.channel).await.problem, None);
    customer.write("with the new secret").await;
    let arrived = |view: &View| view.words_of(&chat.id).contains(&"with the new secret".into()).then_some(());
    anna.wait("the message", arrived).await;
}

#[tokio::test]
async fn a_rule_changed_live_lets_open_offers_run_on_and_waiting_chats_follow_it() {
    let mut world = World::open_with(Rule::MostFree, |queue| queue.limit = Some(1)).await;
    let anna = world.operator("Anna").await.come_online().await;
    world.customer(1).write("Hello").await;
    let (offer, chat) = anna.offered(&world.customer(1).name()).await;
    world.customer(2).write("Hello").await;
    line_is(&world, 1).await;
    world.change_queue(|queue| queue.rule = Rule::ToAll).await;
    world.settle().await;
    let boris = world.operator("Boris").await.come_online().await;
    let (queue, name) = (world.queue.id.clone(), world.customer(2).name());
    let waiting = boris.wait("the line", |view| view.waiting(&queue, &name)).await;
    assert_eq!(boris.view(|view| view.offers.len()), 0);
    anna.accept(&chat.id, Some(&offer)).await;
    boris.accept(&waiting.id, None).await;
}

#[tokio::test]
async fn a_raised_limit_serves_the_waiting_and_a_lowered_one_takes_nothing_away() {
    let mut world = World::open_with(Rule::MostFree, |queue| queue.limit = Some(1)).await;
    let person = world.operator("Anna").await;
    let anna = person.come_online().await;
    world.customer(1).write("Hello").await;
    let first = anna.accept_from(&world.customer(1).name()).await;
    for (id, waiting) in [(2, 1), (3, 2)] {
        world.customer(id).write("Hello").await;
        line_is(&world, waiting).await;
    }
    world.change_queue(|queue| queue.limit = Some(2)).await;
    is_served(&anna, &world.customer(2)).await;
    // The operator's own limit goes before the queue's.
    let user: User = world.manager.get(&format!("/api/operators/{}", person.id)).await.read();
    let mut change = UserChange { name: user.name, roles: user.roles, own_limit: Some(3), disabled: false };
    let path = format!("/api/operators/{}", person.id);
    let user: User = world.manager.put(&path, user.version, &change).await.read();
    is_served(&anna, &world.customer(3)).await;
    change.own_limit = Some(1);
    let _: User = world.manager.put(&path, user.version, &change).await.read();
    anna.send(&first.id, "still mine").await;
    assert_eq!(anna.sync(Vec::new()).await.chats.len(), 3);
}

#[tokio::test]
async fn a_changed_membership_serves_the_waiting() {
    let mut world = World::open(Rule::MostFree).await;
    let outsider = world.person("Olga", &[], None).await;
    let olga = outsider.come_online().await;
    world.customer(1).write("Hello").await;
    line_is(&world, 1).await;
    // By role.
    let path = format!("/api/operators/{}", outsider.id);
    let user: User = world.manager.get(&path).await.read();
    let change = |roles| UserChange { name: "Olga".into(), roles, own_limit: None, disabled: false };
    let user: User = world.manager.put(&path, user.version, &change(vec![world.role.id.clone()])).await.read();
    is_served(&olga, &world.customer(1)).await;
    // Without the role nothing more comes; named by the queue, it does again.
    let _: User = world.manager.put(&path, user.version, &change(Vec::new())).await.read();
    world.customer(2).write("Hello").await;
    line_is(&world, 1).await;
    // Whoever lost a role has their windows closed, and comes back with what is theirs now.
    olga.wait_closed().await;
    let olga = outsider.connect().await;
    assert_eq!(olga.view(|view| (view.chats.len(), view.offers.len())), (1, 0));
    let id = outsider.id.clone();
    world.change_queue(|queue| queue.users = vec![id]).await;
    is_served(&olga, &world.customer(2)).await;
}

#[tokio::test]
async fn people_are_let_in_once_and_listed_in_pages() {
    let world = World::open(Rule::MostFree).await;
    let anna = world.operator("Anna").await;
    let mut draft =
        UserDraft { email: anna.email.to_uppercase(), name: "Other".into(), roles: vec![], own_limit: None };
    world.manager.post("/api/operators", &draft).await.assert_refused(409, "email_taken");
    draft.email = "nobody".into();
    world.manager.post("/api/operators", &draft).await.assert_refused(422, "invalid_value");
    world.operator("Boris").await;
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page: Operators = world.manager.get(&format!("/api/operators?limit=1{after}")).await.read();
        assert!(page.operators.len() <= 1);
        found.extend(page.operators);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert!(found.is_sorted_by_key(|user| user.id.clone()));
    assert!(found.iter().any(|user| user.id == anna.id && user.email == anna.email));
    world.manager.get("/api/operators?limit=0").await.assert_refused(400, "bad_request");
}

#[tokio::test]
async fn names_are_changed_and_shown() {
    let (world, anna, window) = staffed(Rule::ToAll).await;
    let role: Role = world
        .manager
        .put(&format!("/api/roles/{}", world.role.id), world.role.version, &RoleDraft { name: "Renamed".into() })
        .await
        .read();
    assert_eq!((role.name.as_str(), role.version), ("Renamed", world.role.version + 1));
    let user: User = world.manager.get(&format!("/api/operators/{}", anna.id)).await.read();
    assert!(user.subject.is_some(), "bound at the first sign-in");
    let change = UserChange { name: "Anna Renamed".into(), roles: user.roles, own_limit: None, disabled: false };
    let _: User = world.manager.put(&format!("/api/operators/{}", anna.id), user.version, &change).await.read();
    let me = window.sync(Vec::new()).await.operator;
    assert_eq!((me.name.as_str(), me.status), ("Anna Renamed", Status::Active));
    let channel: Channel = world.manager.get(&format!("/api/channels/{}", world.channel.id)).await.read();
    assert_eq!((channel.active, channel.queue.as_ref()), (true, Some(&world.queue.id)));
    let queue: Queue = world.manager.get(&format!("/api/queues/{}", world.queue.id)).await.read();
    assert_eq!(queue, world.queue);
    window.must(Command::Ping {}).await;
}
