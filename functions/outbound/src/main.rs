//! Wiring only.

use adapters::{Aws, BaseUrls, HttpMessengers, SystemClock};
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use outbound::{Ports, Sender};
use runtime::config::{OUTBOUND_PARKED, find, need, queues};
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let sender = &Sender::new(Ports {
        store: aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?),
        queues: aws.queues(queues(
            &[&[QueueName::Inbound, QueueName::Routing, QueueName::Delayed][..], &OUTBOUND_PARKED].concat(),
        )?),
        visibility: aws.visibility(),
        push: aws.push(&need("WEBSOCKET_ENDPOINT")?),
        messenger: HttpMessengers::new(BaseUrls {
            telegram: need("TELEGRAM_BASE_URL")?,
            graph: need("GRAPH_BASE_URL")?,
            twilio: need("TWILIO_BASE_URL")?,
            twilio_messaging: need("TWILIO_MESSAGING_BASE_URL")?,
        }),
        // Channels' tokens only: the stack's key names conversations, which others do.
        secrets: aws.secrets("", &need("CHANNEL_SECRETS_PREFIX")?),
        files: aws.files(&need("FILES_BUCKET")?),
        clock: SystemClock,
        public_url: need("PUBLIC_URL")?,
    });
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Ok::<_, Error>(Box::pin(sender.handle(event.payload, deadline_ms)).await)
    }))
    .await
}
