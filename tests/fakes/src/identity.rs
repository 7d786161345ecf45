//! Tokens that a test gives out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ports::{Identity, IdentityError, Principal};

use crate::faults::Faults;

/// Knows people by tokens that a test gave them.
#[derive(Clone, Debug, Default)]
pub struct FakeIdentity(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    people: RefCell<HashMap<String, Principal>>,
    faults: Faults<IdentityError>,
}

impl FakeIdentity {
    /// This token is this person's, until it expires.
    pub fn know(&self, token: &str, principal: Principal) {
        self.0.people.borrow_mut().insert(token.to_owned(), principal);
    }

    /// The next `n` verifications end with this.
    pub fn fail_next(&self, n: usize, error: &IdentityError) {
        self.0.faults.add(n, error);
    }
}

impl Identity for FakeIdentity {
    async fn verify(&self, token: &str, now_ms: i64) -> Result<Principal, IdentityError> {
        self.0.faults.check()?;
        match self.0.people.borrow().get(token) {
            None => Err(IdentityError::Refused("unknown token")),
            Some(principal) if principal.expires_at_ms <= now_ms => Err(IdentityError::Refused("expired")),
            Some(principal) => Ok(principal.clone()),
        }
    }
}
