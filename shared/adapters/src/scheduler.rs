//! Timers, on EventBridge Scheduler.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use jiff::Timestamp;
use ports::{TimerError, Timers};
use wire::timers::{Fires, Timer};

use crate::fault;

/// How long the Scheduler tries to hand over, seconds; the sweep finds what it could not.
const EVENT_AGE_S_MAX: i32 = 300;
/// How often it tries again within that time.
const RETRIES_MAX: i32 = 5;

/// Where timers are kept and what they invoke.
#[derive(Clone, Debug)]
pub struct Schedules {
    /// The schedule group.
    pub group: String,
    /// The role by which the Scheduler invokes.
    pub role_arn: String,
    /// What an accept timeout invokes.
    pub acceptance_function_arn: String,
    /// What an auto-close invokes.
    pub auto_close_function_arn: String,
}

/// Sets one-time timers.
#[derive(Clone, Debug)]
pub struct SchedulerTimers {
    client: Client,
    schedules: Schedules,
}

impl SchedulerTimers {
    /// With what the stack has for them.
    pub fn new(client: Client, schedules: Schedules) -> Self {
        Self { client, schedules }
    }

    fn target(&self, fires: &Fires) -> Target {
        let function = match fires {
            Fires::AcceptTimeout { .. } => &self.schedules.acceptance_function_arn,
            Fires::AutoClose { .. } => &self.schedules.auto_close_function_arn,
        };
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(EVENT_AGE_S_MAX)
            .maximum_retry_attempts(RETRIES_MAX)
            .build();
        Target::builder()
            .arn(function)
            .role_arn(&self.schedules.role_arn)
            .input(serde_json::to_string(fires).expect("ids have a JSON form"))
            .retry_policy(retries)
            .build()
            .expect("ARN and role are there")
    }
}

impl Timers for SchedulerTimers {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        let at = at_expression(timer.at_s())?;
        let at_once =
            FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("the mode is there");
        let armed = self
            .client
            .create_schedule()
            .group_name(&self.schedules.group)
            .name(timer.name())
            .schedule_expression(at)
            .schedule_expression_timezone("UTC")
            .flexible_time_window(at_once)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(self.target(&timer.fires))
            .send()
            .await;
        match armed {
            Ok(_) => Ok(()),
            // The name says what and when: one that is taken is this very timer.
            Err(error) if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) => Ok(()),
            Err(error) => Err(TimerError(fault::text(&error))),
        }
    }
}

/// A one-time expression: `at(2026-01-01T00:00:00)`.
fn at_expression(at_s: i64) -> Result<String, TimerError> {
    let at = Timestamp::from_second(at_s).map_err(|error| TimerError(error.to_string()))?;
    Ok(format!("at({})", at.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_scheduler_reads_it() {
        assert_eq!(at_expression(1_767_225_600), Ok("at(2026-01-01T00:00:00)".into()));
        assert_eq!(at_expression(1_772_323_199), Ok("at(2026-02-28T23:59:59)".into()));
        assert!(at_expression(i64::MAX).is_err());
    }

    #[test]
    fn a_timer_invokes_the_function_that_knows_it() {
        let config = aws_sdk_scheduler::Config::builder().behavior_version_latest().build();
        let schedules = Schedules {
            group: "stack-timers".into(),
            role_arn: "arn:role".into(),
            acceptance_function_arn: "arn:acceptance".into(),
            auto_close_function_arn: "arn:auto-close".into(),
        };
        let timers = SchedulerTimers::new(Client::from_conf(config), schedules);
        let check = |fires: Fires, arn: &str, input: &str| {
            let target = timers.target(&fires);
            assert_eq!((target.arn(), target.role_arn(), target.input()), (arn, "arn:role", Some(input)));
        };
        let offer = Fires::AcceptTimeout { offer: "c.1.2".parse().unwrap(), operator: Some("ann".parse().unwrap()) };
        check(offer, "arn:acceptance", r#"{"kind":"accept_timeout","offer":"c.1.2","operator":"ann"}"#);
        let close = Fires::AutoClose { chat: "c.1".parse().unwrap(), operator: None };
        check(close, "arn:auto-close", r#"{"kind":"auto_close","chat":"c.1","operator":null}"#);
    }
}
