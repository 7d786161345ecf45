//! Every sample of `tests/fixtures/events` is read as its function reads it, and there is one for each way that a function is woken.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayWebsocketProxyRequest};
use aws_lambda_events::event::sqs::SqsMessage;
use domain::Provider;
use runtime::invocation::Invocation;
use runtime::{batch, gateway};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::http::{Found, find};
use wire::operators::{ACTIONS, Request};
use wire::queues::{CloseHint, Delayed, Fetch, FetchKind, Inbound, OfferHint, Outbound, QueueMessage, Wake};
use wire::timers::Fires;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");
const UPDATE: &str = include_str!("../../../tests/fixtures/telegram/text.json");

/// Which way each sample wakes its function; frames are told apart by their name.
const SAMPLES: [(&str, Way); 23] = [
    ("acceptance/accept-timeout", Way::Timer),
    ("acceptance/offer-hint", Way::Queue("offer-hints")),
    ("auto-close/auto-close", Way::Timer),
    ("auto-close/close-hint", Way::Queue("close-hints")),
    ("inbound/message", Way::Queue("inbound.fifo")),
    ("media/file", Way::Queue("fetch")),
    ("media/profile", Way::Queue("fetch")),
    ("outbound/reply", Way::Queue("outbound-telegram.fifo")),
    ("outbound/typing", Way::Queue("outbound-telegram.fifo")),
    ("router/delayed-absent", Way::Queue("delayed")),
    ("router/delayed-retime", Way::Queue("delayed")),
    ("router/delayed-wake", Way::Queue("delayed")),
    ("router/sweep", Way::Sweep),
    ("router/wake", Way::Queue("routing.fifo")),
    ("session/authorize", Way::Authorizer),
    ("session/connect", Way::Connection("$connect")),
    ("session/disconnect", Way::Connection("$disconnect")),
    ("session/sign-out", Way::Http("POST /api/sign-out")),
    ("session/ticket", Way::Http("POST /api/ticket")),
    ("settings/create-queue", Way::Http("ANY /api/{proxy+}")),
    ("settings/list-queues", Way::Http("ANY /api/{proxy+}")),
    ("settings/put-queue", Way::Http("ANY /api/{proxy+}")),
    ("telegram-webhook/update", Way::Http("POST /webhooks/telegram/{channel}")),
];

#[derive(Clone, Copy, Debug)]
enum Way {
    Queue(&'static str),
    Timer,
    Sweep,
    Frame,
    Http(&'static str),
    Authorizer,
    Connection(&'static str),
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

/// All samples: `function/name` -> content.
fn samples() -> BTreeMap<String, Value> {
    let events = root().join("tests/fixtures/events");
    let mut samples = BTreeMap::new();
    for function in names_in(&events).into_iter().filter(|name| name != "README.md") {
        for file in names_in(&events.join(&function)) {
            let text = fs::read_to_string(events.join(&function).join(&file)).expect("a file");
            let name = file.strip_suffix(".json").unwrap_or_else(|| panic!("{function}/{file} is no sample"));
            let event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{function}/{file}: {error}"));
            samples.insert(format!("{function}/{name}"), event);
        }
    }
    samples
}

#[test]
fn every_function_has_samples_and_each_is_read_as_its_function_reads_it() {
    let samples = samples();
    let functions: BTreeSet<_> = samples.keys().map(|name| name.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(functions, names_in(&root().join("functions")));
    let known: BTreeSet<_> = SAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = known.iter().filter(|name| !samples.contains_key(*name)).collect();
    assert!(missing.is_empty(), "no such sample: {missing:?}");
    for (name, event) in samples {
        let way = SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, way)| *way);
        let way =
            way.unwrap_or_else(|| if name.contains("/frame-") { Way::Frame } else { panic!("{name} is in no list") });
        check(&name, way, event);
    }
}

fn check(name: &str, way: Way, event: Value) {
    match way {
        Way::Queue(queue) => {
            assert!(
                TEMPLATE.contains(&format!("${{AWS::StackName}}-{queue}\"")),
                "{name}: the template has no {queue}"
            );
            let Ok(Invocation::Batch(batch)) = Invocation::read(event) else { panic!("{name} is no batch") };
            let [message] = &batch.records[..] else { panic!("{name} has one message") };
            let arn = message.event_source_arn.as_deref().expect("an ARN");
            assert!(arn.ends_with(&format!(":switchboard-{queue}")), "{name}: {arn}");
            check_message(name, message);
        }
        Way::Timer => {
            let Ok(Invocation::Timer(fires)) = Invocation::read(event) else { panic!("{name} is no timer") };
            let accept_timeout = matches!(fires, Fires::AcceptTimeout { .. });
            assert_eq!(name.starts_with("acceptance/"), accept_timeout, "{name}: {fires:?}");
        }
        Way::Sweep => {
            let input = format!("Input: '{event}'");
            assert!(TEMPLATE.contains(&input), "{name}: the template's schedule hands over something else");
            assert!(matches!(Invocation::read(event), Ok(Invocation::Sweep)), "{name} is no sweep");
        }
        Way::Frame => {
            let Ok(Invocation::Frame(frame)) = Invocation::read(event) else { panic!("{name} is no frame") };
            check_frame(name, &frame);
        }
        Way::Http(route) => check_call(name, route, event),
        Way::Authorizer => {
            // What `session` reads of a question; the ticket stands in the address.
            assert_eq!(event["type"], "REQUEST", "{name}");
            assert!(event["methodArn"].as_str().expect("an ARN").ends_with("/prod/$connect"), "{name}");
            assert_eq!(event["queryStringParameters"]["ticket"].as_str().map(str::len), Some(43), "{name}");
            assert!(TEMPLATE.contains("IdentitySource: [route.request.querystring.ticket]"));
        }
        Way::Connection(route) => {
            let event: ApiGatewayWebsocketProxyRequest = read(name, event);
            assert!(gateway::caller(&event).is_some(), "{name}: nobody vouches for the connection");
            assert_eq!(event.request_context.route_key.as_deref(), Some(route), "{name}");
        }
    }
}

fn read<T: DeserializeOwned>(name: &str, value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn body<T: DeserializeOwned>(name: &str, message: &SqsMessage) -> T {
    batch::body(message).unwrap_or_else(|verdict| panic!("{name}: {verdict:?}"))
}

/// The body is what the function takes, and group and dedupe id are those that its writer gives it.
fn check_message(name: &str, message: &SqsMessage) {
    let sent = match name {
        "acceptance/offer-hint" => QueueMessage::OfferHint(body::<OfferHint>(name, message)),
        "auto-close/close-hint" => QueueMessage::CloseHint(body::<CloseHint>(name, message)),
        "inbound/message" => QueueMessage::Inbound(body::<Inbound>(name, message)),
        "router/wake" => QueueMessage::Wake(body::<Wake>(name, message)),
        "router/delayed-absent" | "router/delayed-retime" | "router/delayed-wake" => {
            let what = body::<Delayed>(name, message);
            let kind = match what {
                Delayed::Wake { .. } => "wake",
                Delayed::Absent { .. } => "absent",
                Delayed::Retime { .. } => "retime",
            };
            assert!(name.ends_with(kind), "{name} is {kind}");
            QueueMessage::Delayed { delay_s: 0, what }
        }
        "media/file" | "media/profile" => {
            let fetch = body::<Fetch>(name, message);
            let kind = match fetch.what {
                FetchKind::File { .. } => "file",
                FetchKind::Profile { .. } => "profile",
            };
            assert!(name.ends_with(kind), "{name} is {kind}");
            QueueMessage::Fetch(fetch)
        }
        "outbound/reply" | "outbound/typing" => {
            let outbound = body::<Outbound>(name, message);
            assert_eq!(outbound.provider, Provider::Telegram, "{name}");
            QueueMessage::Outbound(outbound)
        }
        _ => panic!("nobody knows what {name} carries"),
    };
    let attribute = |key: &str| message.attributes.get(key).cloned();
    let given = attribute("MessageGroupId").zip(attribute("MessageDeduplicationId"));
    assert_eq!(given, sent.group_and_dedupe(), "{name}");
    assert_eq!(batch::receives(message), 1, "{name}");
}

fn check_frame(name: &str, frame: &ApiGatewayWebsocketProxyRequest) {
    assert!(gateway::caller(frame).is_some(), "{name}: nobody vouches for the connection");
    let body = frame.body.as_deref().expect("a body");
    let value: Value = serde_json::from_str(body).expect("JSON");
    assert!(name.ends_with(&format!("/frame-{}", value["action"].as_str().expect("an action"))), "{name} holds {body}");
    let _: Request = read(name, value);
}

fn check_call(name: &str, route: &str, event: Value) {
    assert!(TEMPLATE.contains(route), "{name}: the template has no route {route}");
    assert_eq!(event["version"], "2.0", "{name}");
    assert_eq!(event["routeKey"], *route, "{name}");
    let call: ApiGatewayV2httpRequest = read(name, event);
    let path = call.raw_path.as_deref().expect("a path");
    if name.starts_with("telegram-webhook/") {
        assert!(call.headers.contains_key("x-telegram-bot-api-secret-token"), "{name}");
        let update: Value = serde_json::from_str(call.body.as_deref().expect("a body")).expect("JSON");
        assert_eq!(update, serde_json::from_str::<Value>(UPDATE).expect("JSON"), "{name}");
        return;
    }
    assert!(call.headers.contains_key("authorization"), "{name}");
    let Found::Route(found, _) = find(call.request_context.http.method.as_str(), path) else {
        panic!("{name}: no such call")
    };
    assert_eq!(found.managers, name.starts_with("settings/"), "{name} is another function's");
    assert_eq!(call.body.is_some(), found.body, "{name}");
    if let Some(body) = &call.body {
        let _: wire::http::QueueDraft = read(name, serde_json::from_str(body).expect("JSON"));
    }
}

/// Where the template leads an action: the integration of its route, or that of `$default`.
fn function_of(action: &str) -> &'static str {
    let route = |key: &str| {
        let line =
            TEMPLATE.lines().find(|line| line.contains(&format!("ApiId: !Ref WebSocketApi, RouteKey: {key},")))?;
        let functions = [("Session", "session"), ("Acceptance", "acceptance"), ("Workspace", "workspace")];
        functions
            .iter()
            .find(|(name, _)| line.contains(&format!("{{{name}WebSocketIntegration}}")))
            .map(|(_, folder)| *folder)
    };
    route(action).or_else(|| route("$default")).expect("the template has a $default route")
}

#[test]
fn every_command_has_a_sample_where_the_template_leads_it() {
    let wanted: BTreeSet<_> = ACTIONS.iter().map(|action| format!("{}/frame-{action}", function_of(action))).collect();
    let there: BTreeSet<_> = samples().into_keys().filter(|name| name.contains("/frame-")).collect();
    assert_eq!(there, wanted);
}
