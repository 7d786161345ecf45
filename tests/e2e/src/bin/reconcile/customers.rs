//! Customers, who write a few messages at a time and then wait until the webhook has them all.

use std::rc::Rc;
use std::time::Duration;

use e2e::Customer;
use simulators::telegram::ClientError;
use tokio::time::sleep;

use crate::ledger::Ledger;
use crate::plan::Plan;

/// The most messages that a customer writes at once.
const BURST: u64 = 4;
/// How long a customer thinks before they write again, milliseconds: the load is meant to last as long as the faults.
const THINKS_MS: (u64, u64) = (1_000, 8_000);
/// How long an update may take to be accepted: the simulator tries again for as long.
const ACCEPTED_MAX: Duration = Duration::from_secs(59);
const WAITS: u32 = 5;

/// Writes everything that a customer (counted from 0) has to say.
pub(crate) async fn write_all(plan: Plan, customer: Customer, index: usize, ledger: Rc<Ledger>) {
    let mut dice = plan.dice(1_000 + index as u64);
    let of = plan.messages_of(index);
    let mut at = 0;
    while at < of {
        let burst = usize::try_from(dice.between(1, BURST)).unwrap_or(1).min(of - at);
        let mut updates = Vec::new();
        for next in at..at + burst {
            updates.push(customer.write(&ledger.message(index, next, of)).await.update_id);
        }
        for update in updates {
            accepted(&customer, update).await;
            Ledger::count(&ledger.accepted);
        }
        at += burst;
        sleep(Duration::from_millis(dice.between(THINKS_MS.0, THINKS_MS.1))).await;
    }
}

async fn accepted(customer: &Customer, update: i64) {
    for _ in 0..WAITS {
        match customer.bot.simulator.wait_for_delivery(&customer.bot.token, update, ACCEPTED_MAX).await {
            Ok(delivery) if delivery["state"] == "delivered" => return,
            Ok(delivery) => panic!("update {update} will not be accepted: {delivery}"),
            Err(ClientError::TimedOut { .. }) => {}
            Err(error) => panic!("update {update}: {error}"),
        }
    }
    panic!("update {update} was not accepted within {:?}", ACCEPTED_MAX * WAITS);
}
