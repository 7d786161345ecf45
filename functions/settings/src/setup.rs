//! Set-ups that take several calls: how far a person's is, between them.

use ports::records::{decode_setup, put_setup};
use ports::secrets::Secret;
use ports::store::Key;
use ports::{Principal, SecretError, Secrets, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::answer::Fault;
use crate::{Settings, World};

/// SHA-256 in hex: the form in which states and subjects are stored.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Whose a set-up is.
pub(crate) fn who(principal: &Principal) -> String {
    hash(&principal.subject)
}

impl<W: World> Settings<W> {
    /// The set-up that is under way, with its revision.
    pub(crate) async fn underway<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<(u64, T)>, Fault> {
        let rows = self.world.store().get(std::slice::from_ref(key)).await?;
        Ok(rows.first().and_then(Option::as_ref).map(decode_setup).transpose()?)
    }

    /// How far it is now. Whoever was slower with the same set-up has to begin the call again.
    pub(crate) async fn put_underway(&self, key: &Key, before: u64, setup: &impl Serialize) -> Result<(), Fault> {
        match self.world.store().commit(&[put_setup(key.clone(), before, setup)]).await {
            Err(StoreError::ConditionFailed(_)) => Err(StoreError::Conflict.into()),
            done => Ok(done?),
        }
    }

    /// A secret that may not be there.
    pub(crate) async fn secret_if_any(&self, name: &str) -> Result<Option<Secret>, Fault> {
        match self.world.secrets().channel_token(name).await {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
