//! Wiring only.

use adapters::{Aws, BaseUrls, HttpDownload, HttpMessengers, SystemClock};
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use media::{Bases, Fetcher, Ports};
use runtime::config::{find, need, queues};
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let (telegram, graph, twilio) = (need("TELEGRAM_BASE_URL")?, need("GRAPH_BASE_URL")?, need("TWILIO_BASE_URL")?);
    let bases = Bases { telegram: telegram.clone(), graph: graph.clone(), twilio: twilio.clone() };
    let ports = Ports {
        store: aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?),
        queues: aws.queues(queues(&[QueueName::Inbound, QueueName::Routing, QueueName::Delayed])?),
        visibility: aws.visibility(),
        push: aws.push(&need("WEBSOCKET_ENDPOINT")?),
        messenger: HttpMessengers::new(BaseUrls { telegram, graph, twilio, twilio_messaging: String::new() }),
        secrets: aws.secrets("", &need("CHANNEL_SECRETS_PREFIX")?),
        files: aws.files(&need("FILES_BUCKET")?),
        download: HttpDownload::new(),
        clock: SystemClock,
    };
    let fetcher = &Fetcher::new(ports, bases);
    run(service_fn(async |event: LambdaEvent<SqsEvent>| Ok::<_, Error>(Box::pin(fetcher.handle(event.payload)).await)))
        .await
}
