//! What the store does at each of its pauses: goes on, waits, or fails.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use message_service::store::StoreError;
use message_service::store::memory::{Pause, Pauses};
use message_service_machine::Random;

/// Chance, shared with the parts that are `Sync`.
#[derive(Clone, Debug)]
pub(crate) struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    random: Random,
    on: bool,
    store_down: bool,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State { random: Random::new(seed), on: true, store_down: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Ends the chaos.
    pub(crate) fn calm(&self) {
        self.with(|state| (state.on, state.store_down) = (false, false));
    }

    pub(crate) fn toggle_store(&self) -> bool {
        self.with(|state| {
            state.store_down = state.on && !state.store_down;
            state.store_down
        })
    }

    /// Whether something of this many in a thousand happens now.
    pub(crate) fn happens(&self, per_mille: u64) -> bool {
        self.with(|state| state.on && state.random.up_to(999) < per_mille)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Pauses for Faults {
    async fn at(&self, _pause: Pause) -> Result<(), StoreError> {
        let turns = self.with(|state| if state.on { state.random.up_to(3) } else { 0 });
        Turns(turns).await;
        let down = self.with(|state| state.store_down);
        if down || self.happens(4) {
            return Err(StoreError::Unavailable("a simulated failure".to_owned()));
        }
        Ok(())
    }
}

/// Lets others go first so many times.
struct Turns(u64);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
