//! The addresses of the API, and what may go wrong at each.

use super::Code;

/// What there is to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A ticket to open a connection with.
    Ticket,
    /// Closes the caller's connections.
    SignOut,
    /// All queues.
    ListQueues,
    /// A new queue.
    CreateQueue,
    /// One queue.
    GetQueue,
    /// Changes a queue.
    PutQueue,
    /// Deletes a queue.
    DeleteQueue,
    /// All roles.
    ListRoles,
    /// A new role.
    CreateRole,
    /// Changes a role.
    PutRole,
    /// Deletes a role.
    DeleteRole,
    /// A page of the people.
    ListOperators,
    /// Lets somebody in.
    CreateOperator,
    /// One person.
    GetOperator,
    /// Changes a person.
    PutOperator,
    /// All channels.
    ListChannels,
    /// Connects a Telegram bot (C4).
    ConnectTelegram,
    /// Connects a channel's bot again.
    ReconnectTelegram,
    /// Begins a sign-in to Facebook (C5).
    SignInMessenger,
    /// Ends it, and lists the person's pages.
    ListPages,
    /// Connects pages, new or again.
    ConnectMessenger,
    /// Verifies a WhatsApp number, and sends the code that confirms it (C7).
    ConnectWhatsapp,
    /// Connects the number, by that code.
    ConfirmWhatsapp,
    /// Connects a channel's number again.
    ReconnectWhatsapp,
    /// One channel.
    GetChannel,
    /// Changes a channel.
    PutChannel,
    /// Deletes a channel.
    DeleteChannel,
    /// Whether a channel's messages come here (C3).
    ChannelHealth,
    /// All settings.
    ListSettings,
    /// One setting.
    GetSetting,
    /// Changes a setting.
    PutSetting,
}

/// An address of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{…}` for what varies.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
    /// Whether it takes a body.
    pub body: bool,
    /// Whether it asks for [`CAN_MANAGE_CHATS`].
    pub managers: bool,
    /// What may go wrong, beside what may go wrong everywhere.
    pub own_errors: &'static [Code],
}

impl Route {
    /// Everything that may go wrong.
    pub fn errors(&self) -> Vec<Code> {
        let mut errors = vec![Code::TokenRefused, Code::Internal, Code::TryAgain];
        if self.managers {
            errors.push(Code::RightMissing);
        }
        if self.body {
            errors.extend([Code::BadRequest, Code::BodyTooLarge]);
        }
        errors.extend(self.own_errors);
        errors.sort_unstable();
        errors
    }
}

const fn route(
    method: &'static str,
    path: &'static str,
    operation: Operation,
    body: bool,
    own_errors: &'static [Code],
) -> Route {
    let managers = !matches!(operation, Operation::Ticket | Operation::SignOut);
    Route { method, path, operation, body, managers, own_errors }
}

/// What a change with `If-Match` may meet.
const CHANGE: [Code; 4] = [Code::NotFound, Code::VersionConflict, Code::InvalidValue, Code::PreconditionRequired];
/// What connecting a bot may meet.
const CONNECT: [Code; 7] = [
    Code::NotFound,
    Code::AccountTaken,
    Code::LimitReached,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::WebhookNotConfirmed,
    Code::TelegramUnavailable,
];
/// What connecting it again may meet.
const RECONNECT: [Code; 6] = [
    Code::NotFound,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::AccountDiffers,
    Code::WebhookNotConfirmed,
    Code::TelegramUnavailable,
];

/// What a sign-in to Facebook may meet.
const SIGN_IN: [Code; 2] = [Code::SettingsMissing, Code::InvalidValue];
/// What listing the pages may meet.
const PAGES: [Code; 5] = [
    Code::SettingsMissing,
    Code::InvalidValue,
    Code::SignInRefused,
    Code::PermissionMissing,
    Code::FacebookUnavailable,
];
/// What connecting pages may meet; what one of them meets is said beside it.
const CONNECT_PAGES: [Code; 6] = [
    Code::SettingsMissing,
    Code::InvalidValue,
    Code::SignInRefused,
    Code::PermissionMissing,
    Code::WebhookNotConfirmed,
    Code::FacebookUnavailable,
];
/// What verifying a number may meet.
const VERIFY: [Code; 9] = [
    Code::AccountTaken,
    Code::LimitReached,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::AccountInactive,
    Code::SenderNotOnline,
    Code::NotAParticipant,
    Code::ConfirmationNotSent,
    Code::TwilioUnavailable,
];
/// What connecting it may meet.
const CONFIRM: [Code; 12] = [
    Code::NotFound,
    Code::AccountTaken,
    Code::LimitReached,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::SenderNotOnline,
    Code::NotAParticipant,
    Code::ConfirmationNotSent,
    Code::ConfirmationRefused,
    Code::CodeWrong,
    Code::WebhookNotConfirmed,
    Code::TwilioUnavailable,
];
/// What connecting it again may meet.
const RECONNECT_NUMBER: [Code; 7] = [
    Code::NotFound,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::AccountInactive,
    Code::SenderNotOnline,
    Code::WebhookNotConfirmed,
    Code::TwilioUnavailable,
];

/// All of the API.
pub const ROUTES: [Route; 31] = [
    route("POST", "/api/ticket", Operation::Ticket, false, &[Code::NotAnOperator, Code::OperatorDisabled]),
    route("POST", "/api/sign-out", Operation::SignOut, false, &[]),
    route("GET", "/api/queues", Operation::ListQueues, false, &[]),
    route("POST", "/api/queues", Operation::CreateQueue, true, &[Code::InvalidValue, Code::LimitReached]),
    route("GET", "/api/queues/{id}", Operation::GetQueue, false, &[Code::NotFound]),
    route("PUT", "/api/queues/{id}", Operation::PutQueue, true, &CHANGE),
    route(
        "DELETE",
        "/api/queues/{id}",
        Operation::DeleteQueue,
        false,
        &[Code::NotFound, Code::QueueInUse, Code::VersionConflict],
    ),
    route("GET", "/api/roles", Operation::ListRoles, false, &[]),
    route("POST", "/api/roles", Operation::CreateRole, true, &[Code::InvalidValue, Code::LimitReached]),
    route("PUT", "/api/roles/{id}", Operation::PutRole, true, &CHANGE),
    route(
        "DELETE",
        "/api/roles/{id}",
        Operation::DeleteRole,
        false,
        &[Code::NotFound, Code::RoleInUse, Code::VersionConflict],
    ),
    route("GET", "/api/operators", Operation::ListOperators, false, &[Code::BadRequest]),
    route("POST", "/api/operators", Operation::CreateOperator, true, &[Code::InvalidValue, Code::EmailTaken]),
    route("GET", "/api/operators/{id}", Operation::GetOperator, false, &[Code::NotFound]),
    route("PUT", "/api/operators/{id}", Operation::PutOperator, true, &CHANGE),
    route("GET", "/api/channels", Operation::ListChannels, false, &[]),
    route("POST", "/api/channels/telegram", Operation::ConnectTelegram, true, &CONNECT),
    route("POST", "/api/channels/{id}/telegram", Operation::ReconnectTelegram, true, &RECONNECT),
    route("POST", "/api/channels/messenger/sign-in", Operation::SignInMessenger, true, &SIGN_IN),
    route("POST", "/api/channels/messenger/pages", Operation::ListPages, true, &PAGES),
    route("POST", "/api/channels/messenger", Operation::ConnectMessenger, true, &CONNECT_PAGES),
    route("POST", "/api/channels/whatsapp", Operation::ConnectWhatsapp, true, &VERIFY),
    route("POST", "/api/channels/whatsapp/confirm", Operation::ConfirmWhatsapp, true, &CONFIRM),
    route("POST", "/api/channels/{id}/whatsapp", Operation::ReconnectWhatsapp, true, &RECONNECT_NUMBER),
    route("GET", "/api/channels/{id}", Operation::GetChannel, false, &[Code::NotFound]),
    route("PUT", "/api/channels/{id}", Operation::PutChannel, true, &CHANGE),
    route(
        "DELETE",
        "/api/channels/{id}",
        Operation::DeleteChannel,
        false,
        &[Code::NotFound, Code::ChannelHasChats, Code::VersionConflict],
    ),
    route(
        "GET",
        "/api/channels/{id}/health",
        Operation::ChannelHealth,
        false,
        &[Code::NotFound, Code::TelegramUnavailable, Code::FacebookUnavailable, Code::TwilioUnavailable],
    ),
    route("GET", "/api/settings", Operation::ListSettings, false, &[]),
    route("GET", "/api/settings/{code}", Operation::GetSetting, false, &[Code::NotFound]),
    route("PUT", "/api/settings/{code}", Operation::PutSetting, true, &[Code::NotFound, Code::InvalidValue]),
];

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This, with what stood at the place that varies; empty if nothing does.
    Route(&'static Route, &'a str),
    /// Other methods only.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// Finds the route of a call.
pub fn find<'a>(method: &str, path: &'a str) -> Found<'a> {
    // The first that fits decides between a fixed address and one that varies ("telegram" is no channel's id).
    let fitting: Vec<_> =
        ROUTES.iter().filter_map(|route| fits(route.path, path).map(|varies| (route, varies))).collect();
    match fitting.iter().find(|(route, _)| route.method == method) {
        Some((route, varies)) => Found::Route(route, varies),
        None if fitting.is_empty() => Found::Nothing,
        None => Found::OtherMethods(fitting.iter().map(|(route, _)| route.method).collect()),
    }
}

/// What stands in the path where the pattern varies, if the path fits it; empty if nothing varies.
fn fits<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut varies = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(varies),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => varies = given,
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_the_table_says() {
        let check = |method: &str, path: &str, expected: Option<(Operation, &str)>| {
            let found = match find(method, path) {
                Found::Route(route, varies) => Some((route.operation, varies)),
                Found::OtherMethods(_) | Found::Nothing => None,
            };
            assert_eq!(found, expected, "{method} {path}");
        };
        check("GET", "/api/queues", Some((Operation::ListQueues, "")));
        check("PUT", "/api/queues/q-1", Some((Operation::PutQueue, "q-1")));
        check("POST", "/api/channels/telegram", Some((Operation::ConnectTelegram, "")));
        check("POST", "/api/channels/tg-1/telegram", Some((Operation::ReconnectTelegram, "tg-1")));
        check("POST", "/api/channels/messenger", Some((Operation::ConnectMessenger, "")));
        check("POST", "/api/channels/messenger/pages", Some((Operation::ListPages, "")));
        check("POST", "/api/channels/whatsapp/confirm", Some((Operation::ConfirmWhatsapp, "")));
        check("POST", "/api/channels/wa-1/whatsapp", Some((Operation::ReconnectWhatsapp, "wa-1")));
        check("GET", "/api/channels/tg-1/health", Some((Operation::ChannelHealth, "tg-1")));
        check("GET", "/api/queues/", None);
        check("GET", "/api/queues/q-1/x", None);
        check("GET", "/api", None);
        check("PATCH", "/api/queues", None);
        assert_eq!(find("PATCH", "/api/queues"), Found::OtherMethods(vec!["GET", "POST"]));
        assert_eq!(find("GET", "/"), Found::Nothing);
    }
}
