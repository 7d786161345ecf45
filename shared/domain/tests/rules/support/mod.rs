//! What the tests of all rules have in common.

mod acts;
mod build;
mod world;

pub(crate) use acts::{event, incoming};
pub(crate) use build::{
    MINUTE, SECOND, STAFF, START, SUPPORT, agent, busy, closed, config, freed, id, in_work, offer, operator_of, queue,
    route_of, told, waiting,
};
pub(crate) use world::World;
