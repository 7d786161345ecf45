//! Wiring only.

use adapters::{Aws, SystemClock};
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::timers::NoTimers;
use runtime::config::{find, need, queues};
use runtime::{Desk, telemetry};
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let store = aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?);
    let names = [QueueName::Routing, QueueName::Delayed, QueueName::Fetch, QueueName::InboundParked];
    let queues = aws.queues(queues(&names)?);
    let push = aws.push(&need("WEBSOCKET_ENDPOINT")?);
    let desk = Desk::new(store, queues, NoTimers, push, SystemClock);
    let function = inbound::Inbound { desk, visibility: aws.visibility() };
    let handle = async |event: LambdaEvent<SqsEvent>| Ok::<_, Error>(Box::pin(function.handle(event.payload)).await);
    lambda_runtime::run(service_fn(handle)).await
}
