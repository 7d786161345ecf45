//! What a message of Telegram says.

use domain::content::{Content, Media, MediaKind, TEXT_CHARS_MAX};
use serde_json::Value;

use crate::fields::{Object, degrees_e6, flag, full_name, handle, integer, line, object, words};

/// The most characters of a name, title, address, phone number or file name.
pub(super) const NAME_CHARS_MAX: usize = 256;
/// The longest handle of a file or of an album, in bytes; today's have less than 100.
const HANDLE_BYTES_MAX: usize = 512;
/// The most characters of a MIME type (RFC 6838: 127 on either side of the slash).
const MIME_CHARS_MAX: usize = 255;
/// The most characters of the name of a kind of content.
const KIND_CHARS_MAX: usize = 64;

/// Fields with one file each. The order matters where two come together: an animation comes with a copy of itself as
/// `document`, so that clients which don't know animations show something.
const FILES: [(&str, MediaKind); 7] = [
    ("animation", MediaKind::Animation),
    ("video", MediaKind::Video),
    ("video_note", MediaKind::VideoNote),
    ("voice", MediaKind::Voice),
    ("audio", MediaKind::Audio),
    ("sticker", MediaKind::Sticker),
    ("document", MediaKind::Document),
];

/// Fields that say something about a message, not what it says.
const ENVELOPE: [&str; 50] = [
    "author_signature",
    "business_connection_id",
    "caption",
    "caption_entities",
    "chat",
    "date",
    "direct_messages_topic",
    "edit_date",
    "effect_id",
    "entities",
    "ephemeral_message_id",
    "external_reply",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_origin",
    "forward_sender_name",
    "forward_signature",
    "from",
    "guest_bot_caller_chat",
    "guest_bot_caller_user",
    "guest_query_id",
    "has_media_spoiler",
    "has_protected_content",
    "is_automatic_forward",
    "is_from_offline",
    "is_paid_post",
    "is_topic_message",
    "link_preview_options",
    "media_group_id",
    "message_id",
    "message_thread_id",
    "paid_star_count",
    "quote",
    "receiver_user",
    "reply_markup",
    "reply_to_checklist_task_id",
    "reply_to_message",
    "reply_to_poll_option_id",
    "reply_to_story",
    "sender_boost_count",
    "sender_business_bot",
    "sender_chat",
    "sender_tag",
    "show_caption_above_media",
    "suggested_post_info",
    "text",
    "via_bot",
    // The old name of `users_shared`, sent beside it.
    "user_shared",
];

/// Messages that the chat's own machinery writes: nobody said anything.
const SERVICE: [&str; 38] = [
    "boost_added",
    "channel_chat_created",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "community_chat_added",
    "community_chat_joined",
    "community_chat_removed",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price_changed",
    "forum_topic_closed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_completed",
    "giveaway_created",
    "group_chat_created",
    "left_chat_member",
    "managed_bot_created",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "paid_message_price_changed",
    "pinned_message",
    "poll_option_added",
    "poll_option_deleted",
    "supergroup_chat_created",
    "video_chat_ended",
    "video_chat_participants_invited",
    "video_chat_scheduled",
    "video_chat_started",
    "write_access_allowed",
];

/// What the message says, or `None` if it is a service message. A message always becomes one content: whatever comes
/// twice for the sake of older clients (an animation as document, a venue as location, a live photo as photo) is taken
/// once, and what is not known becomes a placeholder.
pub(super) fn read(message: &Object) -> Option<Content> {
    if let Some(text) = words(message, "text", TEXT_CHARS_MAX) {
        return Some(Content::Text { text });
    }
    photo(message)
        .or_else(|| file(message))
        .or_else(|| place(message))
        .or_else(|| contact_card(message))
        .or_else(|| (!SERVICE.iter().any(|kind| message.contains_key(*kind))).then(|| unknown(message)))
}

/// A photo comes in several sizes, the largest last. A live photo is shown by its still picture.
fn photo(message: &Object) -> Option<Content> {
    let live = object(message, "live_photo");
    let sizes = message.get("photo").or_else(|| live?.get("photo"));
    if let Some(largest) = sizes.and_then(Value::as_array).and_then(|sizes| sizes.last()).and_then(Value::as_object) {
        return Some(media(message, MediaKind::Photo, largest));
    }
    Some(media(message, MediaKind::Video, live?))
}

fn file(message: &Object) -> Option<Content> {
    FILES.iter().find_map(|(field, kind)| Some(media(message, *kind, object(message, field)?)))
}

/// A sticker has no caption, but an emoji that says the same in one character: it stands for it.
fn media(message: &Object, kind: MediaKind, file: &Object) -> Content {
    let caption = words(message, "caption", TEXT_CHARS_MAX);
    let emoji = || words(file, "emoji", KIND_CHARS_MAX).filter(|_| kind == MediaKind::Sticker);
    Content::Media {
        media: Media {
            kind,
            file_name: line(file, "file_name", NAME_CHARS_MAX),
            mime_type: line(file, "mime_type", MIME_CHARS_MAX),
            size_bytes: file.get("file_size").and_then(Value::as_u64),
            caption: caption.or_else(emoji),
            source: handle(file, "file_id", HANDLE_BYTES_MAX),
            album_id: handle(message, "media_group_id", HANDLE_BYTES_MAX),
        },
    }
}

/// A venue is a location with a name; its location is repeated beside it.
fn place(message: &Object) -> Option<Content> {
    let venue = object(message, "venue");
    let location = venue.and_then(|venue| object(venue, "location")).or_else(|| object(message, "location"))?;
    Some(Content::Location {
        latitude_e6: degrees_e6(location, "latitude", 90.0)?,
        longitude_e6: degrees_e6(location, "longitude", 180.0)?,
        title: venue.and_then(|venue| line(venue, "title", NAME_CHARS_MAX)),
        address: venue.and_then(|venue| line(venue, "address", NAME_CHARS_MAX)),
    })
}

fn contact_card(message: &Object) -> Option<Content> {
    let contact = object(message, "contact")?;
    let phone = line(contact, "phone_number", NAME_CHARS_MAX);
    let name = full_name(contact, NAME_CHARS_MAX).or_else(|| phone.clone())?;
    Some(Content::ContactCard { name, phone })
}

/// A placeholder that says what it stands for. Captions come with files only: unknown content with a caption is a file of
/// a kind that we don't know, and keeps its words.
fn unknown(message: &Object) -> Content {
    let what = unknown_kind(message);
    if words(message, "caption", TEXT_CHARS_MAX).is_some() {
        let nothing = Object::new();
        return media(message, MediaKind::Document, object(message, what).unwrap_or(&nothing));
    }
    Content::Unsupported { what: what.chars().filter(|c| *c != '\0').take(KIND_CHARS_MAX).collect() }
}

/// The field that holds the content: the first that is not part of the envelope, an object or a list rather than a
/// mere value, for contents are objects and new parts of the envelope mostly are not.
fn unknown_kind(message: &Object) -> &str {
    let mut contents = message.iter().filter(|(field, _)| !ENVELOPE.contains(&field.as_str()));
    let mere = contents.clone().next();
    let whole = contents.find(|(_, value)| value.is_object() || value.is_array());
    whole.or(mere).map_or("empty", |(field, _)| field)
}

/// The words of the part that a reply quotes (Telegram: at most 1024 characters).
pub(super) fn quote(message: &Object) -> Option<String> {
    words(object(message, "quote")?, "text", 1024)
}

/// The message that this one answers. In a topic every message that answers nothing "answers" the topic's root.
pub(super) fn reply_to(message: &Object) -> Option<String> {
    let original = object(message, "reply_to_message")?;
    let id = integer(original, "message_id")?;
    let in_root_of_topic = flag(message, "is_topic_message") && integer(message, "message_thread_id") == Some(id);
    let is_root = in_root_of_topic || original.contains_key("forum_topic_created");
    (!is_root).then(|| id.to_string())
}

/// Whom a forwarded message was forwarded from: a person, a person who hides, a chat, or a channel.
pub(super) fn forwarded_from(message: &Object) -> Option<String> {
    let origin = object(message, "forward_origin")?;
    let person = object(origin, "sender_user");
    let chat = object(origin, "sender_chat").or_else(|| object(origin, "chat"));
    person
        .and_then(|person| full_name(person, NAME_CHARS_MAX))
        .or_else(|| line(origin, "sender_user_name", NAME_CHARS_MAX))
        .or_else(|| line(chat?, "title", NAME_CHARS_MAX))
        .or_else(|| line(person.or(chat)?, "username", NAME_CHARS_MAX))
        .or_else(|| line(origin, "type", KIND_CHARS_MAX))
        .or_else(|| Some("unknown".to_owned()))
}
