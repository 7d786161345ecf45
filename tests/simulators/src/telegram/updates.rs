//! What customers do, as updates.

use serde_json::{Map, Value, json};

use super::state::{Bot, Chat, Standing, StoredMessage};
use crate::clock::Clock;
use crate::ground::random;

/// Why a customer can't do that; shown by the control API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing of that kind exists.
    Unknown(String),
    /// The chat's state does not allow it.
    Conflict(String),
}

/// Takes the customer from the bot's chats, or makes them, with the given fields of `User`.
pub(crate) fn customer<'a>(bot: &'a mut Bot, id: i64, profile: &Map<String, Value>) -> &'a mut Chat {
    let chat = bot.chats.entry(id).or_insert_with(|| Chat {
        identity: Value::Null,
        customer: json!({"id": id, "is_bot": false, "first_name": format!("Customer {id}"), "language_code": "en"}),
        standing: Standing::NeverWrote,
        messages: Vec::new(),
        action_until_ms: 0,
        version: 0,
    });
    if let Value::Object(user) = &mut chat.customer {
        user.extend(
            profile.iter().filter(|(name, _)| *name != "id").map(|(name, value)| (name.clone(), value.clone())),
        );
        user.retain(|_, value| !value.is_null());
    }
    if chat.identity.is_null() || !profile.is_empty() {
        chat.identity = private_chat(&chat.customer);
    }
    chat
}

fn private_chat(user: &Value) -> Value {
    let mut chat = Map::new();
    for field in ["id", "first_name", "last_name", "username"] {
        if let Some(value) = user.get(field) {
            chat.insert(field.to_owned(), value.clone());
        }
    }
    chat.insert("type".into(), "private".into());
    Value::Object(chat)
}

/// An update of this kind with the bot's next id.
pub(crate) fn update(bot: &mut Bot, kind: &str, payload: Value) -> Value {
    let id = bot.next_update_id;
    bot.next_update_id += 1;
    let mut update = json!({"update_id": id});
    update[kind] = payload;
    update
}

/// The customer writes: `content` are fields of `Message`, laid over the well-formed rest. Returns the message's id
/// and the update.
pub(crate) fn write(
    bot: &mut Bot,
    clock: Clock,
    id: i64,
    content: Map<String, Value>,
) -> Result<(i64, Value), Refused> {
    let message_id = bot.take_message_id();
    let profile = match content.get("from") {
        Some(Value::Object(profile)) => profile.clone(),
        _ => Map::new(),
    };
    let chat = customer(bot, id, &profile);
    if chat.standing == Standing::Blocked {
        return Err(Refused::Conflict("the customer has blocked the bot; unblock first".into()));
    }
    chat.standing = Standing::Open;
    let mut message =
        json!({"message_id": message_id, "from": chat.customer, "chat": chat.identity, "date": clock.now_s()});
    if let Value::Object(fields) = &mut message {
        fields.extend(content.into_iter().filter(|(name, _)| name != "from"));
    }
    let message_id = message["message_id"].as_i64().unwrap_or(message_id);
    chat.messages.push(StoredMessage {
        message_id,
        from_bot: false,
        message: message.clone(),
        time_ms: clock.now_ms(),
        deliveries: Vec::new(),
    });
    Ok((message_id, update(bot, "message", message)))
}

/// The customer edits an own message: `changes` are fields of `Message`.
pub(crate) fn edit(
    bot: &mut Bot,
    clock: Clock,
    id: i64,
    message_id: i64,
    changes: Map<String, Value>,
) -> Result<Value, Refused> {
    let unknown = || Refused::Unknown(format!("chat {id} has no customer's message {message_id}"));
    let chat = bot.chats.get_mut(&id).ok_or_else(unknown)?;
    if chat.standing == Standing::Blocked {
        return Err(Refused::Conflict("the customer has blocked the bot; unblock first".into()));
    }
    let stored = chat.message_mut(message_id).filter(|message| !message.from_bot).ok_or_else(unknown)?;
    if let Value::Object(fields) = &mut stored.message {
        fields.insert("edit_date".into(), clock.now_s().into());
        fields.extend(changes.into_iter().filter(|(name, _)| name != "message_id"));
    }
    let message = stored.message.clone();
    Ok(update(bot, "edited_message", message))
}

/// The customer presses a button of the bot's message. Returns the query's id and the update.
pub(crate) fn press(bot: &mut Bot, id: i64, message_id: i64, data: &str) -> Result<(String, Value), Refused> {
    let chat = bot.chats.get(&id);
    let message = chat.and_then(|chat| chat.message(message_id)).filter(|message| message.from_bot);
    let (Some(chat), Some(message)) = (chat, message) else {
        return Err(Refused::Unknown(format!("chat {id} has no message {message_id} of the bot")));
    };
    let query_id = (random() >> 1).to_string();
    let query = json!({
        "id": query_id,
        "from": chat.customer,
        "message": message.message,
        "chat_instance": format!("-{}", id.unsigned_abs()),
        "data": data,
    });
    bot.open_callbacks.insert(query_id.clone());
    let update = update(bot, "callback_query", query);
    Ok((query_id, update))
}

/// The customer blocks or unblocks the bot. Nothing happens when it is so already.
pub(crate) fn block(bot: &mut Bot, clock: Clock, id: i64, blocked: bool) -> Result<Option<Value>, Refused> {
    let user = bot.user();
    let chat = bot.chats.get_mut(&id).ok_or_else(|| Refused::Unknown(format!("there is no customer {id}")))?;
    if (chat.standing == Standing::Blocked) == blocked {
        return Ok(None);
    }
    chat.standing = if blocked { Standing::Blocked } else { Standing::Open };
    let member = json!({"user": user, "status": "member"});
    let kicked = json!({"user": user, "status": "kicked", "until_date": 0});
    let (old, new) = if blocked { (member, kicked) } else { (kicked, member) };
    let change = json!({
        "chat": chat.identity,
        "from": chat.customer,
        "date": clock.now_s(),
        "old_chat_member": old,
        "new_chat_member": new,
    });
    Ok(Some(update(bot, "my_chat_member", change)))
}

/// Makes an update of the caller's own ready: gives it an id if it has none, and opens the chats that it tells of.
pub(crate) fn adopt(bot: &mut Bot, mut update: Map<String, Value>) -> Value {
    let given = update.get("update_id").and_then(Value::as_i64);
    let id = given.unwrap_or(bot.next_update_id);
    update.insert("update_id".into(), id.into());
    bot.next_update_id = bot.next_update_id.max(id.saturating_add(1));
    for payload in update.values() {
        let chat = if payload["chat"].is_object() { &payload["chat"] } else { &payload["message"]["chat"] };
        let Some(id) = chat["id"].as_i64() else { continue };
        let standing = match payload["new_chat_member"]["status"].as_str() {
            Some("kicked" | "left") => Standing::Blocked,
            _ => Standing::Open,
        };
        let known = bot.chats.entry(id).or_insert_with(|| Chat {
            identity: chat.clone(),
            customer: if chat["type"] == "private" { payload["from"].clone() } else { Value::Null },
            standing,
            messages: Vec::new(),
            action_until_ms: 0,
            version: 0,
        });
        known.standing = standing;
    }
    Value::Object(update)
}
