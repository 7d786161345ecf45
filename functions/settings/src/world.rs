//! What the function works with.

use ports::{Clock, Identity, MessengerTransport, Push, Queues, Random, Secrets, Store};

/// The ports that the function needs, by one name.
pub trait World {
    /// State.
    type Store: Store;
    /// Hints to other functions.
    type Queues: Queues;
    /// The operators' windows, to close them.
    type Push: Push;
    /// The time.
    type Clock: Clock;
    /// Ids and webhook secrets.
    type Random: Random;
    /// Who calls.
    type Identity: Identity;
    /// Channels' tokens.
    type Secrets: Secrets;
    /// The messengers.
    type Messengers: MessengerTransport;

    /// See [`World::Store`].
    fn store(&self) -> &Self::Store;
    /// See [`World::Queues`].
    fn queues(&self) -> &Self::Queues;
    /// See [`World::Push`].
    fn push(&self) -> &Self::Push;
    /// See [`World::Clock`].
    fn clock(&self) -> &Self::Clock;
    /// See [`World::Random`].
    fn random(&self) -> &Self::Random;
    /// See [`World::Identity`].
    fn identity(&self) -> &Self::Identity;
    /// See [`World::Secrets`].
    fn secrets(&self) -> &Self::Secrets;
    /// See [`World::Messengers`].
    fn messengers(&self) -> &Self::Messengers;
    /// The API's own address, with its stage: `SiteUrl` when nobody set one (C4).
    fn public_url(&self) -> &str;
    /// Where Facebook's sign-in dialog is (C5).
    fn facebook_dialog_url(&self) -> &str;
    /// The origins whose pages may call the API, separated by commas.
    fn allowed_origins(&self) -> &str;
}

/// A world of parts.
pub struct Parts<S, Q, P, C, R, I, K, T> {
    /// See [`World::Store`].
    pub store: S,
    /// See [`World::Queues`].
    pub queues: Q,
    /// See [`World::Push`].
    pub push: P,
    /// See [`World::Clock`].
    pub clock: C,
    /// See [`World::Random`].
    pub random: R,
    /// See [`World::Identity`].
    pub identity: I,
    /// See [`World::Secrets`].
    pub secrets: K,
    /// See [`World::Messengers`].
    pub messengers: T,
    /// See [`World::public_url`].
    pub public_url: String,
    /// See [`World::facebook_dialog_url`].
    pub facebook_dialog_url: String,
    /// See [`World::allowed_origins`].
    pub allowed_origins: String,
}

impl<S, Q, P, C, R, I, K, T> World for Parts<S, Q, P, C, R, I, K, T>
where
    S: Store,
    Q: Queues,
    P: Push,
    C: Clock,
    R: Random,
    I: Identity,
    K: Secrets,
    T: MessengerTransport,
{
    type Store = S;
    type Queues = Q;
    type Push = P;
    type Clock = C;
    type Random = R;
    type Identity = I;
    type Secrets = K;
    type Messengers = T;

    fn store(&self) -> &S {
        &self.store
    }
    fn queues(&self) -> &Q {
        &self.queues
    }
    fn push(&self) -> &P {
        &self.push
    }
    fn clock(&self) -> &C {
        &self.clock
    }
    fn random(&self) -> &R {
        &self.random
    }
    fn identity(&self) -> &I {
        &self.identity
    }
    fn secrets(&self) -> &K {
        &self.secrets
    }
    fn messengers(&self) -> &T {
        &self.messengers
    }
    fn public_url(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
    fn facebook_dialog_url(&self) -> &str {
        &self.facebook_dialog_url
    }
    fn allowed_origins(&self) -> &str {
        &self.allowed_origins
    }
}
