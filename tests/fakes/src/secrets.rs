//! Secrets that a test knows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ports::secrets::Secret;
use ports::{SecretError, Secrets};

use crate::faults::Faults;

/// The stack's key of the fake.
const STACK_KEY: &str = "a stack key for tests, of no worth";

/// Keeps channels' tokens in memory; the stack's key is always the same.
#[derive(Clone, Debug, Default)]
pub struct FakeSecrets(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tokens: RefCell<HashMap<String, Secret>>,
    remembered: RefCell<HashMap<String, Secret>>,
    faults: Faults<SecretError>,
}

impl FakeSecrets {
    /// The channel has this token.
    #[must_use]
    pub fn with_token(self, channel: &str, token: &str) -> Self {
        self.0.tokens.borrow_mut().insert(channel.to_owned(), Secret::new(token));
        self
    }

    /// Somebody still remembers this token of the channel, though it has another by now.
    pub fn remember(&self, channel: &str, token: &str) {
        self.0.remembered.borrow_mut().insert(channel.to_owned(), Secret::new(token));
    }

    /// The next `n` calls end with this.
    pub fn fail_next(&self, n: usize, error: &SecretError) {
        self.0.faults.add(n, error);
    }

    /// The call after `calls` good ones ends with this.
    pub fn fail_after(&self, calls: usize, error: &SecretError) {
        self.0.faults.add_after(calls, error);
    }

    /// The names of secrets that begin so, in order.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let tokens = self.0.tokens.borrow();
        let mut names: Vec<String> = tokens.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names.sort();
        names
    }

    /// The token of a channel, for a test to look at.
    pub fn token(&self, channel: &str) -> Option<String> {
        self.0.tokens.borrow().get(channel).map(|token| token.reveal().to_owned())
    }
}

impl Secrets for FakeSecrets {
    async fn stack_key(&self) -> Result<Secret, SecretError> {
        self.0.faults.check()?;
        Ok(Secret::new(STACK_KEY))
    }

    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError> {
        self.0.faults.check()?;
        let remembered = self.0.remembered.borrow().get(channel).cloned();
        remembered.or_else(|| self.0.tokens.borrow().get(channel).cloned()).ok_or(SecretError::Missing)
    }

    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError> {
        self.0.faults.check()?;
        self.0.remembered.borrow_mut().remove(channel);
        self.0.tokens.borrow().get(channel).cloned().ok_or(SecretError::Missing)
    }

    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError> {
        self.0.faults.check()?;
        self.0.tokens.borrow_mut().insert(channel.to_owned(), token.clone());
        Ok(())
    }

    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError> {
        self.0.faults.check()?;
        self.0.tokens.borrow_mut().remove(channel);
        Ok(())
    }
}
