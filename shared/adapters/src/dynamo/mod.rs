//! The store, on DynamoDB.
//!
//! Table names come from outside; keys are `pk` and `sk`, indexes as [`ports::store::Index`] names them.

mod error;
mod expression;
mod value;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem, Update,
};
use ports::rules::{self, Place};
use ports::store::{CONFLICT_RETRIES_MAX, Key, Page, Query, Row, Table, Write};
use ports::{Store, StoreError};

use self::expression::Expression;
use self::value::{Item, item_of, key_item, row_of};
use crate::backoff;

/// How often keys that a batch read left out are asked for, the first time included.
const BATCH_TRIES_MAX: u32 = 4;
/// How long one try of a single write may take; there are at most two.
const SINGLE_WRITE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The store, on two tables.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    config_table: String,
    work_table: String,
}

impl DynamoStore {
    /// On these tables; an empty name is a table that the function doesn't have.
    pub fn new(client: Client, config_table: &str, work_table: &str) -> Self {
        Self { client, config_table: config_table.to_owned(), work_table: work_table.to_owned() }
    }

    fn name(&self, table: Table) -> Result<&str, StoreError> {
        let name = match table {
            Table::Config => &self.config_table,
            Table::Work => &self.work_table,
        };
        if name.is_empty() {
            Err(StoreError::Refused(format!("no {table:?} table in this function")))
        } else {
            Ok(name)
        }
    }

    fn table(&self, name: &str) -> Option<Table> {
        [Table::Config, Table::Work].into_iter().find(|&table| self.name(table).is_ok_and(|own| own == name))
    }

    async fn get_one(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let get = self.client.get_item().table_name(self.name(key.table)?).set_key(Some(key_item(key)));
        let answer = get.consistent_read(true).send().await.map_err(|error| error::of(&error))?;
        answer.item.map(|item| row_of(key.table, item)).transpose()
    }

    /// The rows that there are of these keys, which may repeat.
    async fn get_many(&self, keys: &[Key]) -> Result<HashMap<Key, Row>, StoreError> {
        let mut wanted = self.batch_request(keys)?;
        let mut found = HashMap::new();
        for tries in 1..=BATCH_TRIES_MAX {
            let batch = self.client.batch_get_item().set_request_items(Some(wanted));
            let answer = batch.send().await.map_err(|error| error::of(&error))?;
            for (name, items) in answer.responses.unwrap_or_default() {
                let table = self.table(&name).ok_or_else(|| StoreError::Unavailable(format!("rows of {name:?}")))?;
                for item in items {
                    let row = row_of(table, item)?;
                    found.insert(row.key.clone(), row);
                }
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            if tries < BATCH_TRIES_MAX {
                backoff::wait(tries).await;
            }
        }
        Err(StoreError::Throttled)
    }

    fn batch_request(&self, keys: &[Key]) -> Result<HashMap<String, KeysAndAttributes>, StoreError> {
        let mut by_table: HashMap<String, Vec<Item>> = HashMap::new();
        let mut seen = HashSet::new();
        for key in keys.iter().filter(|key| seen.insert(*key)) {
            by_table.entry(self.name(key.table)?.to_owned()).or_default().push(key_item(key));
        }
        let request = |items: Vec<Item>| {
            let request = KeysAndAttributes::builder().set_keys(Some(items)).consistent_read(true);
            request.build().expect("keys are there")
        };
        Ok(by_table.into_iter().map(|(name, items)| (name, request(items))).collect())
    }

    /// One write without a transaction, which costs half. A transaction repeated by the SDK is known by its token; a single
    /// write is not, and a repetition that fails by its condition may mean that the first try succeeded.
    async fn write_one(&self, write: &Write) -> Result<(), StoreError> {
        match self.try_write_one(write).await {
            Err(StoreError::Unavailable(first)) => match self.try_write_one(write).await {
                Err(StoreError::ConditionFailed(_)) => {
                    Err(StoreError::Unavailable(format!("outcome unknown: {first}")))
                }
                second => second,
            },
            other => other,
        }
    }

    async fn try_write_one(&self, write: &Write) -> Result<(), StoreError> {
        let TransactWriteItem { put, update, delete, .. } = self.transact_item(write)?;
        if let Some(put) = put {
            self.put(put).await
        } else if let Some(update) = update {
            self.update(update).await
        } else if let Some(delete) = delete {
            self.delete(delete).await
        } else {
            self.transact(std::slice::from_ref(write)).await
        }
    }

    async fn put(&self, put: Put) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values);
        let sent = request.customize().config_override(tried_once()).send().await;
        sent.map(|_| ()).map_err(|error| error::of(&error))
    }

    async fn update(&self, update: Update) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values);
        let sent = request.customize().config_override(tried_once()).send().await;
        sent.map(|_| ()).map_err(|error| error::of(&error))
    }

    async fn delete(&self, delete: Delete) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(delete.table_name)
            .set_key(Some(delete.key))
            .set_condition_expression(delete.condition_expression)
            .set_expression_attribute_names(delete.expression_attribute_names)
            .set_expression_attribute_values(delete.expression_attribute_values);
        let sent = request.customize().config_override(tried_once()).send().await;
        sent.map(|_| ()).map_err(|error| error::of(&error))
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        let items = writes.iter().map(|write| self.transact_item(write)).collect::<Result<Vec<_>, _>>()?;
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(|_| ()).map_err(|error| error::of_transaction(&error))
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, StoreError> {
        let table = self.name(write.key().table)?;
        let mut expression = Expression::default();
        let condition = write.condition().map(|condition| expression.condition(condition));
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put { key, attributes, .. } => {
                let put = Put::builder().table_name(table).set_item(Some(item_of(key, attributes)?));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(expression.names());
                item.put(put.set_expression_attribute_values(expression.values()?).build().expect("all is there"))
            }
            Write::Update { key, set, remove, .. } => {
                let change = expression.update(set, remove);
                let update = Update::builder().table_name(table).set_key(Some(key_item(key))).update_expression(change);
                let update =
                    update.set_condition_expression(condition).set_expression_attribute_names(expression.names());
                item.update(update.set_expression_attribute_values(expression.values()?).build().expect("all is there"))
            }
            Write::Delete { key, .. } => {
                let delete = Delete::builder().table_name(table).set_key(Some(key_item(key)));
                let delete =
                    delete.set_condition_expression(condition).set_expression_attribute_names(expression.names());
                item.delete(delete.set_expression_attribute_values(expression.values()?).build().expect("all is there"))
            }
            Write::Check { key, .. } => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key_item(key)));
                let check =
                    check.set_condition_expression(condition).set_expression_attribute_names(expression.names());
                let check = check.set_expression_attribute_values(expression.values()?);
                item.condition_check(check.build().expect("all is there"))
            }
        };
        Ok(item.build())
    }
}

/// Settings of a request that the SDK doesn't repeat by itself.
fn tried_once() -> Builder {
    let timeouts = TimeoutConfig::builder().operation_timeout(SINGLE_WRITE_TIMEOUT).build();
    Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

impl Store for DynamoStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        rules::check_get(keys)?;
        if let [key] = keys {
            return Ok(vec![self.get_one(key).await?]);
        }
        let found = self.get_many(keys).await?;
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        rules::check_query(query)?;
        let start = Place::after(query)?.map(|place| value::start_key(query, &place));
        let mut expression = Expression::default();
        let condition = expression.key_condition(query);
        let request = self
            .client
            .query()
            .table_name(self.name(query.table)?)
            .set_index_name(query.index.map(|index| index.name().to_owned()))
            .key_condition_expression(condition)
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values()?)
            // An index can't be read consistently.
            .consistent_read(query.index.is_none())
            .scan_index_forward(!query.descending)
            .limit(i32::try_from(query.limit).expect("at most a few hundred"))
            .set_exclusive_start_key(start);
        let answer = request.send().await.map_err(|error| error::of(&error))?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        let next = next.map(|key| value::place_of(query, &key)).transpose()?;
        let rows = answer.items.unwrap_or_default().into_iter().map(|item| row_of(query.table, item));
        Ok(Page { rows: rows.collect::<Result<_, _>>()?, next: next.map(|place| place.to_cursor()) })
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        rules::check_commit(writes)?;
        let mut tries = 0;
        loop {
            let outcome = match writes {
                [Write::Check { .. }] => self.transact(writes).await,
                [write] => self.write_one(write).await,
                _ => self.transact(writes).await,
            };
            match outcome {
                Err(StoreError::Conflict) if tries < CONFLICT_RETRIES_MAX => tries += 1,
                other => return other,
            }
            backoff::wait(tries).await;
        }
    }
}

/// The value of a number.
fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The value of a text.
fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[cfg(test)]
mod tests;
