//! DynamoDB, SQS, S3, Scheduler, WebSocket push, secrets, HTTP: the only crate with an SDK or an HTTP client.
//!
//! Architecture invariant: an adapter translates between a port and a service, and decides nothing. No rule of the
//! business stands here, and no type of an SDK leaves this crate but for the constructors that tests use.

mod backoff;
pub mod clock;
pub mod download;
pub mod dynamo;
mod fault;
pub mod files;
mod http;
pub mod identity;
pub mod scheduler;
pub mod secrets;
pub mod sqs;
#[cfg(test)]
mod test_server;
pub mod transport;
pub mod websocket;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use wire::queues::QueueName;

pub use clock::{OsRandom, SystemClock};
pub use download::HttpDownload;
pub use dynamo::DynamoStore;
pub use files::S3Files;
pub use identity::OidcIdentity;
pub use scheduler::{SchedulerTimers, Schedules};
pub use secrets::ManagedSecrets;
pub use sqs::{SqsQueues, SqsVisibility};
pub use transport::{BaseUrls, HttpMessengers};
pub use websocket::WebSocketPush;

/// How often the SDK sends one request at most.
const ATTEMPTS_MAX: u32 = 2;
/// How long one request may take, with its retries.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt of it may take, so that there is time for a second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The account as this process sees it: one configuration and one HTTP client, made once in `main`, from which each adapter
/// that the function needs is made. Nothing is sent until an adapter is used.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    dynamodb_endpoint: Option<String>,
}

impl Aws {
    /// The account of the credentials that Lambda gives in the environment, in this region. The end points are for a local AWS,
    /// and another DynamoDB engine beside it; on AWS there are none.
    ///
    /// Put together by hand: the SDK's own loader brings profiles, roles and metadata services into every function, none of
    /// which a Lambda function has, and looks for them when something is missing.
    pub fn new(region: &str, endpoint: Option<String>, dynamodb_endpoint: Option<String>) -> Self {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
            .identity_cache(IdentityCache::lazy().build())
            .http_client(http)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts);
        config.set_endpoint_url(endpoint);
        Self { config: config.build(), dynamodb_endpoint }
    }

    /// The store. A function that has no work table (a webhook) gives an empty name, and can't use it.
    pub fn store(&self, config_table: &str, work_table: &str) -> DynamoStore {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        if let Some(endpoint) = &self.dynamodb_endpoint {
            config = config.endpoint_url(endpoint);
        }
        DynamoStore::new(aws_sdk_dynamodb::Client::from_conf(config.build()), config_table, work_table)
    }

    /// The queues that the function sends to, with their URLs.
    pub fn queues(&self, urls: impl IntoIterator<Item = (QueueName, String)>) -> SqsQueues {
        SqsQueues::new(aws_sdk_sqs::Client::new(&self.config), urls)
    }

    /// The queues that the function receives from.
    pub fn visibility(&self) -> SqsVisibility {
        SqsVisibility::new(aws_sdk_sqs::Client::new(&self.config))
    }

    /// Timers.
    pub fn timers(&self, schedules: Schedules) -> SchedulerTimers {
        SchedulerTimers::new(aws_sdk_scheduler::Client::new(&self.config), schedules)
    }

    /// Operators' connections, by the management end point of their API (with the stage).
    pub fn push(&self, management_endpoint: &str) -> WebSocketPush {
        let config =
            aws_sdk_apigatewaymanagement::config::Builder::from(&self.config).endpoint_url(management_endpoint).build();
        WebSocketPush::new(aws_sdk_apigatewaymanagement::Client::from_conf(config))
    }

    /// The bucket of this name.
    pub fn files(&self, bucket: &str) -> S3Files {
        let region = self.config.region().map_or("", Region::as_ref);
        let credentials = self.config.credentials_provider().expect("they were given when it was made");
        S3Files::new(self.config.endpoint_url(), region, bucket, credentials)
    }

    /// Secrets: the stack's by its ARN, channels' below a prefix that ends with a slash.
    pub fn secrets(&self, stack_secret_arn: &str, channel_prefix: &str) -> ManagedSecrets {
        ManagedSecrets::new(aws_sdk_secretsmanager::Client::new(&self.config), stack_secret_arn, channel_prefix)
    }
}
