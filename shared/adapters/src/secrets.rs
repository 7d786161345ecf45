//! Secrets, in Secrets Manager.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use ports::secrets::Secret;
use ports::{Clock, SecretError, Secrets};

use crate::clock::SystemClock;
use crate::fault;

/// How long a secret is served without asking again, milliseconds.
const FRESH_MS: i64 = 60_000;
/// How long a stale one is served before the store that didn't answer is asked again, milliseconds.
const PAUSE_MS: i64 = 10_000;

/// Reads and keeps secrets.
#[derive(Clone, Debug)]
pub struct ManagedSecrets {
    client: Client,
    stack_secret_arn: String,
    channel_prefix: String,
    /// `None`: the store is asked each time.
    cache: Option<Cache>,
}

impl ManagedSecrets {
    /// The stack's secret by its ARN; channels' below a prefix that ends with a slash.
    pub fn new(client: Client, stack_secret_arn: &str, channel_prefix: &str) -> Self {
        Self {
            client,
            stack_secret_arn: stack_secret_arn.to_owned(),
            channel_prefix: channel_prefix.to_owned(),
            cache: Some(Cache::default()),
        }
    }

    /// The same, without a memory: for who changes secrets beside other processes that do, and is to act on what they are now.
    #[must_use]
    pub fn without_memory(self) -> Self {
        Self { cache: None, ..self }
    }

    fn token_name(&self, channel: &str) -> String {
        format!("{}{channel}/token", self.channel_prefix)
    }

    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        let Some(cache) = &self.cache else { return self.fetch(name).await };
        let now_ms = SystemClock.now_ms();
        if let Some(secret) = cache.fresh(name, now_ms) {
            return Ok(secret);
        }
        let fetched = self.fetch(name).await;
        cache.settle(name, now_ms, fetched)
    }

    async fn fetch(&self, name: &str) -> Result<Secret, SecretError> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => answer.secret_string.map(Secret::new).ok_or(SecretError::Missing),
            Err(error) => Err(match error.as_service_error() {
                Some(GetSecretValueError::ResourceNotFoundException(_)) => SecretError::Missing,
                _ => SecretError::Unavailable(fault::text(&error)),
            }),
        }
    }

    async fn create(&self, name: &str, token: &Secret) -> Result<(), SecretError> {
        let created = self.client.create_secret().name(name).secret_string(token.reveal()).send().await;
        created.map(|_| ()).map_err(|error| SecretError::Unavailable(fault::text(&error)))
    }
}

impl Secrets for ManagedSecrets {
    async fn stack_key(&self) -> Result<Secret, SecretError> {
        self.read(&self.stack_secret_arn).await
    }

    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError> {
        self.read(&self.token_name(channel)).await
    }

    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError> {
        let name = self.token_name(channel);
        let fetched = self.fetch(&name).await;
        match &self.cache {
            Some(cache) => cache.renew(&name, SystemClock.now_ms(), fetched),
            None => fetched,
        }
    }

    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError> {
        let name = self.token_name(channel);
        let put = self.client.put_secret_value().secret_id(&name).secret_string(token.reveal()).send().await;
        match put {
            Ok(_) => {}
            Err(error)
                if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                self.create(&name, token).await?;
            }
            Err(error) => return Err(SecretError::Unavailable(fault::text(&error))),
        }
        if let Some(cache) = &self.cache {
            cache.keep(&name, SystemClock.now_ms(), token.clone());
        }
        Ok(())
    }

    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError> {
        let name = self.token_name(channel);
        if let Some(cache) = &self.cache {
            cache.forget(&name);
        }
        // At once, so that a channel made again under the same id can keep its token under the same name.
        let delete = self.client.delete_secret().secret_id(&name).force_delete_without_recovery(true);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(DeleteSecretError::is_resource_not_found_exception) => {
                Ok(())
            }
            Err(error) => Err(SecretError::Unavailable(fault::text(&error))),
        }
    }
}

/// Secrets by name, with the time until which each is served without asking; shared by the clones of its owner.
#[derive(Clone, Debug, Default)]
struct Cache(Arc<Mutex<HashMap<String, (Secret, i64)>>>);

impl Cache {
    fn map(&self) -> MutexGuard<'_, HashMap<String, (Secret, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, name: &str, now_ms: i64) -> Option<Secret> {
        self.map().get(name).filter(|(_, until_ms)| now_ms < *until_ms).map(|(secret, _)| secret.clone())
    }

    fn keep(&self, name: &str, now_ms: i64, secret: Secret) {
        self.map().insert(name.to_owned(), (secret, now_ms + FRESH_MS));
    }

    fn forget(&self, name: &str) {
        self.map().remove(name);
    }

    /// What a reader gets who asks for no other than the present one.
    fn renew(&self, name: &str, now_ms: i64, fetched: Result<Secret, SecretError>) -> Result<Secret, SecretError> {
        match fetched {
            Err(error @ SecretError::Unavailable(_)) => Err(error),
            told => self.settle(name, now_ms, told),
        }
    }

    /// What a reader gets after the store was asked: without an answer, what was known before.
    fn settle(&self, name: &str, now_ms: i64, fetched: Result<Secret, SecretError>) -> Result<Secret, SecretError> {
        match fetched {
            Ok(secret) => {
                self.keep(name, now_ms, secret.clone());
                Ok(secret)
            }
            Err(SecretError::Missing) => {
                self.forget(name);
                Err(SecretError::Missing)
            }
            Err(error @ SecretError::Unavailable(_)) => match self.map().get_mut(name) {
                Some((secret, until_ms)) => {
                    tracing::warn!(%error, "a secret is served stale");
                    *until_ms = now_ms + PAUSE_MS;
                    Ok(secret.clone())
                }
                None => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Result<Secret, SecretError> {
        Err(SecretError::Unavailable("no answer".into()))
    }

    #[test]
    fn a_secret_is_fresh_for_a_minute() {
        let cache = Cache::default();
        assert_eq!(cache.fresh("a", 0), None);
        assert_eq!(cache.settle("a", 0, Ok(Secret::new("1"))), Ok(Secret::new("1")));
        assert_eq!(cache.fresh("a", 59_999), Some(Secret::new("1")));
        assert_eq!(cache.fresh("a", 60_000), None);
        assert_eq!(cache.fresh("b", 0), None);
    }

    #[test]
    fn without_an_answer_the_last_known_one_is_served() {
        let cache = Cache::default();
        assert_eq!(cache.settle("a", 0, unavailable()), unavailable());
        cache.keep("a", 0, Secret::new("1"));
        assert_eq!(cache.settle("a", 70_000, unavailable()), Ok(Secret::new("1")));
        assert_eq!(cache.fresh("a", 79_999), Some(Secret::new("1")), "not asked again at once");
        assert_eq!(cache.fresh("a", 80_000), None, "but soon");
    }

    #[test]
    fn a_secret_that_is_no_more_is_not_served() {
        let cache = Cache::default();
        cache.keep("a", 0, Secret::new("1"));
        assert_eq!(cache.settle("a", 70_000, Err(SecretError::Missing)), Err(SecretError::Missing));
        assert_eq!(cache.settle("a", 70_001, unavailable()), unavailable());
    }

    #[test]
    fn who_asks_for_the_present_one_gets_no_other() {
        let cache = Cache::default();
        cache.keep("a", 0, Secret::new("1"));
        assert_eq!(cache.renew("a", 1_000, unavailable()), unavailable());
        assert_eq!(cache.fresh("a", 1_000), Some(Secret::new("1")));
        assert_eq!(cache.renew("a", 2_000, Ok(Secret::new("2"))), Ok(Secret::new("2")));
        assert_eq!(cache.fresh("a", 61_999), Some(Secret::new("2")), "remembered from now on");
        assert_eq!(cache.renew("a", 3_000, Err(SecretError::Missing)), Err(SecretError::Missing));
        assert_eq!(cache.fresh("a", 3_000), None);
    }

    #[test]
    fn the_cache_prints_no_secret() {
        let cache = Cache::default();
        cache.keep("a", 0, Secret::new("hush"));
        assert!(!format!("{cache:?}").contains("hush"));
    }
}
