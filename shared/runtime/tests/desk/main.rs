//! The shell that functions share, on fakes: the batch loop, the cached configuration, the desk.

mod batch;
mod cache;
mod desk;
