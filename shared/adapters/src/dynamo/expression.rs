//! Conditions and changes, as DynamoDB's expressions. Every name and value is a placeholder: none is ever part of the text.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use ports::StoreError;
use ports::store::{Attributes, Condition, Query, Range};
use serde_json::Value;

use super::value::to_stored;

/// The placeholders of one request.
#[derive(Debug, Default)]
pub(super) struct Expression {
    names: Vec<String>,
    values: Vec<Value>,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        format!("#n{at}")
    }

    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!(":v{}", self.values.len() - 1)
    }

    /// What the placeholders of names stand for.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names = self.names.iter().enumerate().map(|(at, name)| (format!("#n{at}"), name.clone()));
        (!self.names.is_empty()).then(|| names.collect())
    }

    /// What the placeholders of values stand for.
    pub(super) fn values(&self) -> Result<Option<HashMap<String, AttributeValue>>, StoreError> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let values = self.values.iter().enumerate().map(|(at, value)| Ok((format!(":v{at}"), to_stored(value)?)));
        values.collect::<Result<_, _>>().map(Some)
    }

    /// A condition.
    pub(super) fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Absent => "attribute_not_exists(pk)".to_owned(),
            Condition::Exists => "attribute_exists(pk)".to_owned(),
            Condition::Is(name, value) => format!("{} = {}", self.name(name), self.value(value.clone())),
            Condition::IsNot(name, value) => {
                let name = self.name(name);
                format!("(attribute_not_exists({name}) OR {name} <> {})", self.value(value.clone()))
            }
            Condition::Above(name, bound) => format!("{} > {}", self.name(name), self.value(*bound)),
            Condition::AbsentOrAtMost(name, bound) => {
                let name = self.name(name);
                format!("(attribute_not_exists({name}) OR {name} <= {})", self.value(*bound))
            }
            // There must be an expression, and nothing is demanded: one that always holds.
            Condition::All(all) if all.is_empty() => "(attribute_exists(pk) OR attribute_not_exists(pk))".to_owned(),
            Condition::All(all) => {
                let all: Vec<String> = all.iter().map(|condition| self.condition(condition)).collect();
                format!("({})", all.join(" AND "))
            }
        }
    }

    /// A change of some attributes; there is at least one.
    pub(super) fn update(&mut self, set: &Attributes, remove: &[&'static str]) -> String {
        let mut text = String::new();
        for (at, (name, value)) in set.iter().enumerate() {
            let start = if at == 0 { "SET " } else { ", " };
            write!(text, "{start}{} = {}", self.name(name), self.value(value.clone())).expect("a string takes all");
        }
        for (at, name) in remove.iter().enumerate() {
            let start = match (at, text.is_empty()) {
                (0, true) => "REMOVE ",
                (0, false) => " REMOVE ",
                _ => ", ",
            };
            write!(text, "{start}{}", self.name(name)).expect("a string takes all");
        }
        text
    }

    /// Which keys a query covers.
    pub(super) fn key_condition(&mut self, query: &Query) -> String {
        let (partition, sort) = match query.index {
            None => ("pk", "sk"),
            Some(index) => (index.partition(), index.sort()),
        };
        let mut text = format!("{} = {}", self.name(partition), self.value(query.pk.as_str()));
        let range = match &query.range {
            Range::All => return text,
            Range::Prefix(prefix) => format!("begins_with({}, {})", self.name(sort), self.value(prefix.as_str())),
            Range::Between(from, to) => {
                format!("{} BETWEEN {} AND {}", self.name(sort), self.value(from.as_str()), self.value(to.as_str()))
            }
            Range::AtMost(most) => format!("{} <= {}", self.name(sort), self.value(*most)),
        };
        text.push_str(" AND ");
        text.push_str(&range);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::store::{Index, Table};
    use serde_json::json;

    #[test]
    fn conditions() {
        let check = |condition: Condition, text: &str| {
            let mut expression = Expression::default();
            assert_eq!(expression.condition(&condition), text, "{condition:?}");
        };
        check(Condition::Absent, "attribute_not_exists(pk)");
        check(Condition::Exists, "attribute_exists(pk)");
        check(Condition::Is("a", json!(1)), "#n0 = :v0");
        check(Condition::IsNot("a", json!("x")), "(attribute_not_exists(#n0) OR #n0 <> :v0)");
        check(Condition::Above("a", 1), "#n0 > :v0");
        check(Condition::AbsentOrAtMost("a", 1), "(attribute_not_exists(#n0) OR #n0 <= :v0)");
        check(Condition::All(vec![]), "(attribute_exists(pk) OR attribute_not_exists(pk))");
        let some =
            vec![Condition::Exists, Condition::Is("a", json!(1)), Condition::Above("a", 0), Condition::Above("b", 2)];
        check(Condition::All(some), "(attribute_exists(pk) AND #n0 = :v0 AND #n0 > :v1 AND #n1 > :v2)");
    }

    #[test]
    fn changes() {
        let check = |set: Value, remove: &[&'static str], text: &str| {
            let Value::Object(set) = set else { unreachable!("it is a map") };
            assert_eq!(Expression::default().update(&set, remove), text);
        };
        check(json!({"a": 1}), &[], "SET #n0 = :v0");
        check(json!({"a": 1, "b": 2}), &["c", "d"], "SET #n0 = :v0, #n1 = :v1 REMOVE #n2, #n3");
        check(json!({}), &["c"], "REMOVE #n0");
    }

    #[test]
    fn names_and_values_stand_beside_the_text() {
        let mut expression = Expression::default();
        assert_eq!((expression.names(), expression.values().unwrap()), (None, None));
        let condition = Condition::Is("status", json!("open"));
        assert_eq!(expression.condition(&condition), "#n0 = :v0");
        assert_eq!(expression.names().unwrap()["#n0"], "status");
        assert_eq!(expression.values().unwrap().unwrap()[":v0"], AttributeValue::S("open".into()));
    }

    #[test]
    fn keys_of_a_query() {
        let check = |index, range, text: &str| {
            let (table, pk) = (Table::Work, "p".to_owned());
            let query = Query { table, index, pk, range, descending: false, limit: 1, after: None };
            let mut expression = Expression::default();
            assert_eq!(expression.key_condition(&query), text);
            expression.names().unwrap()
        };
        assert_eq!(check(None, Range::All, "#n0 = :v0")["#n0"], "pk");
        check(None, Range::Prefix("a".into()), "#n0 = :v0 AND begins_with(#n1, :v1)");
        check(None, Range::Between("a".into(), "b".into()), "#n0 = :v0 AND #n1 BETWEEN :v1 AND :v2");
        let names = check(Some(Index::ByQueue), Range::AtMost(5), "#n0 = :v0 AND #n1 <= :v1");
        assert_eq!((names["#n0"].as_str(), names["#n1"].as_str()), ("by_queue", "opened_at"));
    }
}
