//! Customers, operators and administrators, who do anything at any time.

use domain::{ChatId, OperatorId};
use fakes::world::id;

use crate::simulation::Simulation;

/// Who there may be.
const NAMES: [&str; 3] = ["anna", "ben", "cora"];

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Customers write, edit, block.
    Customers,
    /// Operators work.
    Operators,
    /// Windows come and go.
    Windows,
    /// Administrators change things.
    Administrators,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Customers, Self::Operators, Self::Windows, Self::Administrators];
}

impl Simulation {
    /// Somebody does something, at times to what is under way.
    pub(crate) fn act(&mut self) {
        let rng = &self.services.rng;
        let acts: Vec<_> = Actor::ALL.into_iter().zip(self.habits.acts).collect();
        let Some(actor) = rng.weighted(&acts, |_| true) else { return };
        if self.options.without.contains(&actor) {
            return;
        }
        let about = if rng.chance(self.habits.meddles) { self.under_way() } else { None };
        match actor {
            Actor::Customers => self.customer_acts(about.as_ref().map(|chat| &chat.conversation)),
            Actor::Operators => self.operator_acts(about.as_ref()),
            Actor::Windows => self.window_acts(),
            Actor::Administrators => self.administrator_acts(),
        }
    }

    /// A chat about which an invocation is under way.
    fn under_way(&self) -> Option<ChatId> {
        if let Some((until_ms, chat)) = &self.moment
            && self.services.now_ms() <= *until_ms
        {
            return Some(chat.clone());
        }
        let about: Vec<&ChatId> = self.live.iter().filter_map(|live| live.about.as_ref()).collect();
        self.services.rng.pick(&about).map(|chat| (*chat).clone())
    }

    /// Those who work.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        NAMES.into_iter().take(self.habits.operators).collect()
    }

    /// One of them.
    pub(crate) fn someone(&self) -> OperatorId {
        id(self.services.rng.pick(&self.names()).copied().unwrap_or("anna"))
    }
}
