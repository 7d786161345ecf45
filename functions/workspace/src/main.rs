//! Wiring only.

use adapters::{Aws, OsRandom, Schedules, SystemClock};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::config::{OUTBOUND, find, need, queues};
use runtime::{Desk, telemetry};
use serde_json::Value;
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let store = aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?);
    let queues = aws.queues(queues(&[&[QueueName::Routing, QueueName::Delayed][..], &OUTBOUND].concat())?);
    let timers = aws.timers(Schedules {
        group: need("SCHEDULE_GROUP")?,
        role_arn: need("SCHEDULE_ROLE_ARN")?,
        acceptance_function_arn: need("ACCEPTANCE_FUNCTION_ARN")?,
        auto_close_function_arn: need("AUTO_CLOSE_FUNCTION_ARN")?,
    });
    let push = aws.push(&need("WEBSOCKET_ENDPOINT")?);
    let desk = Desk::new(store, queues, timers, push, SystemClock);
    let function = workspace::Workspace { desk, files: aws.files(&need("FILES_BUCKET")?), random: OsRandom };
    let invoke = async |event: LambdaEvent<Value>| Box::pin(function.invoke(event.payload)).await.map_err(Error::from);
    lambda_runtime::run(service_fn(invoke)).await
}
