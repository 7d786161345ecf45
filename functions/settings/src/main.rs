//! Wiring only.

use adapters::{Aws, BaseUrls, HttpMessengers, OidcIdentity, OsRandom, SystemClock};
use lambda_http::{Error, service_fn};
use runtime::config::{find, need, queues};
use runtime::telemetry;
use settings::{Parts, Ready, Settings};
use wire::queues::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws = Aws::new(&need("AWS_REGION")?, find("AWS_ENDPOINT_URL"), find("AWS_ENDPOINT_URL_DYNAMODB"));
    let settings = Settings::new(Parts {
        store: aws.store(&need("CONFIG_TABLE")?, &need("WORK_TABLE")?),
        queues: aws.queues(queues(&[QueueName::Routing, QueueName::Delayed])?),
        push: aws.push(&need("WEBSOCKET_ENDPOINT")?),
        clock: SystemClock,
        random: OsRandom,
        identity: OidcIdentity::new(&need("OIDC_ISSUER")?, &need("OIDC_JWKS_URL")?, &need("OIDC_CLIENT_ID")?),
        // Channels' tokens only: the stack's key names conversations, which others do. Read anew each time: another process may
        // just have connected the channel again, whose health would be judged by the token before.
        secrets: aws.secrets("", &need("CHANNEL_SECRETS_PREFIX")?).without_memory(),
        messengers: HttpMessengers::new(BaseUrls {
            telegram: need("TELEGRAM_BASE_URL")?,
            graph: need("GRAPH_BASE_URL")?,
            twilio: need("TWILIO_BASE_URL")?,
            twilio_messaging: need("TWILIO_MESSAGING_BASE_URL")?,
        }),
        public_url: need("PUBLIC_URL")?,
        facebook_dialog_url: need("FACEBOOK_DIALOG_URL")?,
        allowed_origins: find("ALLOWED_ORIGINS").unwrap_or_default(),
    });
    lambda_http::run(service_fn(async |request| settings.handle(request).await.map(Ready))).await
}
