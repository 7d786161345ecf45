//! The engines: one in memory, and those at the addresses that the environment names.

use std::time::Duration;

use adapters::{DynamoStore, OsRandom};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use fakes::MemoryStore;
use ports::Random;
use ports::store::Index;

use crate::{cases, services};

/// The longest that a case may take on an engine.
const CASE_TIMEOUT: Duration = Duration::from_secs(90);

/// Something that keeps rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The store of the other tests.
    Memory,
    /// The AWS emulator of the demo and the end-to-end tests.
    MiniStack,
    /// Amazon's own engine, for development.
    DynamoDbLocal,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::MiniStack, Self::DynamoDbLocal];

    /// Its name in the tests' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::MiniStack => "ministack",
            Self::DynamoDbLocal => "dynamodb_local",
        }
    }

    /// The variable that says where it is; none for one that is always there.
    pub fn variable(self) -> Option<&'static str> {
        match self {
            Self::Memory => None,
            Self::MiniStack => Some("CONTRACT_MINISTACK_URL"),
            Self::DynamoDbLocal => Some("CONTRACT_DYNAMODB_LOCAL_URL"),
        }
    }

    /// The names of the cases that it runs: those of the store, and the emulator those of the other services.
    pub fn cases(self) -> impl Iterator<Item = &'static str> {
        let services = if self == Self::MiniStack { services::NAMES } else { &[] };
        cases::NAMES.iter().chain(services).copied()
    }

    /// Runs a case on this engine, which is at this address; a case of the store on an empty one.
    pub async fn run(self, case: &str, url: &str) {
        let run = async {
            match self {
                _ if services::NAMES.contains(&case) => services::run(case, url).await,
                Self::Memory => cases::run(case, &MemoryStore::new()).await,
                Self::MiniStack | Self::DynamoDbLocal => {
                    let tables = Tables::create(url).await;
                    cases::run(case, &tables.store()).await;
                    tables.delete().await;
                }
            }
        };
        let in_time = tokio::time::timeout(CASE_TIMEOUT, run).await;
        assert!(in_time.is_ok(), "{case} took more than {CASE_TIMEOUT:?}");
    }
}

/// A pair of tables for one case. Those of a case that failed are left, to look at.
struct Tables {
    client: Client,
    config: String,
    work: String,
}

impl Tables {
    async fn create(url: &str) -> Self {
        let (config, work) = (unique("contract-config"), unique("contract-work"));
        let tables = Self { client: client(url), config, work };
        tables.create_table(&tables.config, &[]).await;
        tables.create_table(&tables.work, &Index::ALL).await;
        tables
    }

    fn store(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), &self.config, &self.work)
    }

    async fn create_table(&self, name: &str, indexes: &[Index]) {
        let key = Some(vec![key_part("pk", KeyType::Hash), key_part("sk", KeyType::Range)]);
        let mut attributes = vec![attribute("pk", ScalarAttributeType::S), attribute("sk", ScalarAttributeType::S)];
        for index in indexes {
            attributes.push(attribute(index.partition(), ScalarAttributeType::S));
            if !attributes.iter().any(|known| known.attribute_name() == index.sort()) {
                attributes.push(attribute(index.sort(), ScalarAttributeType::N));
            }
        }
        let indexes: Vec<_> = indexes.iter().map(|&index| secondary_index(index)).collect();
        let create = self
            .client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(key)
            .set_attribute_definitions(Some(attributes))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
        create.send().await.expect("the engine is there and makes a table");
    }

    async fn delete(&self) {
        for name in [&self.config, &self.work] {
            self.client.delete_table().table_name(name).send().await.expect("the engine deletes its table");
        }
    }
}

/// A name that nothing else has.
pub(crate) fn unique(name: &str) -> String {
    let mut random = [0; 8];
    OsRandom.fill(&mut random);
    format!("{name}-{:016x}", u64::from_le_bytes(random))
}

/// The engines take any.
pub(crate) fn credentials() -> Credentials {
    Credentials::builder().access_key_id("test").secret_access_key("test").provider_name("contract").build()
}

pub(crate) fn region() -> Region {
    Region::new("us-east-1")
}

fn client(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region())
        .endpoint_url(url)
        .credentials_provider(credentials())
        .build();
    Client::from_conf(config)
}

fn key_part(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("all is there")
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("all is there")
}

fn secondary_index(index: Index) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(index.name())
        .key_schema(key_part(index.partition(), KeyType::Hash))
        .key_schema(key_part(index.sort(), KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .expect("all is there")
}
