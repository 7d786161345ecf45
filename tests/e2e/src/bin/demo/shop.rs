//! What the demonstration needs in the system; made where it is missing, so that a second run finds it.

use domain::config::{Queue, Role, Rule, User};
use e2e::Stack;
use e2e::stack::SignIn;
use e2e::world::{Ground, draft};
use wire::http::{Operators, Queues, RoleDraft, Roles, UserDraft};

use crate::doors::{self, Doors, NUMBER, PAGE, USERNAME};
use crate::say;

/// The queue and the role that serves it.
const QUEUE: &str = "Support";
const ROLE: &str = "Support agents";
/// A chat closes so many minutes after the last reply.
const AUTO_CLOSE_MIN: u32 = 30;

/// The shop: who answers, and where customers write.
pub(crate) struct Shop {
    /// The queue.
    pub(crate) queue: Queue,
    /// Where customers write.
    pub(crate) doors: Doors,
    /// The operators, with their sign-ins.
    pub(crate) operators: Vec<(SignIn, User)>,
}

/// Opens the shop.
pub(crate) async fn open(ground: &Ground) -> Shop {
    let role = role(ground).await;
    let queue = queue(ground, &role).await;
    let mut operators = Vec::new();
    for who in ground.stack.users.iter().filter(|user| user.rights.is_empty()) {
        operators.push((who.clone(), operator(ground, who, &role).await));
    }
    let doors = doors::open(ground, &queue).await;
    say(
        "shop",
        &format!("queue \"{QUEUE}\", {} operators; a bot, a page and a number are bound to it", operators.len()),
    );
    Shop { queue, doors, operators }
}

async fn role(ground: &Ground) -> Role {
    let found: Roles = ground.manager.get("/api/roles").await.read();
    match found.roles.into_iter().find(|role| role.name == ROLE) {
        Some(role) => role,
        None => ground.manager.post("/api/roles", &RoleDraft { name: ROLE.to_owned() }).await.read(),
    }
}

async fn queue(ground: &Ground, role: &Role) -> Queue {
    let found: Queues = ground.manager.get("/api/queues").await.read();
    if let Some(queue) = found.queues.into_iter().find(|queue| queue.name == QUEUE) {
        return queue;
    }
    let mut draft = draft(Rule::MostFree);
    QUEUE.clone_into(&mut draft.name);
    draft.roles.push(role.id.clone());
    draft.auto_close_min = Some(AUTO_CLOSE_MIN);
    ground.queue(&draft).await
}

async fn operator(ground: &Ground, who: &SignIn, role: &Role) -> User {
    let mut after = String::new();
    loop {
        let page: Operators = ground.manager.get(&format!("/api/operators?limit=100{after}")).await.read();
        if let Some(user) = page.operators.into_iter().find(|user| user.email == who.email) {
            return user;
        }
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let roles = vec![role.id.clone()];
    let draft = UserDraft { email: who.email.clone(), name: who.name.clone(), roles, own_limit: None };
    ground.manager.post("/api/operators", &draft).await.read()
}

impl Shop {
    /// Where everything is, for a person.
    pub(crate) fn addresses(&self, stack: &Stack) -> String {
        let names: Vec<&str> = self.operators.iter().map(|(who, _)| who.name.as_str()).collect();
        let console = stack.console_url.as_deref().unwrap_or("none yet");
        let simulators = &stack.simulators;
        format!(
            "\nWrite as a customer:  {}/?bot={USERNAME}&customer=You\n\
             \x20                     {}/?page={PAGE}&customer=You\n\
             \x20                     {}/?number={}&customer=You\n\
             Who answers:          {} (queue \"{}\")\n\
             HTTP API:             {}\n\
             WebSocket API:        {}\n\
             Console:              {console}\n\
             Ctrl-C ends the demonstration.\n",
            simulators.telegram,
            simulators.messenger,
            simulators.whatsapp,
            NUMBER.replace('+', "%2B"),
            names.join(", "),
            self.queue.name,
            stack.api_url,
            stack.websocket_url,
        )
    }
}
