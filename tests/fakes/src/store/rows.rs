//! The rows, and what is done to them at once.

use std::collections::BTreeMap;

use ports::StoreError;
use ports::rules::{Place, ROW_BYTES_MAX, row_bytes};
use ports::store::{Attributes, Condition, Index, Key, Page, Query, Range, Row, Table, Write};
use serde_json::Value;

/// A page of an engine ends after so many bytes (DynamoDB: 1 MB), whatever the limit.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// All rows, in the order of their keys: by table, then by the keys' bytes.
#[derive(Default)]
pub(super) struct Rows(BTreeMap<Key, Attributes>);

impl Rows {
    pub(super) fn get(&self, key: &Key) -> Option<&Attributes> {
        self.0.get(key)
    }

    pub(super) fn all(&self) -> Vec<Row> {
        self.0.iter().map(|(key, attributes)| Row { key: key.clone(), attributes: attributes.clone() }).collect()
    }

    /// All of the writes, which have passed [`ports::rules::check_commit`], or none.
    pub(super) fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let fails = |(at, write): (usize, &Write)| {
            let row = self.get(write.key());
            write.condition().is_some_and(|condition| !holds(condition, row)).then_some(at)
        };
        let failed: Vec<usize> = writes.iter().enumerate().filter_map(fails).collect();
        if !failed.is_empty() {
            return Err(StoreError::ConditionFailed(failed));
        }
        let rows: Vec<Option<Attributes>> = writes.iter().map(|write| self.after(write)).collect();
        for (write, row) in writes.iter().zip(&rows) {
            if let Some(row) = row
                && row_bytes(write.key(), row) > ROW_BYTES_MAX
            {
                return Err(StoreError::Refused(format!("{:?} would be too large", write.key())));
            }
        }
        for (write, row) in writes.iter().zip(rows) {
            match row {
                Some(row) => self.0.insert(write.key().clone(), row),
                None => self.0.remove(write.key()),
            };
        }
        Ok(())
    }

    /// What the row is after the write.
    fn after(&self, write: &Write) -> Option<Attributes> {
        match write {
            Write::Put { attributes, .. } => Some(attributes.clone()),
            Write::Update { key, set, remove, .. } => {
                let mut row = self.get(key).cloned().unwrap_or_default();
                row.extend(set.clone());
                for name in remove {
                    row.remove(*name);
                }
                Some(row)
            }
            Write::Delete { .. } => None,
            Write::Check { key, .. } => self.get(key).cloned(),
        }
    }

    /// A page of a query that has passed [`ports::rules::check_query`].
    pub(super) fn query(&self, query: &Query, after: Option<&Place>) -> Page {
        match query.index {
            None => self.query_table(query, after),
            Some(index) => self.query_index(query, index, after),
        }
    }

    fn query_table(&self, query: &Query, after: Option<&Place>) -> Page {
        let in_range = |sk: &str| match &query.range {
            Range::Prefix(prefix) => sk.starts_with(prefix.as_str()),
            Range::Between(from, to) => (from.as_str()..=to.as_str()).contains(&sk),
            Range::All | Range::AtMost(_) => true,
        };
        let from = Key { table: query.table, pk: query.pk.clone(), sk: String::new() };
        let found: Vec<(&Key, &Attributes)> = self
            .0
            .range(from..)
            .take_while(|(key, _)| key.table == query.table && key.pk == query.pk)
            .filter(|(key, _)| in_range(&key.sk))
            .collect();
        let comes_later = |key: &Key| match after {
            None => true,
            Some(place) if query.descending => key.sk.as_str() < place.sk(),
            Some(place) => key.sk.as_str() > place.sk(),
        };
        let rows = ordered(found, query.descending).filter(|(key, _)| comes_later(key));
        let row = |(key, attributes): (&Key, &Attributes)| Row { key: key.clone(), attributes: attributes.clone() };
        page(query, rows.map(row), |row| Place::of_table(query, &row.key.sk))
    }

    fn query_index(&self, query: &Query, index: Index, after: Option<&Place>) -> Page {
        let number_of = |attributes: &Attributes| attributes.get(index.sort()).and_then(Value::as_i64);
        let mut found: Vec<(i64, &Key)> = self
            .0
            .iter()
            .filter(|(key, row)| key.table == Table::Work && is(row, index.partition(), &query.pk))
            .filter_map(|(key, row)| number_of(row).map(|number| (number, key)))
            .filter(|(number, _)| !matches!(query.range, Range::AtMost(most) if *number > most))
            .collect();
        found.sort_unstable();
        let later = |(number, key): &(i64, &Key)| match after {
            None => true,
            Some(place) => {
                let here = (Some(*number), key.pk.as_str(), key.sk.as_str());
                let there = (place.number(), place.pk(), place.sk());
                if query.descending { here < there } else { here > there }
            }
        };
        let row = |(number, key): (i64, &Key)| {
            let own = [(index.partition(), Value::from(query.pk.as_str())), (index.sort(), Value::from(number))];
            let attributes = own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Row { key: key.clone(), attributes }
        };
        let rows = ordered(found, query.descending).filter(later).map(row);
        page(query, rows, |row| {
            let number = number_of(&row.attributes).expect("rows of an index have its number");
            Place::of_index(query, index, number, &row.key.pk, &row.key.sk)
        })
    }
}

fn is(row: &Attributes, name: &str, text: &str) -> bool {
    row.get(name).and_then(Value::as_str) == Some(text)
}

fn ordered<T>(mut found: Vec<T>, descending: bool) -> std::vec::IntoIter<T> {
    if descending {
        found.reverse();
    }
    found.into_iter()
}

/// Takes rows up to the limit or the size of a page. Whether there is more behind the limit, an engine doesn't look.
fn page(query: &Query, rows: impl Iterator<Item = Row>, place: impl Fn(&Row) -> Place) -> Page {
    let mut page = Page::default();
    let mut bytes = 0;
    for row in rows {
        bytes += row_bytes(&row.key, &row.attributes);
        page.rows.push(row);
        if page.rows.len() >= query.limit as usize || bytes > PAGE_BYTES_MAX {
            page.next = page.rows.last().map(|last| place(last).to_cursor());
            break;
        }
    }
    page
}

/// Whether a condition holds of a row (`None`: there is none).
fn holds(condition: &Condition, row: Option<&Attributes>) -> bool {
    let value = |name: &str| row.and_then(|row| row.get(name));
    match condition {
        Condition::Absent => row.is_none(),
        Condition::Exists => row.is_some(),
        Condition::Is(name, wanted) => value(name) == Some(wanted),
        Condition::IsNot(name, unwanted) => value(name) != Some(unwanted),
        Condition::Above(name, bound) => value(name).and_then(Value::as_i64).is_some_and(|number| number > *bound),
        Condition::AbsentOrAtMost(name, bound) => match value(name) {
            None => true,
            Some(value) => value.as_i64().is_some_and(|number| number <= *bound),
        },
        Condition::All(all) => all.iter().all(|condition| holds(condition, row)),
    }
}
