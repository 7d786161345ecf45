//! A tiny transactional store: read some rows, look along one key, commit a set of conditional writes.

use serde_json::{Map, Value};

/// The most keys of one [`Store::get`] (DynamoDB `BatchGetItem` takes 100).
pub const GET_KEYS_MAX: usize = 100;
/// The most writes of one [`Store::commit`] (DynamoDB `TransactWriteItems` takes 100).
pub const COMMIT_WRITES_MAX: usize = 100;
/// The most rows of one page of a [`Store::query`].
pub const QUERY_ROWS_MAX: u32 = 200;
/// How often one commit is tried again after a transaction conflict, with jitter, before it is handed back.
pub const CONFLICT_RETRIES_MAX: u32 = 5;

/// The stack's tables. Webhooks may read `Config` and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Queues, channels, people, settings.
    Config,
    /// Chats, messages, operators' state, the waiting line.
    Work,
}

/// The indexes, for lists and sweeps only: they lag, so no decision reads one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// `due_shard` / `due_at`: what a sweep has to look at.
    Due,
    /// `by_queue` / `opened_at`.
    ByQueue,
    /// `by_operator` / `opened_at`.
    ByOperator,
    /// `by_channel` / `opened_at`.
    ByChannel,
    /// `by_month` / `opened_at`.
    ByMonth,
}

impl Index {
    /// Its name in the table's definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::ByQueue => "byQueue",
            Self::ByOperator => "byOperator",
            Self::ByChannel => "byChannel",
            Self::ByMonth => "byMonth",
        }
    }

    /// The attribute, a text, that is its partition key. A row without it or without [`Index::sort`] isn't in the index.
    pub fn partition(self) -> &'static str {
        match self {
            Self::Due => "due_shard",
            Self::ByQueue => "by_queue",
            Self::ByOperator => "by_operator",
            Self::ByChannel => "by_channel",
            Self::ByMonth => "by_month",
        }
    }

    /// The attribute, a whole number, that is its sort key.
    pub fn sort(self) -> &'static str {
        match self {
            Self::Due => "due_at",
            _ => "opened_at",
        }
    }

    /// All of them; the config table has none.
    pub const ALL: [Self; 5] = [Self::Due, Self::ByQueue, Self::ByOperator, Self::ByChannel, Self::ByMonth];
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which table.
    pub table: Table,
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    /// A key of the work table.
    pub fn work(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { table: Table::Work, pk: pk.into(), sk: sk.into() }
    }

    /// A key of the config table.
    pub fn config(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { table: Table::Config, pk: pk.into(), sk: sk.into() }
    }
}

/// The attributes of a row, without its key. Values are JSON: strings, whole numbers (i64), booleans, null, lists, maps;
/// no fractions, since engines print them differently. Attributes of an [`Index`] are texts that are not empty, or numbers: to
/// leave a row out of an index, leave the attribute out (a null is refused). All that is refused stands in [`crate::rules`].
pub type Attributes = Map<String, Value>;

/// A row as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// Its attributes; of an index that holds keys only: none but the index's own.
    pub attributes: Attributes,
}

/// What must hold of a row, as it is before the commit, for the commit to happen. It names top-level attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// There is no such row.
    Absent,
    /// There is such a row.
    Exists,
    /// The attribute is there and equals the value.
    Is(&'static str, Value),
    /// The attribute is absent or differs from the value.
    IsNot(&'static str, Value),
    /// The attribute is a number above this.
    Above(&'static str, i64),
    /// The attribute is absent or a number at or below this.
    AbsentOrAtMost(&'static str, i64),
    /// All of them hold.
    All(Vec<Condition>),
}

/// One write of a commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Put the whole row in place of what is there.
    Put {
        /// Which row.
        key: Key,
        /// Its attributes.
        attributes: Attributes,
        /// What must hold before.
        condition: Option<Condition>,
    },
    /// Set some attributes of a row and remove others (at least one in all, none both); the row comes into being if it was absent and no condition says otherwise.
    Update {
        /// Which row.
        key: Key,
        /// Top-level attributes to set.
        set: Attributes,
        /// Top-level attributes to remove.
        remove: Vec<&'static str>,
        /// What must hold before.
        condition: Option<Condition>,
    },
    /// Remove a row; an absent row is no error unless the condition says so.
    Delete {
        /// Which row.
        key: Key,
        /// What must hold before.
        condition: Option<Condition>,
    },
    /// Only check.
    Check {
        /// Which row.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

impl Write {
    /// The row that it touches.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Update { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => {
                key
            }
        }
    }

    /// What it demands.
    pub fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Put { condition, .. } | Self::Update { condition, .. } | Self::Delete { condition, .. } => {
                condition.as_ref()
            }
            Self::Check { condition, .. } => Some(condition),
        }
    }
}

/// Which sort keys (of an index: which numbers) a query covers; all bounds are inclusive. Texts are not empty, and a range
/// does not end before it begins: such a query is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// All.
    All,
    /// Sort keys that begin with this. Base table only.
    Prefix(String),
    /// Sort keys from the first to the second, in byte order. Base table only.
    Between(String, String),
    /// The index's number is at most this. Index only.
    AtMost(i64),
}

/// A look along one partition key.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Which table.
    pub table: Table,
    /// `None` = the base table, read strongly consistent.
    pub index: Option<Index>,
    /// The partition key (of the index, if one is named).
    pub pk: String,
    /// Which part of it.
    pub range: Range,
    /// Highest first.
    pub descending: bool,
    /// The most rows wanted, 1 to [`QUERY_ROWS_MAX`].
    pub limit: u32,
    /// Where the page before ended ([`Page::next`]).
    pub after: Option<Cursor>,
}

/// Where a page ended: opaque, safe to hand to a client and to take back, but not to be trusted to mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Page {
    /// In the order asked for.
    pub rows: Vec<Row>,
    /// There may be more (never set when there is surely none; the next page may still be empty).
    pub next: Option<Cursor>,
}

/// Why a read or a commit did not happen. Nothing is half written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Conditions that did not hold, by the index of the write: load and decide again.
    #[error("condition failed at {0:?}")]
    ConditionFailed(Vec<usize>),
    /// Other transactions were in the way, [`CONFLICT_RETRIES_MAX`] times over: hand it back.
    #[error("transaction conflict")]
    Conflict,
    /// The store asked to slow down: hand it back.
    #[error("throttled")]
    Throttled,
    /// The store did not answer or answered with a fault. A commit may or may not have happened.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The request itself cannot be: too many items, an item too large, a row that cannot be read as what it should be.
    #[error("refused by the store: {0}")]
    Refused(String),
}

impl StoreError {
    /// Trying the very same later may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Unavailable(_))
    }
}

/// The store.
pub trait Store {
    /// The rows of these keys, in their order, `None` for an absent one; strongly consistent, one request whatever their
    /// number (1 to [`GET_KEYS_MAX`]; keys may be of both tables; a key may repeat).
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError>;

    /// One page of one query: one request.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// All of the writes or none (1 to [`COMMIT_WRITES_MAX`], each of another row): one request, but for conflicts.
    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError>;
}

impl<T: Store> Store for &T {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        (**self).get(keys).await
    }
    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        (**self).query(query).await
    }
    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        (**self).commit(writes).await
    }
}
