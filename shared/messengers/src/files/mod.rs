//! Files: what they are by their bytes, what each messenger takes, and where they may be fetched from (C8, W4).

mod address;
mod card;
mod limits;
mod sniff;
mod trust;

pub use address::is_public;
pub use card::says;
pub use limits::{
    Checked, allowed_text, caption_utf16_max, check_claimed, check_outgoing, fetch_bytes_max, is_shown_inline,
};
pub use sniff::{OCTET_STREAM, Sniffed, sniff};
pub use trust::{NotTrusted, Source, Trusted, Way, telegram_file, twilio_media};
