use super::*;
use crate::config::{Channel, QUEUES_MAX, Rule, User};
use crate::ids::{ChannelId, OperatorId, Provider};

fn id<T: std::str::FromStr<Err = crate::ids::NotAnId>>(text: &str) -> T {
    text.parse().unwrap()
}

fn draft(name: &str) -> QueueDraft {
    QueueDraft {
        name: name.to_owned(),
        rule: Rule::MostFree,
        auto_close_min: None,
        spare_unanswered: false,
        roles: Vec::new(),
        users: Vec::new(),
        limit: None,
        absence_return_min: None,
    }
}

/// A configuration with the role `r1` and the queue `q1`.
fn config() -> Configuration {
    let mut config = Configuration::default();
    create_role(&mut config, id("r1"), &RoleDraft { name: "Support".to_owned() }).unwrap();
    create_queue(&mut config, id("q1"), &draft("Sales"), &BTreeSet::new()).unwrap();
    config
}

fn connect(config: &mut Configuration, account: &str) -> Result<Channel, Objection> {
    let channel: ChannelId = id(&format!("tg-{account}"));
    connect_channel(config, Provider::Telegram, channel, account, "a_bot", Some("Shop"))
}

fn confirmed(config: &mut Configuration, account: &str) -> Channel {
    let channel = connect(config, account).unwrap();
    confirm_channel(config, &channel.id, None).unwrap()
}

fn is_invalid<T: std::fmt::Debug>(result: &Result<T, Objection>, what: &str) {
    assert!(matches!(result, Err(Objection::InvalidValue(_))), "{what}: {result:?}");
}

#[test]
fn q1_a_queue_takes_what_it_says_and_refuses_what_cannot_be() {
    let people = |count: usize| (0..count).map(|n| id(&format!("p{n}"))).collect::<Vec<OperatorId>>();
    let known = people(101).into_iter().chain([id("u1")]).collect();
    let check = |change: &dyn Fn(&mut QueueDraft), good: bool, what: &str| {
        let mut draft = draft("Sales");
        change(&mut draft);
        let made = create_queue(&mut config(), id("q2"), &draft, &known);
        if good { assert!(made.is_ok(), "{what}: {made:?}") } else { is_invalid(&made, what) }
    };
    check(&|d| d.name = "x".repeat(100), true, "longest name");
    check(&|d| d.name = "x".repeat(101), false, "name too long");
    check(&|d| d.name = "   ".to_owned(), false, "blank name");
    check(&|d| d.name = "a\nb".to_owned(), false, "name of two lines");
    check(&|d| d.auto_close_min = Some(1), true, "a minute");
    check(&|d| d.auto_close_min = Some(0), false, "no minute");
    check(&|d| d.auto_close_min = Some(86_400), true, "60 days");
    check(&|d| d.auto_close_min = Some(86_401), false, "over 60 days");
    check(&|d| d.limit = Some(50), true, "highest limit");
    check(&|d| d.limit = Some(51), false, "limit too high");
    check(&|d| d.limit = Some(0), false, "limit of nothing");
    check(&|d| d.absence_return_min = Some(1440), true, "a day of absence");
    check(&|d| d.absence_return_min = Some(1441), false, "over a day of absence");
    check(&|d| d.roles = vec![id("r1"), id("r1")], true, "a role twice is once");
    check(&|d| d.roles = vec![id("r9")], false, "no such role");
    check(&|d| d.users = vec![id("u1")], true, "Q2 a person");
    check(&|d| d.users = vec![id("u9")], false, "no such person");
    check(&|d| d.users = people(100), true, "as many people as may be");
    check(&|d| d.users = people(101), false, "too many people");
    let with_roles = |count: usize| {
        let mut config = config();
        let roles: Vec<RoleId> = (0..count).map(|n| id(&format!("role-{n}"))).collect();
        for role in &roles {
            create_role(&mut config, role.clone(), &RoleDraft { name: "x".to_owned() }).unwrap();
        }
        create_queue(&mut config, id("q2"), &QueueDraft { roles, ..draft("Sales") }, &known)
    };
    assert_eq!(with_roles(10).unwrap().roles.len(), 10, "as many roles as may be");
    is_invalid(&with_roles(11), "too many roles");
}

#[test]
fn a_queue_is_changed_from_the_version_that_was_seen() {
    let mut config = config();
    let before = config.version;
    let none = BTreeSet::new();
    for stale in [Some(0), Some(2)] {
        let refused = change_queue(&mut config, &id("q1"), stale, &draft("x"), &none);
        assert_eq!(refused, Err(Objection::VersionConflict));
    }
    assert_eq!(config.version, before, "a refusal changes nothing");
    let (queue, _) = change_queue(&mut config, &id("q1"), Some(1), &draft(" Leads "), &none).unwrap();
    assert_eq!((queue.name.as_str(), queue.version, config.version), ("Leads", 2, before + 1));
    assert_eq!(change_queue(&mut config, &id("q9"), Some(1), &draft("x"), &none), Err(Objection::NotFound("queue")));
}

#[test]
fn q7_l2_only_what_routing_or_closing_goes_by_concerns_others() {
    let check = |change: &dyn Fn(&mut QueueDraft), wakes: bool, retimes: bool| {
        let mut draft = draft("Sales");
        change(&mut draft);
        let (_, impact) = change_queue(&mut config(), &id("q1"), None, &draft, &BTreeSet::from([id("u1")])).unwrap();
        assert_eq!((!impact.wake.is_empty(), !impact.retime.is_empty()), (wakes, retimes), "{draft:?}");
    };
    check(&|_| {}, false, false);
    check(&|d| d.name = "Leads".to_owned(), false, false);
    check(&|d| d.rule = Rule::ToAll, true, false);
    check(&|d| d.limit = Some(9), true, false);
    check(&|d| d.roles = vec![id("r1")], true, false);
    check(&|d| d.users = vec![id("u1")], true, false);
    check(&|d| d.auto_close_min = Some(10), false, true);
    check(&|d| d.spare_unanswered = true, false, true);
}

#[test]
fn c2_a_queue_in_use_is_not_deleted_and_the_refusal_says_what_uses_it() {
    let check = |channel: bool, waiting: bool, open: bool, words: &[&str]| {
        let mut config = config();
        if channel {
            let made = confirmed(&mut config, "7");
            let bound = ChannelDraft { name: made.name, active: false, queue: Some(id("q1")), language: None };
            change_channel(&mut config, &made.id, None, &bound).unwrap();
        }
        let deleted = delete_queue(&mut config, &id("q1"), None, QueueUse { waiting, open });
        match deleted {
            Ok(()) => assert!(words.is_empty() && config.queues.is_empty()),
            Err(objection @ Objection::QueueInUse(_)) => {
                let text = objection.to_string();
                assert!(!words.is_empty() && words.iter().all(|word| text.contains(word)), "{text}");
                assert!(config.queues.contains_key(&id("q1")));
            }
            Err(other) => panic!("{other}"),
        }
    };
    check(false, false, false, &[]);
    check(true, false, false, &["\"Shop\""]);
    check(false, true, true, &["wait"]);
    check(false, false, true, &["open"]);
    check(true, true, false, &["\"Shop\"", "wait"]);
    assert_eq!(delete_queue(&mut config(), &id("q1"), Some(9), QueueUse::default()), Err(Objection::VersionConflict));
}

#[test]
fn c2_a_role_in_use_is_not_deleted_and_the_refusal_says_what_uses_it() {
    let mut config = config();
    let with_role = QueueDraft { roles: vec![id("r1")], ..draft("Sales") };
    change_queue(&mut config, &id("q1"), None, &with_role, &BTreeSet::new()).unwrap();
    let holders: Vec<String> = (0..7).map(|n| format!("Person {n}")).collect();
    let refused = delete_role(&mut config, &id("r1"), None, &holders).unwrap_err().to_string();
    for word in ["\"Sales\"", "\"Person 0\"", "\"Person 4\"", "and more"] {
        assert!(refused.contains(word), "{refused}");
    }
    assert!(!refused.contains("Person 5"), "{refused}");
    let five = delete_role(&mut config, &id("r1"), None, &holders[..5]).unwrap_err().to_string();
    assert!(five.contains("Person 4") && !five.contains("and more"), "{five}");
    change_queue(&mut config, &id("q1"), None, &draft("Sales"), &BTreeSet::new()).unwrap();
    delete_role(&mut config, &id("r1"), Some(1), &[]).unwrap();
    assert_eq!(delete_role(&mut config, &id("r1"), None, &[]), Err(Objection::NotFound("role")));
}

#[test]
fn there_is_a_limit_on_everything() {
    let mut config = Configuration::default();
    for n in 0..QUEUES_MAX {
        create_queue(&mut config, id(&format!("q{n}")), &draft("x"), &BTreeSet::new()).unwrap();
        create_role(&mut config, id(&format!("r{n}")), &RoleDraft { name: "x".to_owned() }).unwrap();
        confirmed(&mut config, &n.to_string());
    }
    let queue = create_queue(&mut config, id("more"), &draft("x"), &BTreeSet::new());
    assert_eq!(queue, Err(Objection::LimitReached("queues", 200)));
    let role = create_role(&mut config, id("more"), &RoleDraft { name: "x".to_owned() });
    assert_eq!(role, Err(Objection::LimitReached("roles", 200)));
    assert_eq!(connect(&mut config, "more"), Err(Objection::LimitReached("channels", 200)));
}

#[test]
fn c3_one_channel_has_a_bot_and_the_refusal_names_it() {
    let mut config = config();
    let first = connect(&mut config, "7").unwrap();
    assert_eq!((first.active, first.queue.clone(), first.version), (false, None, 1), "C1: it takes no part yet");
    assert_eq!(first.problem.as_deref(), Some(WEBHOOK_NOT_CONFIRMED));
    let again = connect(&mut config, "7").unwrap();
    assert_eq!((&again.id, again.version), (&first.id, 2), "an unfinished one is taken up again");
    confirm_channel(&mut config, &first.id, None).unwrap();
    assert_eq!(connect(&mut config, "7"), Err(Objection::AccountTaken("Shop".to_owned())));
    assert!(connect(&mut config, "8").is_ok());
    let elsewhere = connect_channel(&mut config, Provider::Messenger, id("fb-7"), "7", "page", Some("Page")).unwrap();
    assert_eq!(elsewhere.id, id("fb-7"), "the same number at another provider is another account");
}

#[test]
fn c3_only_a_channel_that_never_took_part_is_taken_up_again_by_connecting() {
    // active, bound, whether it is taken up again
    for (active, bound, again) in [(false, false, true), (true, false, false), (false, true, false)] {
        let mut config = config();
        let made = connect(&mut config, "7").unwrap();
        let queue = bound.then(|| id("q1"));
        let draft = ChannelDraft { name: "Shop".to_owned(), active, queue, language: Some("ru".to_owned()) };
        change_channel(&mut config, &made.id, None, &draft).unwrap();
        let connected = connect(&mut config, "7");
        assert_eq!(connected.is_ok(), again, "active {active}, bound {bound}: {connected:?}");
        if let Ok(connected) = connected {
            assert_eq!(connected.language.as_deref(), Some("ru"), "what was set is kept");
        }
    }
}

#[test]
fn c1_a_channel_without_a_name_is_called_as_its_account() {
    let called = |account_name: &str, given: Option<&str>| {
        let channel = connect_channel(&mut config(), Provider::Telegram, id("tg-7"), "7", account_name, given);
        channel.unwrap().name
    };
    assert_eq!(called("a_bot", Some(" Shop ")), "Shop");
    assert_eq!(called("a_bot", None), "a_bot");
    assert_eq!(called("a\n_bot", None), "a_bot", "a name is one line");
    assert_eq!(called(&"x".repeat(101), None), "x".repeat(100));
}

#[test]
fn c4_a_channel_is_connected_again_with_a_token_of_the_same_bot_only() {
    let mut config = config();
    let channel = confirmed(&mut config, "7");
    assert_eq!(connect_again(&mut config, &channel.id, "8", "b"), Err(Objection::AccountDiffers));
    let again = connect_again(&mut config, &channel.id, "7", "renamed_bot").unwrap();
    assert_eq!((again.account_name.as_deref(), again.version), (Some("renamed_bot"), channel.version + 1));
    assert_eq!(again.problem.as_deref(), Some(WEBHOOK_NOT_CONFIRMED));
    assert_eq!(confirm_channel(&mut config, &channel.id, None).unwrap().problem, None);
    assert_eq!(confirm_channel(&mut config, &id("tg-9"), None), Err(Objection::NotFound("channel")));
}

#[test]
fn c1_a_channel_is_bound_to_a_queue_that_exists_and_has_a_language() {
    let check = |queue: Option<&str>, language: Option<&str>, good: bool| {
        let mut config = config();
        let channel = confirmed(&mut config, "7");
        let language = language.map(str::to_owned);
        let draft = ChannelDraft { name: "Shop".to_owned(), active: true, queue: queue.map(id), language };
        let changed = change_channel(&mut config, &channel.id, Some(channel.version), &draft);
        if good {
            assert_eq!(changed.unwrap().serving().cloned(), queue.map(id), "C1: it serves once it is active and bound");
        } else {
            is_invalid(&changed, &format!("{draft:?}"));
        }
    };
    check(Some("q1"), Some("ru"), true);
    check(None, Some("en-GB"), true);
    check(Some("q1"), None, true);
    check(None, Some("de-CH-1996"), true);
    check(Some("q9"), None, false);
    check(None, Some("de-abcdefgh-abcdefgh-abcdefgh-abcdef"), false);
    for language in ["", "r", "russian", "ru-", "ru_RU", "ru-toolonged", "7", "12", "ru-R_"] {
        check(None, Some(language), false);
    }
}

#[test]
fn c2_a_channel_with_chats_is_only_deactivated() {
    let mut config = config();
    let channel = confirmed(&mut config, "7");
    assert_eq!(delete_channel(&mut config, &channel.id, None, true), Err(Objection::ChannelHasChats));
    assert_eq!(delete_channel(&mut config, &channel.id, Some(1), false), Err(Objection::VersionConflict));
    delete_channel(&mut config, &channel.id, Some(channel.version), false).unwrap();
    assert!(config.channels.is_empty());
}

#[test]
fn c1_a_channel_takes_what_it_is_given_and_serves_only_while_active() {
    let mut config = config();
    let before = connect(&mut config, "7").unwrap();
    let draft = |active| ChannelDraft { name: "Sales".to_owned(), active, queue: Some(id("q1")), language: None };
    let after = change_channel(&mut config, &before.id, None, &draft(false)).unwrap();
    let wanted = Channel { name: "Sales".to_owned(), queue: Some(id("q1")), version: before.version + 1, ..before };
    assert_eq!(after, wanted);
    assert_eq!(after.serving(), None, "bound and not active");
    let active = change_channel(&mut config, &after.id, None, &draft(true)).unwrap();
    assert_eq!((active.serving(), active.version), (Some(&id("q1")), after.version + 1));
    assert_eq!(change_channel(&mut config, &id("tg-9"), None, &draft(true)), Err(Objection::NotFound("channel")));
}

#[test]
fn every_change_counts_the_version_of_the_configuration_and_of_its_part() {
    // The version that the changed part has afterwards, if it is still there.
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Configuration) -> Option<u64>);
    let mut config = config();
    let (none, name) = (BTreeSet::new(), RoleDraft { name: "x".to_owned() });
    let (q2, r2, channel): (QueueId, RoleId, ChannelId) = (id("q2"), id("r2"), id("tg-7"));
    let bound = ChannelDraft { name: "Shop".to_owned(), active: false, queue: None, language: None };
    let changes: [Change; 12] = [
        ("create queue", &|c| Some(create_queue(c, q2.clone(), &draft("a"), &none).unwrap().version)),
        ("change queue", &|c| Some(change_queue(c, &q2, Some(1), &draft("b"), &none).unwrap().0.version)),
        ("delete queue", &|c| delete_queue(c, &q2, Some(2), QueueUse::default()).map(|()| None).unwrap()),
        ("create role", &|c| Some(create_role(c, r2.clone(), &name).unwrap().version)),
        ("change role", &|c| Some(change_role(c, &r2, Some(1), &name).unwrap().version)),
        ("delete role", &|c| delete_role(c, &r2, Some(2), &[]).map(|()| None).unwrap()),
        ("connect channel", &|c| Some(connect(c, "7").unwrap().version)),
        ("change channel", &|c| Some(change_channel(c, &channel, Some(1), &bound).unwrap().version)),
        ("confirm channel", &|c| Some(confirm_channel(c, &channel, None).unwrap().version)),
        ("connect again", &|c| Some(connect_again(c, &channel, "7", "a_bot").unwrap().version)),
        ("delete channel", &|c| delete_channel(c, &channel, Some(4), false).map(|_| None).unwrap()),
        ("set a setting", &|c| {
            set(c, SettingCode::SiteUrl, &SettingValue::Empty).unwrap();
            Some(c.settings.version)
        }),
    ];
    config.settings.version = 6;
    let versions = [1, 2, 0, 1, 2, 0, 1, 2, 3, 4, 0, 7];
    for ((what, change), part) in changes.iter().zip(versions) {
        let before = config.version;
        assert_eq!(change(&mut config).unwrap_or(0), part, "{what}");
        assert_eq!(config.version, before + 1, "{what}");
    }
}

#[test]
fn a_role_is_renamed_from_the_version_that_was_seen() {
    let mut config = config();
    let rename = |name: &str| RoleDraft { name: name.to_owned() };
    assert_eq!(change_role(&mut config, &id("r1"), Some(2), &rename("x")), Err(Objection::VersionConflict));
    assert_eq!(change_role(&mut config, &id("r9"), None, &rename("x")), Err(Objection::NotFound("role")));
    is_invalid(&change_role(&mut config, &id("r1"), None, &rename(" ")), "no name");
    let role = change_role(&mut config, &id("r1"), Some(1), &rename(" Night ")).unwrap();
    assert_eq!((role.name.as_str(), config.roles.get(&id("r1"))), ("Night", Some(&role)));
}

fn user(email: &str, roles: &[&str], own_limit: Option<u32>) -> Result<User, Objection> {
    let roles = roles.iter().map(|role| id(role)).collect();
    let draft = UserDraft { email: email.to_owned(), name: "Anna".to_owned(), roles, own_limit };
    new_user(&config(), id("u1"), &draft)
}

#[test]
fn p4_people_are_let_in_by_an_address_in_lower_case() {
    assert_eq!(user(" Anna@Example.COM ", &["r1"], Some(3)).unwrap().email, "anna@example.com");
    for email in ["", "anna", "@example.com", "anna@", "an na@example.com", &format!("{}@x.org", "a".repeat(250))] {
        is_invalid(&user(email, &[], None), email);
    }
    is_invalid(&user("a@b", &["r9"], None), "no such role");
    is_invalid(&user("a@b", &[], Some(0)), "no limit");
    is_invalid(&user("a@b", &[], Some(51)), "limit too high");
}

#[test]
fn a_person_is_changed_from_the_version_that_was_seen() {
    let before = User { subject: Some("s".to_owned()), ..user("a@b", &["r1"], None).unwrap() };
    let change = UserChange { name: "Anna B".to_owned(), roles: Vec::new(), own_limit: Some(2), disabled: true };
    assert_eq!(change_user(&config(), &before, Some(2), &change), Err(Objection::VersionConflict));
    let after = change_user(&config(), &before, Some(1), &change).unwrap();
    let (name, own_limit, disabled) = (change.name, change.own_limit, change.disabled);
    assert_eq!(after, User { name, roles: Vec::new(), own_limit, disabled, version: 2, ..before.clone() });
    assert!(lost_role(&before, &after) && !lost_role(&after, &before));
}

#[test]
fn p2_settings_take_their_values_and_refuse_others() {
    let number = SettingValue::Number;
    let text = |text: &str| SettingValue::Text(text.to_owned());
    let check = |code: SettingCode, value: SettingValue, wanted: Option<SettingValue>| {
        let mut config = config();
        match (set(&mut config, code, &value), wanted) {
            (Ok(_), Some(wanted)) => assert_eq!(code.value(&config.settings), wanted, "{code:?}"),
            (Err(Objection::InvalidValue(_)), None) => {}
            (result, wanted) => panic!("{code:?} {value:?}: {result:?}, not {wanted:?}"),
        }
    };
    check(SettingCode::AcceptTimeout, number(1), Some(number(1)));
    check(SettingCode::AcceptTimeout, number(1440), Some(number(1440)));
    check(SettingCode::AcceptTimeout, SettingValue::Empty, Some(number(5)));
    check(SettingCode::SimultaneousChats, SettingValue::Empty, Some(number(5)));
    check(SettingCode::SimultaneousChats, number(50), Some(number(50)));
    for bad in [number(0), number(-1), number(1441), number(i64::MAX), text("5")] {
        check(SettingCode::AcceptTimeout, bad, None);
    }
    check(SettingCode::SimultaneousChats, number(51), None);
    check(SettingCode::NotificationSound, text("clear"), Some(text("clear")));
    check(SettingCode::NotificationSound, SettingValue::Empty, Some(text("default")));
    check(SettingCode::NotificationSound, text("loud"), None);
    check(
        SettingCode::SiteUrl,
        text("https://chat.example.com:8443/prod/"),
        Some(text("https://chat.example.com:8443/prod")),
    );
    check(SettingCode::SiteUrl, text("https://my-shop.example/a-b_c"), Some(text("https://my-shop.example/a-b_c")));
    check(SettingCode::SiteUrl, text(" "), Some(SettingValue::Empty));
    for bad in [
        "http://x.org",
        "https://",
        "https://u@x.org",
        "https://x.org?a",
        "https://x.org/#a",
        "https://x..org",
        "https://x:0",
        "https://x:080",
        "https://x:65536",
        "https://-x.org",
        "https://x-.org",
        "https://x_y.org",
        "x.org",
    ] {
        check(SettingCode::SiteUrl, text(bad), None);
    }
    check(SettingCode::IdentityServerClientId, text("chats"), Some(text("chats")));
    check(SettingCode::IdentityServerClientId, text("a\nb"), None);
    check(SettingCode::IdentityServerClientId, text(&"x".repeat(2049)), None);
    check(SettingCode::IdentityServerClientId, number(1), None);
    check(SettingCode::FacebookAppId, text(" 1234567890123456 "), Some(text("1234567890123456")));
    for bad in [text("abc"), text("123456789012345678901"), number(1)] {
        check(SettingCode::FacebookAppId, bad, None);
    }
}

#[test]
fn c9_a_secret_is_known_only_to_be_set() {
    for code in [SettingCode::IdentityServerClientSecret, SettingCode::FacebookAppSecret] {
        let mut config = config();
        set(&mut config, code, &SettingValue::Text("hush".to_owned())).unwrap();
        assert_eq!(code.is_set(&config.settings), Some(true));
        assert_eq!(code.value(&config.settings), SettingValue::Empty);
        assert!(!format!("{config:?}").contains("hush"));
        set(&mut config, code, &SettingValue::Empty).unwrap();
        assert_eq!(code.is_set(&config.settings), Some(false));
    }
    assert_eq!(SettingCode::FacebookAppId.is_set(&Configuration::default().settings), None);
}

#[test]
fn c5_a_page_makes_a_channel_or_is_connected_again() {
    let mut config = config();
    let page = |config: &mut Configuration, name: &str| connect_page(config, &id("fb-7"), "7", name);
    let new = page(&mut config, "Flowers").unwrap();
    assert_eq!((new.name.as_str(), new.active, new.provider), ("Flowers", false, Provider::Messenger));
    confirm_channel(&mut config, &new.id, None).unwrap();
    let draft = ChannelDraft { name: "Shop".to_owned(), active: true, queue: Some(id("q1")), language: None };
    change_channel(&mut config, &new.id, None, &draft).unwrap();
    let again = page(&mut config, "Roses").unwrap();
    assert_eq!((again.name.as_str(), again.account_name.as_deref(), again.active), ("Shop", Some("Roses"), true));
    assert_eq!(again.problem.as_deref(), Some(WEBHOOK_NOT_CONFIRMED));
    assert_eq!(connect_page(&mut config, &id("fb-7"), "8", "x"), Err(Objection::AccountDiffers));
}

#[test]
fn c5_what_stands_in_the_way_is_marked_once_and_taken_back() {
    let mut config = config();
    let channel = connect(&mut config, "7").unwrap();
    let mark = |config: &mut Configuration, problem| {
        let now = config.channels[&id("tg-7")].clone();
        mark_problem(config, &now, problem).unwrap()
    };
    assert_eq!(mark(&mut config, Some(TOKEN_INVALID)), None, "connecting it is under way");
    confirm_channel(&mut config, &channel.id, None).unwrap();
    let marked = mark(&mut config, Some(TOKEN_INVALID)).unwrap();
    assert_eq!((marked.problem.as_deref(), marked.version), (Some(TOKEN_INVALID), channel.version + 2));
    assert_eq!(mark(&mut config, Some(TOKEN_INVALID)), None);
    assert_eq!(mark(&mut config, None).unwrap().problem, None);
    assert_eq!(mark_problem(&mut config, &marked, Some(TOKEN_INVALID)), Err(Objection::VersionConflict));
    let gone = Channel { id: id("tg-8"), ..marked };
    assert_eq!(mark_problem(&mut config, &gone, None), Err(Objection::NotFound("channel")));
}

#[test]
fn c3_a_look_at_a_channels_health_says_what_it_finds_and_takes_back_what_it_finds_no_more() {
    let mut config = config();
    let channel = connect(&mut config, "7").unwrap();
    let saying = |problem: Option<&str>| Channel { problem: problem.map(str::to_owned), ..channel.clone() };
    for (said, found, says) in [
        (None, None, None),
        (None, Some(WEBHOOK_TAKEN_OVER), Some(Some(WEBHOOK_TAKEN_OVER))),
        (Some(WEBHOOK_TAKEN_OVER), Some(WEBHOOK_TAKEN_OVER), None),
        (Some(WEBHOOK_TAKEN_OVER), Some(TOKEN_INVALID), Some(Some(TOKEN_INVALID))),
        (Some(WEBHOOK_TAKEN_OVER), None, Some(None)),
        (Some(SENDER_OFFLINE), None, Some(None)),
        (None, Some(PERMISSION_MISSING), Some(Some(PERMISSION_MISSING))),
        (Some(PERMISSION_MISSING), None, None),
        (Some(TOKEN_INVALID), Some("settings_missing"), None),
        (Some("page_blocked"), None, None),
    ] {
        assert_eq!(after_a_look(&saying(said), found), says, "{said:?} {found:?}");
    }
}

#[test]
fn p2_settings_are_found_by_their_codes() {
    for code in SettingCode::ALL {
        assert_eq!(SettingCode::find(code.as_str()), Some(code));
    }
    assert_eq!(SettingCode::find("simultaneouschats"), None);
    let descriptions: BTreeSet<&str> = SettingCode::ALL.into_iter().map(SettingCode::description).collect();
    assert_eq!(descriptions.len(), SettingCode::ALL.len(), "each says what it is for");
}

#[test]
fn p3_who_manages_identity_sets_three_settings() {
    let identity: Vec<&str> =
        SettingCode::ALL.into_iter().filter(|code| code.is_identity()).map(SettingCode::as_str).collect();
    assert_eq!(identity, ["IdentityServerUrl", "IdentityServerClientId", "IdentityServerClientSecret"]);
}

#[test]
fn q7_another_common_limit_concerns_every_queue() {
    let mut config = config();
    let impact = set(&mut config, SettingCode::SimultaneousChats, &SettingValue::Number(6)).unwrap();
    assert_eq!(impact.wake.len(), 1);
    let impact = set(&mut config, SettingCode::SimultaneousChats, &SettingValue::Number(6)).unwrap();
    assert_eq!(impact, Impact::default());
}
