//! The other adapters, on the emulator: queues, timers, secrets.
//!
//! Each case makes what it needs under names of its own, and takes it away again.

use adapters::{ManagedSecrets, SchedulerTimers, Schedules, SqsQueues, SqsVisibility};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use ports::secrets::Secret;
use ports::{Queues, SecretError, Secrets, Timers, Visibility};
use wire::queues::{Delayed, Parked, QueueMessage, QueueName};
use wire::timers::{Fires, Timer};

use crate::engine::{credentials, region, unique};

/// The longest wait for a message, seconds.
const WAIT_S: i32 = 5;

/// The names of all cases.
pub const NAMES: &[&str] =
    &["queues_keep_order_and_doubles_out", "queues_delay", "timers_are_set_once", "secrets_are_kept_and_forgotten"];

/// Runs a case by its name.
pub async fn run(name: &str, url: &str) {
    match name {
        "queues_keep_order_and_doubles_out" => queues_keep_order_and_doubles_out(url).await,
        "queues_delay" => queues_delay(url).await,
        "timers_are_set_once" => timers_are_set_once(url).await,
        "secrets_are_kept_and_forgotten" => secrets_are_kept_and_forgotten(url).await,
        other => panic!("there is no case {other}"),
    }
}

fn sqs(url: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
        .region(region())
        .endpoint_url(url)
        .credentials_provider(credentials())
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

async fn create_queue(client: &aws_sdk_sqs::Client, fifo: bool) -> String {
    let name = unique("contract-queue") + if fifo { ".fifo" } else { "" };
    let mut create = client.create_queue().queue_name(name);
    if fifo {
        create = create.attributes(QueueAttributeName::FifoQueue, "true");
    }
    create.send().await.expect("the emulator makes a queue").queue_url.expect("a queue has a URL")
}

async fn receive(client: &aws_sdk_sqs::Client, url: &str, wait_s: i32) -> Vec<Message> {
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(wait_s);
    receive.send().await.expect("the emulator answers").messages.unwrap_or_default()
}

fn parked(n: usize) -> QueueMessage {
    let (reason, body) = ("malformed".to_owned(), format!("{n} \u{ffff} ё"));
    let parked = Parked { reason, group: "conversation".into(), message_id: format!("m{n}"), body };
    QueueMessage::Parked { queue: QueueName::InboundParked, parked }
}

async fn queues_keep_order_and_doubles_out(url: &str) {
    let client = sqs(url);
    let queue = create_queue(&client, true).await;
    let queues = SqsQueues::new(client.clone(), [(QueueName::InboundParked, queue.clone())]);
    let messages: Vec<QueueMessage> = (0..12).map(parked).collect();
    queues.send(&messages).await.expect("all are taken");
    queues.send(&messages[3..7]).await.expect("doubles are taken, and left out");

    let mut bodies = Vec::new();
    let mut last = None;
    while bodies.len() < messages.len() {
        let received = receive(&client, &queue, WAIT_S).await;
        assert!(!received.is_empty(), "{} of {} came", bodies.len(), messages.len());
        for message in received {
            bodies.push(message.body.expect("a message has a body"));
            let handle = message.receipt_handle.expect("a message has a handle");
            if bodies.len() < messages.len() {
                let delete = client.delete_message().queue_url(&queue).receipt_handle(handle);
                delete.send().await.expect("the emulator deletes");
            } else {
                last = Some(handle);
            }
        }
    }
    let read = |body: &String| serde_json::from_str::<Parked>(body).expect("the body is what was sent").body;
    let expected: Vec<String> = (0..12).map(|n| format!("{n} \u{ffff} ё")).collect();
    assert_eq!(bodies.iter().map(read).collect::<Vec<_>>(), expected);

    assert!(receive(&client, &queue, 0).await.is_empty(), "the last one isn't visible, and doubles are none");
    let arn = client.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = arn.send().await.expect("the emulator answers").attributes.expect("a queue has attributes");
    let last = last.expect("there was a last one");
    let visibility = SqsVisibility::new(client.clone());
    visibility
        .come_back_in(&arn[&QueueAttributeName::QueueArn], &last, 0)
        .await
        .expect("the emulator knows the message");
    assert_eq!(receive(&client, &queue, WAIT_S).await.len(), 1, "it came back");
    let outcome = queues.send(&[QueueMessage::Delayed { delay_s: 1, what: retime() }]).await;
    assert!(outcome.is_err(), "a queue without a URL");
    client.delete_queue().queue_url(queue).send().await.expect("the emulator deletes");
}

fn retime() -> Delayed {
    Delayed::Retime { queue: "q".parse().expect("it is an id"), after: None }
}

async fn queues_delay(url: &str) {
    let client = sqs(url);
    let queue = create_queue(&client, false).await;
    let queues = SqsQueues::new(client.clone(), [(QueueName::Delayed, queue.clone())]);
    let (now, later) = (retime(), retime());
    queues.send(&[QueueMessage::Delayed { delay_s: 0, what: now }]).await.expect("it is taken");
    queues.send(&[QueueMessage::Delayed { delay_s: 900, what: later }]).await.expect("it is taken");
    let received = receive(&client, &queue, WAIT_S).await;
    assert_eq!(received.len(), 1, "one is there, one is to come");
    let body: Delayed = serde_json::from_str(received[0].body().expect("it has a body")).expect("it is what was sent");
    assert_eq!(body, retime());
    assert!(receive(&client, &queue, 0).await.is_empty());
    client.delete_queue().queue_url(queue).send().await.expect("the emulator deletes");
}

async fn timers_are_set_once(url: &str) {
    let config = aws_sdk_scheduler::Config::builder()
        .behavior_version(aws_sdk_scheduler::config::BehaviorVersion::v2026_01_12())
        .region(region())
        .endpoint_url(url)
        .credentials_provider(credentials())
        .build();
    let client = aws_sdk_scheduler::Client::from_conf(config);
    let group = unique("contract-timers");
    client.create_schedule_group().name(&group).send().await.expect("the emulator makes a group");
    let schedules = Schedules {
        group: group.clone(),
        role_arn: "arn:aws:iam::000000000000:role/scheduler".into(),
        acceptance_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:acceptance".into(),
        auto_close_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:auto-close".into(),
    };
    let timers = SchedulerTimers::new(client.clone(), schedules);
    let offer = "c0ffee.1.2".parse().expect("it is an id");
    // 2100-01-01, rounded up to the second.
    let timer = Timer { at_ms: 4_102_444_799_001, fires: Fires::AcceptTimeout { offer, operator: None } };
    timers.arm(&timer).await.expect("it is set");
    timers.arm(&timer).await.expect("the same timer again is no error");
    let set = client.get_schedule().group_name(&group).name(timer.name()).send().await.expect("it is there");
    assert_eq!(set.schedule_expression(), Some("at(2100-01-01T00:00:00)"));
    let target = set.target().expect("it has a target");
    assert!(target.arn().ends_with("function:acceptance"));
    let input: Fires = serde_json::from_str(target.input().expect("it has an input")).expect("it is what was set");
    assert_eq!(input, timer.fires);
    client.delete_schedule_group().name(group).send().await.expect("the emulator deletes");
}

async fn secrets_are_kept_and_forgotten(url: &str) {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::v2026_01_12())
        .region(region())
        .endpoint_url(url)
        .credentials_provider(credentials())
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    let stack = unique("contract-secret");
    let created = client.create_secret().name(&stack).secret_string("the key").send().await;
    let arn = created.expect("the emulator keeps a secret").arn.expect("a secret has an ARN");
    let prefix = format!("{stack}/channel/");
    // Each reader is a process of its own: a new one has nothing cached.
    let reader = || ManagedSecrets::new(client.clone(), &arn, &prefix);
    assert_eq!(reader().stack_key().await, Ok(Secret::new("the key")));
    assert_eq!(reader().channel_token("ch1").await, Err(SecretError::Missing));
    let settings = reader();
    for token in ["first", "second"] {
        settings.put_channel_token("ch1", &Secret::new(token)).await.expect("it is kept");
        assert_eq!(settings.channel_token("ch1").await, Ok(Secret::new(token)), "who wrote it knows it");
        assert_eq!(reader().channel_token("ch1").await, Ok(Secret::new(token)));
    }
    for _ in 0..2 {
        settings.delete_channel_token("ch1").await.expect("it is forgotten");
        assert_eq!(settings.channel_token("ch1").await, Err(SecretError::Missing));
        assert_eq!(reader().channel_token("ch1").await, Err(SecretError::Missing));
    }
    settings.put_channel_token("ch1", &Secret::new("third")).await.expect("the name is free again");
    settings.delete_channel_token("ch1").await.expect("it is forgotten");
    let delete = client.delete_secret().secret_id(arn).force_delete_without_recovery(true);
    delete.send().await.expect("the emulator deletes");
}
