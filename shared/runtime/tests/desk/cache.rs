//! The configuration, kept for a moment.

use fakes::World;
use fakes::world::{SALES, id};
use ports::StoreError;
use runtime::ConfigurationCache;
use runtime::cache::CONFIGURATION_MS;

async fn limit(cache: &ConfigurationCache, world: &World) -> Option<u32> {
    let config = cache.get(&world.store, world.now_ms()).await.expect("the store is up");
    config.queues[&id(SALES)].limit
}

#[tokio::test]
async fn it_is_read_once_in_two_seconds() {
    let (world, cache) = (World::new(), ConfigurationCache::default());
    for _ in 0..10 {
        assert_eq!(limit(&cache, &world).await, None);
        world.clock.advance(CONFIGURATION_MS / 10 - 1);
    }
    assert_eq!(world.store.counts().gets, 1);
    world.configure_queue(SALES, |queue| queue.limit = Some(3));
    assert_eq!(limit(&cache, &world).await, None, "not yet");
    world.clock.advance(10);
    assert_eq!(limit(&cache, &world).await, Some(3));
    assert_eq!(world.store.counts().gets, 2);
}

#[tokio::test]
async fn whoever_must_know_at_once_has_it_forgotten() {
    let (world, cache) = (World::new(), ConfigurationCache::default());
    assert_eq!(limit(&cache, &world).await, None);
    world.configure_queue(SALES, |queue| queue.limit = Some(3));
    cache.forget();
    assert_eq!(limit(&cache, &world).await, Some(3));
}

#[tokio::test]
async fn a_read_that_failed_is_no_configuration() {
    let (world, cache) = (World::new(), ConfigurationCache::default());
    world.store.fail_next_reads(1, &StoreError::Throttled);
    assert_eq!(cache.get(&world.store, world.now_ms()).await.unwrap_err(), StoreError::Throttled);
    assert_eq!(limit(&cache, &world).await, None);
}

#[tokio::test]
async fn a_stack_that_nobody_set_up_has_an_empty_one() {
    let cache = ConfigurationCache::default();
    let empty = cache.get(&fakes::MemoryStore::new(), 0).await.unwrap();
    assert!(empty.queues.is_empty() && empty.channels.is_empty());
}
