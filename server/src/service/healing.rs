//! Having what failed here put right, by one at a time, however many wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What failed, and up to where it was put right. Failures are numbered, so that one that comes
/// while others are put right is not taken for one of them.
#[derive(Debug)]
pub(super) struct Healing {
    failures: AtomicU64,
    mended: AtomicU64,
    /// How often it was tried and did not succeed.
    in_vain: AtomicU64,
    turn: tokio::sync::Mutex<()>,
}

impl Default for Healing {
    /// A crash may have left something out, and what was left out was acknowledged to nobody: it is
    /// put right while the node serves already.
    fn default() -> Self {
        Self {
            failures: AtomicU64::new(1),
            mended: AtomicU64::default(),
            in_vain: AtomicU64::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl Healing {
    /// A write failed: a message may be stored whose derived values are not.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts right what has failed until now. Whoever comes while somebody is at it waits for that
    /// one, and does not try again what was just tried in vain: otherwise as many would wait one
    /// after the other as there are sessions. A call that is given up leaves it to the next one.
    pub(super) async fn heal<E>(&self, mend: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let failures = self.failures.load(Ordering::Relaxed);
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        if self.mended.load(Ordering::Relaxed) >= failures {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let is_mended = self.mended.load(Ordering::Relaxed) >= failures;
        if is_mended || self.in_vain.load(Ordering::Relaxed) != in_vain {
            return Ok(());
        }
        let outcome = mend.await;
        match outcome {
            Ok(()) => self.mended.store(failures, Ordering::Relaxed),
            Err(_) => _ = self.in_vain.fetch_add(1, Ordering::Relaxed),
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn what_was_put_right_is_left_alone_until_something_fails() {
        let (healing, tries) = (Healing::default(), Cell::new(0));
        let mend = || async {
            tries.set(tries.get() + 1);
            Ok::<_, ()>(())
        };
        healing.heal(mend()).await.unwrap();
        healing.heal(mend()).await.unwrap();
        assert_eq!(tries.get(), 1);
        healing.failed();
        healing.heal(mend()).await.unwrap();
        assert_eq!(tries.get(), 2);
    }

    #[tokio::test]
    async fn a_hundred_who_wait_share_one_try_in_vain() {
        let (healing, tries) = (Healing::default(), Cell::new(0));
        let mend = || async {
            tries.set(tries.get() + 1);
            // Meanwhile the others come.
            tokio::task::yield_now().await;
            Err::<(), ()>(())
        };
        join_all((0..100).map(|_| healing.heal(mend()))).await;
        assert_eq!(tries.get(), 1);
        // And nothing is taken for mended by it.
        healing.heal(ready(Err(()))).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_fails_while_others_are_put_right_is_not_one_of_them() {
        let healing = Healing::default();
        let mend = async {
            healing.failed();
            Ok::<_, ()>(())
        };
        healing.heal(mend).await.unwrap();
        // So this one is tried, and not taken for mended.
        healing.heal(ready(Err(()))).await.unwrap_err();
    }

    #[tokio::test]
    async fn who_gives_up_leaves_it_to_the_next() {
        let healing = Healing::default();
        let given_up = healing.heal(std::future::pending::<Result<(), ()>>());
        assert!(futures_util::FutureExt::now_or_never(given_up).is_none());
        healing.heal(ready(Err(()))).await.unwrap_err();
    }
}
