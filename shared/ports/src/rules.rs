//! What every store refuses, and how it writes down where a page ended: once, so that an engine in memory and a real one
//! cannot differ in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{
    Attributes, COMMIT_WRITES_MAX, Condition, Cursor, GET_KEYS_MAX, Index, Key, QUERY_ROWS_MAX, Query, Range,
    StoreError, Table, Write,
};

/// The longest partition key, bytes (DynamoDB).
pub const PK_BYTES_MAX: usize = 2048;
/// The longest sort key, bytes (DynamoDB).
pub const SK_BYTES_MAX: usize = 1024;
/// The largest row with its key, bytes (DynamoDB: 400 KB).
pub const ROW_BYTES_MAX: usize = 400 * 1024;
/// The most that one commit writes, bytes (DynamoDB: 4 MB).
pub const COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How deep lists and maps may nest (DynamoDB).
pub const DEPTH_MAX: usize = 32;
/// The longest cursor that is looked at, bytes.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

fn refused<T>(why: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Refused(why.into()))
}

/// Whether these keys may be asked for.
pub fn check_get(keys: &[Key]) -> Result<(), StoreError> {
    if !(1..=GET_KEYS_MAX).contains(&keys.len()) {
        return refused(format!("{} keys", keys.len()));
    }
    keys.iter().try_for_each(check_key)
}

fn check_key(key: &Key) -> Result<(), StoreError> {
    check_key_text(&key.pk, PK_BYTES_MAX)?;
    check_key_text(&key.sk, SK_BYTES_MAX)
}

fn check_key_text(text: &str, bytes_max: usize) -> Result<(), StoreError> {
    if (1..=bytes_max).contains(&text.len()) { Ok(()) } else { refused(format!("a key of {} bytes", text.len())) }
}

/// Whether this may be asked for. A range that is empty by itself is refused: it is a mistake of the asker.
pub fn check_query(query: &Query) -> Result<(), StoreError> {
    check_key_text(&query.pk, PK_BYTES_MAX)?;
    if !(1..=QUERY_ROWS_MAX).contains(&query.limit) {
        return refused(format!("a limit of {}", query.limit));
    }
    if query.index.is_some() && query.table != Table::Work {
        return refused("only the work table has indexes");
    }
    match (&query.range, query.index) {
        (Range::All, _) | (Range::AtMost(_), Some(_)) => Ok(()),
        (Range::Prefix(prefix), None) => check_key_text(prefix, SK_BYTES_MAX),
        (Range::Between(from, to), None) => {
            check_key_text(from, SK_BYTES_MAX)?;
            check_key_text(to, SK_BYTES_MAX)?;
            if from > to { refused("a range that ends before it begins") } else { Ok(()) }
        }
        (Range::Prefix(_) | Range::Between(..), Some(_)) => refused("a range of text in an index of numbers"),
        (Range::AtMost(_), None) => refused("a range of numbers in a table of texts"),
    }
}

/// Whether these may be written together. What an update makes of a row that is there already (its size), only the store
/// itself can see.
pub fn check_commit(writes: &[Write]) -> Result<(), StoreError> {
    if !(1..=COMMIT_WRITES_MAX).contains(&writes.len()) {
        return refused(format!("{} writes", writes.len()));
    }
    let mut keys: Vec<&Key> = writes.iter().map(Write::key).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return refused("two writes of one row");
    }
    let mut bytes = 0;
    for write in writes {
        check_key(write.key())?;
        if let Some(condition) = write.condition() {
            check_condition(condition)?;
        }
        bytes += check_contents(write)?;
    }
    if bytes > COMMIT_BYTES_MAX { refused(format!("a commit of {bytes} bytes")) } else { Ok(()) }
}

fn check_condition(condition: &Condition) -> Result<(), StoreError> {
    match condition {
        Condition::Absent | Condition::Exists => Ok(()),
        Condition::Is(name, value) | Condition::IsNot(name, value) => {
            check_name(name)?;
            check_value(value, 1)
        }
        Condition::Above(name, _) | Condition::AbsentOrAtMost(name, _) => check_name(name),
        Condition::All(all) => all.iter().try_for_each(check_condition),
    }
}

fn check_contents(write: &Write) -> Result<usize, StoreError> {
    let attributes = match write {
        Write::Put { attributes, .. } => attributes,
        Write::Update { set, remove, .. } => {
            if set.is_empty() && remove.is_empty() {
                return refused("an update of nothing");
            }
            for name in remove {
                check_name(name)?;
                if set.contains_key(*name) {
                    return refused(format!("{name} both set and removed"));
                }
            }
            set
        }
        Write::Delete { .. } | Write::Check { .. } => return Ok(0),
    };
    check_attributes(write.key(), attributes)?;
    let bytes = row_bytes(write.key(), attributes);
    if bytes > ROW_BYTES_MAX { refused(format!("a row of {bytes} bytes")) } else { Ok(bytes) }
}

fn check_attributes(key: &Key, attributes: &Attributes) -> Result<(), StoreError> {
    for (name, value) in attributes {
        check_name(name)?;
        check_value(value, 1)?;
        if key.table == Table::Work {
            check_index_value(name, value)?;
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), StoreError> {
    match name {
        "" => refused("an attribute without a name"),
        "pk" | "sk" => refused("an attribute named like the key"),
        _ => Ok(()),
    }
}

/// An index takes texts and numbers: a null or an empty text there fails the write instead of leaving the row out.
fn check_index_value(name: &str, value: &Value) -> Result<(), StoreError> {
    if Index::ALL.iter().any(|index| index.partition() == name) {
        match value.as_str() {
            Some(text) => check_key_text(text, PK_BYTES_MAX),
            None => refused(format!("{name} of an index must be a text")),
        }
    } else if Index::ALL.iter().any(|index| index.sort() == name) && value.as_i64().is_none() {
        refused(format!("{name} of an index must be a number"))
    } else {
        Ok(())
    }
}

fn check_value(value: &Value, depth: usize) -> Result<(), StoreError> {
    if depth > DEPTH_MAX {
        return refused("a value that nests too deep");
    }
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if number.is_i64() => Ok(()),
        Value::Number(number) => refused(format!("{number} is not a whole number of 64 bits")),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, depth + 1)),
        Value::Object(map) if map.contains_key("") => refused("a value without a name"),
        Value::Object(map) => map.values().try_for_each(|item| check_value(item, depth + 1)),
    }
}

/// What a row counts, bytes, with its key; numbers at their most.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
pub fn row_bytes(key: &Key, attributes: &Attributes) -> usize {
    let names = "pk".len() + "sk".len();
    names
        + key.pk.len()
        + key.sk.len()
        + attributes.iter().map(|(name, value)| name.len() + value_bytes(value)).sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        // A byte for two digits, one more, and one for a sign: 19 digits at most.
        Value::Number(_) => 12,
        Value::String(text) => text.len(),
        Value::Array(items) => 3 + items.iter().map(|item| 1 + value_bytes(item)).sum::<usize>(),
        Value::Object(map) => 3 + map.iter().map(|(name, item)| 1 + name.len() + value_bytes(item)).sum::<usize>(),
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The index's name; none for a table.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// The partition key asked for.
    #[serde(rename = "p")]
    partition: String,
    /// The number in the index.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    /// The row's partition key.
    #[serde(rename = "k")]
    pk: String,
    /// The row's sort key.
    #[serde(rename = "s")]
    sk: String,
}

impl Place {
    /// The place of a row of this query's answer: of a table.
    pub fn of_table(query: &Query, sk: &str) -> Self {
        Self { index: None, partition: query.pk.clone(), number: None, pk: query.pk.clone(), sk: sk.to_owned() }
    }

    /// The place of a row of this query's answer: of an index.
    pub fn of_index(query: &Query, index: Index, number: i64, pk: &str, sk: &str) -> Self {
        let index = Some(index.name().to_owned());
        Self { index, partition: query.pk.clone(), number: Some(number), pk: pk.to_owned(), sk: sk.to_owned() }
    }

    /// The row's partition key.
    pub fn pk(&self) -> &str {
        &self.pk
    }

    /// The row's sort key.
    pub fn sk(&self) -> &str {
        &self.sk
    }

    /// The row's number in the index; there for a place in an index, and only there.
    pub fn number(&self) -> Option<i64> {
        self.number
    }

    /// As a cursor.
    pub fn to_cursor(&self) -> Cursor {
        Cursor(URL_SAFE_NO_PAD.encode(serde_json::to_string(self).expect("texts and numbers have a JSON form")))
    }

    /// The place that this query is to go on after, if it is to. A cursor may come from anybody: one that isn't a place of
    /// this very query (table's or index's partition and range) is refused.
    pub fn after(query: &Query) -> Result<Option<Self>, StoreError> {
        let Some(Cursor(text)) = &query.after else { return Ok(None) };
        let place = Some(text)
            .filter(|text| text.len() <= CURSOR_BYTES_MAX)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|json| serde_json::from_slice::<Self>(&json).ok())
            .filter(|place| place.belongs_to(query));
        if place.is_none() { refused("not a cursor of this query") } else { Ok(place) }
    }

    fn belongs_to(&self, query: &Query) -> bool {
        let texts = check_key_text(&self.pk, PK_BYTES_MAX).is_ok() && check_key_text(&self.sk, SK_BYTES_MAX).is_ok();
        let place = self.index.as_deref() == query.index.map(Index::name)
            && self.number.is_some() == query.index.is_some()
            && self.partition == query.pk
            && (query.index.is_some() || self.pk == query.pk);
        let range = match &query.range {
            Range::All => true,
            Range::Prefix(prefix) => self.sk.starts_with(prefix.as_str()),
            Range::Between(from, to) => (from..=to).contains(&&self.sk),
            Range::AtMost(most) => self.number.is_some_and(|number| number <= *most),
        };
        texts && place && range
    }
}
