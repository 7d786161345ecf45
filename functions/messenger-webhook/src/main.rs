//! Wiring only.

use adapters::{Aws, SystemClock};
use lambda_http::{Error, Request, run, service_fn};
use messenger_webhook::Webhook;
use runtime::config::{find, need, queues};
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let config_table = need("CONFIG_TABLE")?;
    // The function has no right to the work table, and asks for none of its rows.
    let store = aws.store(&config_table, &config_table);
    let queues = aws.queues(queues(&[QueueName::Inbound])?);
    // The stack's key and the app's secrets: it may read no page's token.
    let secrets = aws.secrets(&need("STACK_SECRET_ARN")?, &need("CHANNEL_SECRETS_PREFIX")?);
    let webhook = &Webhook::new(store, queues, secrets, SystemClock);
    run(service_fn(async |request: Request| Ok::<_, Error>(webhook.handle(request).await))).await
}
