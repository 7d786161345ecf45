//! The operators' windows, as they come, speak and go.

use domain::OperatorId;
use serde_json::{Value, json};

use crate::functions::{Event, Source};
use crate::services::Window;
use crate::simulation::Simulation;

/// So many of the last requests may be asked again: a chat remembers `REQUESTS_MAX` of those that changed it, and more than
/// these may come to it before the repeated one does.
const REPEATED_MAX: usize = 3;

impl Simulation {
    /// A frame of a window.
    pub(crate) fn frame(&mut self, window: &str, operator: &OperatorId, request: &str, command: Value) {
        let action = command["action"].as_str().unwrap_or_default().to_owned();
        self.services.tell(|| format!("{operator} asks {request} by {window}: {command}"));
        self.services.model.borrow_mut().asked.insert(request.to_owned(), (operator.clone(), action));
        let mut body = command.clone();
        body["request_id"] = json!(request);
        self.asked.push_back((operator.clone(), request.to_owned(), command));
        if self.asked.len() > REPEATED_MAX {
            self.asked.pop_front();
        }
        let event = self.socket("MESSAGE", window, operator, Some(&body.to_string()));
        self.begin(Event::Frame(event), Source::Nobody);
    }

    fn socket(&self, kind: &str, window: &str, operator: &OperatorId, body: Option<&str>) -> Value {
        let route = if kind == "DISCONNECT" { "$disconnect" } else { "$default" };
        let until = self.services.windows.borrow().get(window).map_or(0, |window| window.until_ms);
        json!({
            "requestContext": {
                "routeKey": route, "eventType": kind, "connectionId": window, "connectedAt": 1, "requestTimeEpoch": 1,
                "messageDirection": "IN", "authorizer": { "operator": operator, "auth_until_ms": until.to_string() },
            },
            "body": body,
        })
    }

    pub(crate) fn window_acts(&mut self) {
        let me = self.someone();
        match (self.services.rng.below(10), self.window_of(&me)) {
            (0..6, _) | (_, None) => self.open_window(&me),
            (_, Some(window)) => self.close_window(&window, &me),
        }
    }

    /// An operator signs in, for a new window.
    pub(crate) fn open_window(&mut self, me: &OperatorId) {
        let open = self.services.windows.borrow().values().filter(|one| one.open && one.operator == *me).count();
        if open >= 4 {
            return;
        }
        self.requests += 1;
        let name = format!("{me}-{}", self.requests);
        self.services.tell(|| format!("{me} signs in for {name}"));
        self.begin(Event::SignIn(me.clone(), name), Source::Nobody);
    }

    /// Windows that were let in say hello.
    pub(crate) fn say_hello(&mut self) {
        let admitted = self.services.admitted.take();
        for (name, operator, until_ms) in admitted {
            self.requests += 1;
            let request = format!("q{}", self.requests);
            let window = Window { operator: operator.clone(), open: true, until_ms, pinged_ms: self.services.now_ms() };
            self.services.windows.borrow_mut().insert(name.clone(), window);
            self.frame(&name, &operator, &request, json!({ "action": "hello" }));
        }
    }

    pub(crate) fn close_window(&mut self, window: &str, me: &OperatorId) {
        self.services.tell(|| format!("{me} loses {window}"));
        if let Some(window) = self.services.windows.borrow_mut().get_mut(window) {
            window.open = false;
        }
        if !self.services.hit(crate::faults::Fault::DisconnectLost) {
            let event = self.socket("DISCONNECT", window, me, None);
            self.begin(Event::Frame(event), Source::Nobody);
        }
    }
}
