//! Wiring only.

use adapters::{Aws, OidcIdentity, OsRandom, SystemClock};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::timers::NoTimers;
use runtime::config::{find, need, queues};
use runtime::{Desk, telemetry};
use serde_json::Value;
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let store = aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?);
    let queues = aws.queues(queues(&[QueueName::Routing, QueueName::Delayed])?);
    let push = aws.push(&need("WEBSOCKET_ENDPOINT")?);
    let identity = OidcIdentity::new(&need("OIDC_ISSUER")?, &need("OIDC_JWKS_URL")?, &need("OIDC_CLIENT_ID")?);
    let desk = Desk::new(store, queues, NoTimers, push, SystemClock);
    let origins = find("ALLOWED_ORIGINS").unwrap_or_default();
    let session = session::Session::new(desk, identity, OsRandom, &origins);
    let handle = async |event: LambdaEvent<Value>| Ok::<_, Error>(Box::pin(session.handle(event.payload)).await);
    lambda_runtime::run(service_fn(handle)).await
}
