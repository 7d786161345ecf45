//! Rows and values, as DynamoDB has them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use ports::StoreError;
use ports::rules::Place;
use ports::store::{Attributes, Key, Query, Row, Table};
use serde_json::Value;

use super::{number, text};

/// An item: attributes by name, its key among them.
pub(super) type Item = HashMap<String, AttributeValue>;

fn refused<T>(why: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Refused(why.into()))
}

/// A value as it is stored. Fractions are refused.
pub(super) fn to_stored(value: &Value) -> Result<AttributeValue, StoreError> {
    Ok(match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::String(string) => text(string),
        Value::Number(n) => match n.as_i64() {
            Some(n) => number(n),
            None => return refused(format!("{n} is not a whole number of 64 bits")),
        },
        Value::Array(items) => AttributeValue::L(items.iter().map(to_stored).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let entry = |(name, value): (&String, &Value)| Ok((name.clone(), to_stored(value)?));
            AttributeValue::M(map.iter().map(entry).collect::<Result<_, StoreError>>()?)
        }
    })
}

/// A value as it was stored. What this store never writes (fractions, sets, binaries) is refused.
pub(super) fn from_stored(value: AttributeValue) -> Result<Value, StoreError> {
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(digits) => match digits.parse::<i64>() {
            Ok(n) => Value::from(n),
            Err(_) => return refused("a stored number that is not a whole number of 64 bits"),
        },
        AttributeValue::L(items) => Value::Array(items.into_iter().map(from_stored).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Value::Object(attributes_of(map)?),
        _ => return refused("a stored value of an unknown kind"),
    })
}

fn attributes_of(map: Item) -> Result<Attributes, StoreError> {
    map.into_iter().map(|(name, value)| Ok((name, from_stored(value)?))).collect()
}

/// A key as an item.
pub(super) fn key_item(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), text(&key.pk)), ("sk".to_owned(), text(&key.sk))])
}

/// A whole row as an item.
pub(super) fn item_of(key: &Key, attributes: &Attributes) -> Result<Item, StoreError> {
    let mut item = key_item(key);
    for (name, value) in attributes {
        item.insert(name.clone(), to_stored(value)?);
    }
    Ok(item)
}

/// An item as a row.
pub(super) fn row_of(table: Table, mut item: Item) -> Result<Row, StoreError> {
    let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) = (item.remove("pk"), item.remove("sk")) else {
        return refused("a stored row without its key");
    };
    Ok(Row { key: Key { table, pk, sk }, attributes: attributes_of(item)? })
}

/// Where a query goes on, as the engine wants it: the row's key, and the index's if there is one.
pub(super) fn start_key(query: &Query, place: &Place) -> Item {
    let mut item = HashMap::from([("pk".to_owned(), text(place.pk())), ("sk".to_owned(), text(place.sk()))]);
    if let (Some(index), Some(n)) = (query.index, place.number()) {
        item.insert(index.partition().to_owned(), text(&query.pk));
        item.insert(index.sort().to_owned(), number(n));
    }
    item
}

/// The place that the engine says a page ended at.
pub(super) fn place_of(query: &Query, key: &Item) -> Result<Place, StoreError> {
    let text = |name: &str| key.get(name).and_then(|value| value.as_s().ok());
    let number = |name: &str| key.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok());
    let place = match (text("pk"), text("sk"), query.index) {
        (Some(_), Some(sk), None) => Some(Place::of_table(query, sk)),
        (Some(pk), Some(sk), Some(index)) => number(index.sort()).map(|n| Place::of_index(query, index, n, pk, sk)),
        _ => None,
    };
    place.map_or_else(|| refused("a page that ends nowhere"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::store::{Index, Range};
    use serde_json::json;

    #[test]
    fn values_come_back_as_they_went() {
        for value in [
            json!(null),
            json!(true),
            json!(""),
            json!("Zażółć 🦀 \u{0}\u{ffff}"),
            json!(0),
            json!(-1),
            json!(i64::MAX),
            json!(i64::MIN),
            json!([]),
            json!({}),
            json!([1, "1", [null, {"a": []}]]),
            json!({"a": {"b": {"c": [1, 2, {"d": ""}]}}}),
        ] {
            assert_eq!(from_stored(to_stored(&value).unwrap()).unwrap(), value, "{value}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for value in [json!(0.5), json!(1.0), json!(u64::MAX), json!([{"a": 1.5}])] {
            assert!(matches!(to_stored(&value), Err(StoreError::Refused(_))), "{value}");
        }
        for stored in [
            AttributeValue::N("0.5".into()),
            AttributeValue::N("9223372036854775808".into()),
            AttributeValue::Ss(vec!["a".into()]),
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([1])),
            AttributeValue::L(vec![AttributeValue::N("1E3".into())]),
        ] {
            assert!(matches!(from_stored(stored.clone()), Err(StoreError::Refused(_))), "{stored:?}");
        }
    }

    #[test]
    fn a_row_is_its_key_and_its_attributes() {
        let key = Key::work("V#c", "C#1");
        let Value::Object(attributes) = json!({"n": 1, "to": ["a"]}) else { unreachable!("it is a map") };
        let item = item_of(&key, &attributes).unwrap();
        assert_eq!(item.len(), 4);
        assert_eq!(row_of(Table::Work, item).unwrap(), Row { key, attributes });
        assert!(matches!(row_of(Table::Work, HashMap::new()), Err(StoreError::Refused(_))));
    }

    #[test]
    fn a_place_is_a_start_key_and_back() {
        let query = |index| Query {
            table: Table::Work,
            index,
            pk: "p".into(),
            range: Range::All,
            descending: false,
            limit: 1,
            after: None,
        };
        let table = query(None);
        let place = Place::of_table(&table, "s");
        assert_eq!(place_of(&table, &start_key(&table, &place)), Ok(place));
        let index = query(Some(Index::Due));
        let place = Place::of_index(&index, Index::Due, -7, "k", "s");
        let key = start_key(&index, &place);
        assert_eq!(key.len(), 4);
        assert_eq!(key["due_shard"], AttributeValue::S("p".into()));
        assert_eq!(place_of(&index, &key), Ok(place));
        assert!(place_of(&index, &key_item(&Key::work("k", "s"))).is_err());
    }
}
