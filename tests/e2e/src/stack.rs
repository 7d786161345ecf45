//! The description of a running stack, as `make up` writes it.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

/// The environment variable that names the description's file.
pub const VARIABLE: &str = "SWITCHBOARD_STACK";

/// A running stack.
#[derive(Clone, Debug, Deserialize)]
pub struct Stack {
    /// The HTTP API.
    pub api_url: String,
    /// The operators' WebSocket API.
    pub websocket_url: String,
    /// The web console, where there is one.
    pub console_url: Option<String>,
    /// The OpenID Connect client that people sign in by.
    pub client_id: String,
    /// People who can sign in.
    pub users: Vec<SignIn>,
    /// The messengers' simulators.
    pub simulators: Simulators,
    /// An origin from which browsers may connect.
    #[serde(default)]
    pub origin: Option<String>,
    /// The local AWS.
    pub aws_endpoint: String,
    /// Its region.
    pub aws_region: String,
    /// Where the functions log, where they do so on this machine.
    pub logs: Option<String>,
    /// The outputs of the template.
    pub outputs: BTreeMap<String, String>,
}

/// Where the messengers' simulators are.
#[derive(Clone, Debug, Deserialize)]
pub struct Simulators {
    /// Telegram's Bot API.
    pub telegram: String,
    /// Facebook's Graph API.
    pub messenger: String,
    /// Twilio's APIs.
    pub whatsapp: String,
}

/// Somebody's sign-in.
#[derive(Clone, Debug, Deserialize)]
pub struct SignIn {
    /// E-mail address, which is the user name.
    pub email: String,
    /// Password.
    pub password: String,
    /// Name.
    pub name: String,
    /// Groups.
    pub rights: Vec<String>,
}

impl Stack {
    /// The stack that the environment names; the text says what is wrong with it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test program has no runtime::config: the variable is its only input"
    )]
    pub fn read() -> Result<Self, String> {
        let path = std::env::var(VARIABLE).map_err(|_| {
            format!("{VARIABLE} does not name a stack's description; `make up` writes .local/stack.json")
        })?;
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read ({error}); is the stack up?"))?;
        serde_json::from_str(&text).map_err(|error| format!("{path} is not a stack's description: {error}"))
    }

    /// The stack that the environment names.
    pub fn load() -> Self {
        Self::read().unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// An output of the template.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the template has no output {name}"))
    }

    /// The first person with this right.
    pub fn with_right(&self, right: &str) -> &SignIn {
        let found = self.users.iter().find(|user| user.rights.iter().any(|has| has == right));
        found.unwrap_or_else(|| panic!("the stack has nobody with the right {right}"))
    }
}
