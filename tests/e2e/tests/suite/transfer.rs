//! Giving a chat to a colleague or to another queue (Q9).

use domain::config::Rule;
use e2e::world::draft;
use e2e::{SOON, View, eventually};
use wire::operators::{Colleagues, Command, Target};

use super::talking;

#[tokio::test]
async fn a_colleague_who_accepts_takes_the_chat_over() {
    let (world, anna, one, customer, chat) = talking().await;
    let boris = world.operator("Boris").await;
    let two = boris.come_online().await;
    let offered: Colleagues =
        serde_json::from_value(one.must(Command::Colleagues { chat: chat.id.clone() }).await).expect("colleagues");
    assert_eq!(offered.operators.iter().map(|colleague| &colleague.id).collect::<Vec<_>>(), [&boris.id]);

    one.transfer(&chat.id, Target::Operator(boris.id.clone())).await;
    let (offer, seen) = two.offered(&customer.name()).await;
    assert_eq!(seen.operator, Some(anna.id.clone()), "the source keeps it until the accept");
    one.send(&chat.id, "I pass you on").await;
    two.accept(&chat.id, Some(&offer)).await;
    let why = one.wait("the chat to go", |view| view.chats_gone.first().map(|(_, why)| why.clone())).await;
    assert_eq!(why, "transferred");
    assert_eq!(one.refused(Command::Send { chat: chat.id.clone(), text: "x".into() }).await, "not_your_chat");
    two.send(&chat.id, "I take over").await;
    assert_eq!(customer.received(2).await, ["I pass you on", "I take over"]);
    assert_eq!((one.sync(Vec::new()).await.operator.load, two.sync(Vec::new()).await.operator.load), (0, 1));
    // The customer's messages now reach the new operator.
    customer.write("Thank you").await;
    two.wait("the customer's message", |view| view.words_of(&chat.id).contains(&"Thank you".into()).then_some(()))
        .await;
}

#[tokio::test]
async fn a_colleague_who_declines_leaves_it_where_it_is() {
    let (world, _, one, _, chat) = talking().await;
    let boris = world.operator("Boris").await;
    let two = boris.come_online().await;
    let request = e2e::unique("transfer");
    let transfer = Command::Transfer { chat: chat.id.clone(), to: Target::Operator(boris.id.clone()) };
    assert!(one.ask_as(&request, transfer.clone()).await.ok);
    let offered = two.wait("the transfer", |view| view.offers.values().next().cloned()).await;
    // The same request again is the same transfer; another one while it is open is refused.
    assert!(one.ask_as(&request, transfer.clone()).await.ok);
    assert_eq!(one.refused(transfer.clone()).await, "transfer_pending");
    let offer = offered.offer.expect("on offer").id;
    two.must(Command::Decline { offer: offer.clone() }).await;
    one.wait("the transfer to end", |view| view.chats.get(&chat.id).filter(|chat| chat.offer.is_none()).map(|_| ()))
        .await;
    one.send(&chat.id, "still mine").await;
    assert_eq!(two.view(|view| view.offers_gone.get(&offer).cloned()).as_deref(), Some("declined"));
    // It may be tried again; a close meanwhile withdraws it.
    one.must(transfer).await;
    let again = two.wait("another transfer", |view| view.offers.keys().next().cloned()).await;
    one.close(&chat.id).await;
    let reason = two.wait("the offer to go", |view| view.offers_gone.get(&again).cloned()).await;
    assert_eq!(reason, "withdrawn");
    assert_eq!(two.sync(Vec::new()).await.operator.load, 0);
}

#[tokio::test]
async fn a_transfer_is_refused_to_who_cannot_take_it() {
    let (world, anna, one, _, chat) = talking().await;
    let to = |operator: &domain::OperatorId| Command::Transfer {
        chat: chat.id.clone(),
        to: Target::Operator(operator.clone()),
    };
    assert_eq!(one.refused(to(&anna.id)).await, "transfer_to_self");
    assert_eq!(one.refused(to(&"nobody".parse().expect("an id"))).await, "operator_not_found");
    let queue = Target::Queue("nowhere".parse().expect("an id"));
    assert_eq!(one.refused(Command::Transfer { chat: chat.id.clone(), to: queue }).await, "queue_not_found");
    let boris = world.operator_with("Boris", Some(1)).await;
    let offline = boris.connect().await;
    assert_eq!(one.refused(to(&boris.id)).await, "target_unavailable", "Inactive");
    offline.set_status(domain::operator::Status::Active).await;
    world.customer(2).write("Hello").await;
    offline.accept_from(&world.customer(2).name()).await;
    assert_eq!(one.refused(to(&boris.id)).await, "target_at_limit");
    let clara = world.operator("Clara").await;
    clara.ticket().await;
    assert_eq!(one.refused(to(&clara.id)).await, "target_unavailable", "never connected");
    one.send(&chat.id, "still mine").await;
}

#[tokio::test]
async fn a_chat_given_to_a_queue_waits_there_with_its_original_age() {
    let (world, _, anna, customer, chat) = talking().await;
    // Another queue with people of its own, where somebody waits who came later.
    let ground = world.ground();
    let role = ground.role().await;
    let mut other = draft(Rule::MostFree);
    other.roles.push(role.id.clone());
    let other = ground.queue(&other).await;
    let (bot, channel) = ground.connect_bot().await;
    ground.bind(&channel, &other).await;
    world.settle().await;
    let boris = world.person("Boris", &[role.id], Some(1)).await.come_online().await;
    bot.customer(11).write("occupies Boris").await;
    let busy = boris.accept_from(&bot.customer(11).name()).await;
    bot.customer(12).write_and_wait("waits, and came later").await;
    let waiting = async |length: u64| {
        let count = async || (world.aws.count_work_rows(&format!("W#{}", other.id)).await == length).then_some(());
        eventually("a line in the other queue", SOON, count).await;
    };
    waiting(1).await;

    anna.transfer(&chat.id, Target::Queue(other.id.clone())).await;
    waiting(2).await;
    // The source is free at once.
    assert_eq!(anna.sync(Vec::new()).await.operator.load, 0);
    assert_eq!(anna.refused(Command::Send { chat: chat.id.clone(), text: "x".into() }).await, "not_your_chat");
    boris.close(&busy.id).await;
    let (offer, offered) = boris.offered(&customer.name()).await;
    assert_eq!((&offered.id, &offered.queue, offered.waiting_since_ms), (&chat.id, &other.id, chat.waiting_since_ms));
    assert_eq!(boris.view(|view| view.offers.len()), 1, "the older one alone");
    boris.accept(&chat.id, Some(&offer)).await;
    boris.send(&chat.id, "Hello from another queue").await;
    assert_eq!(customer.received(1).await, ["Hello from another queue"]);
}

#[tokio::test]
async fn in_a_queue_of_its_own_whoever_gave_a_chat_away_is_asked_last() {
    let (world, _, anna, customer, chat) = talking().await;
    let boris = world.operator("Boris").await.come_online().await;
    anna.transfer(&chat.id, Target::Queue(world.queue.id.clone())).await;
    let gone = |view: &View| view.chats_gone.first().map(|(_, why)| why.clone());
    assert_eq!(anna.wait("the chat to go", gone).await, "transferred");
    boris.accept_from(&customer.name()).await;
}
