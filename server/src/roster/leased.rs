//! Who is online on which node, kept where all nodes look, for as long as the node shows that it
//! lives.
//!
//! A node beats: it raises a number of its own every few seconds. Whoever sees a number stand still
//! for too long, by a clock of its own, takes that node for dead, and its users for gone. So no two
//! clocks are ever compared. Comings and goings are written in batches.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use message_service_shared::id::UserId;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::Roster;
use crate::bus::NodeId;
use crate::hub::{Change, Changes, Hub};
use crate::store::{Store, StoreError};

/// How often a node beats, and looks at the others.
const BEAT: Duration = Duration::from_secs(5);
/// A node whose number stands still for so long is dead.
const LEASE: Duration = Duration::from_secs(15);
/// A dead node's traces are taken away after so long, so that no late beat of a node that was only
/// slow finds them gone.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// How often what is written of this node's users is compared with the hub: a write that was given
/// up may have been applied after a later one.
const COMPARE: Duration = Duration::from_mins(5);
/// Comings and goings gather for so long.
const GATHER: Duration = Duration::from_millis(100);
/// As many of them are written at once.
const BATCH: usize = 1_000;

/// A node's number, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose.
    pub node: NodeId,
    /// How often it has beaten.
    pub beats: u64,
}

/// Where all nodes look.
#[async_trait]
pub trait Leases: std::fmt::Debug + Send + Sync + 'static {
    /// Writes this node's number, and reads every node's.
    async fn beat(&self, lease: Lease) -> Result<Vec<Lease>, StoreError>;

    /// Notes who came to a node and who left it. Saying it twice changes nothing.
    async fn note(
        &self,
        node: NodeId,
        came: Vec<UserId>,
        left: Vec<UserId>,
    ) -> Result<(), StoreError>;

    /// The nodes that each of these users is noted at.
    async fn whereabouts(&self, users: &[UserId]) -> Result<Vec<(UserId, NodeId)>, StoreError>;

    /// The users who are noted at a node.
    async fn noted(&self, node: NodeId) -> Result<Vec<UserId>, StoreError>;

    /// Takes away all traces of a node.
    async fn forget(&self, node: NodeId) -> Result<(), StoreError>;
}

/// The roster of a service of several nodes.
#[derive(Debug)]
pub struct Leased {
    here: Here,
    _tasks: [AbortOnDropHandle<()>; 3],
}

#[derive(Clone, Debug)]
struct Here {
    node: NodeId,
    hub: Arc<Hub>,
    leases: Arc<dyn Leases>,
    store: Arc<dyn Store>,
    seen: Arc<Mutex<Seen>>,
    /// Told when the others may have taken this node for dead.
    forgotten: Arc<Notify>,
}

/// The other nodes' numbers, and when each was seen to rise.
#[derive(Debug, Default)]
struct Seen {
    nodes: HashMap<NodeId, (u64, Instant)>,
}

impl Seen {
    fn take_in(&mut self, leases: &[Lease], now: Instant) {
        for lease in leases {
            let (beats, since) = self.nodes.entry(lease.node).or_insert((lease.beats, now));
            if *beats != lease.beats {
                (*beats, *since) = (lease.beats, now);
            }
        }
        self.nodes.retain(|node, _| leases.iter().any(|lease| lease.node == *node));
    }

    fn is_alive(&self, node: NodeId, now: Instant) -> bool {
        self.nodes.get(&node).is_some_and(|(_, since)| now - *since < LEASE)
    }

    /// Those who have stood still for so long.
    fn still(&self, now: Instant, long: Duration) -> HashSet<NodeId> {
        let still = self.nodes.iter().filter(|(_, (_, since))| now - *since >= long);
        still.map(|(node, _)| *node).collect()
    }
}

impl Leased {
    /// Begins to beat, and to write down who comes to this node's hub.
    pub fn start(
        node: NodeId,
        hub: Arc<Hub>,
        leases: Arc<dyn Leases>,
        store: Arc<dyn Store>,
    ) -> Self {
        let changes = hub.follow();
        let (seen, forgotten) = (Arc::default(), Arc::default());
        let here = Here { node, hub, leases, store, seen, forgotten };
        let tasks = [
            tokio::spawn(here.clone().beat()),
            tokio::spawn(here.clone().bury()),
            tokio::spawn(here.clone().write(changes)),
        ];
        Self { here, _tasks: tasks.map(AbortOnDropHandle::new) }
    }
}

#[async_trait]
impl Roster for Leased {
    async fn online(&self, users: Vec<UserId>) -> Result<Vec<UserId>, StoreError> {
        let Here { hub, leases, .. } = &self.here;
        let (mut online, elsewhere): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|user| hub.is_online(user));
        if !elsewhere.is_empty() {
            let found = leases.whereabouts(&elsewhere).await?;
            let now = Instant::now();
            let seen = self.here.seen();
            let alive = found.into_iter().filter(|(_, node)| seen.is_alive(*node, now));
            let alive: HashSet<UserId> = alive.map(|(user, _)| user).collect();
            online.extend(alive);
        }
        Ok(online)
    }

    async fn leave(&self) {
        if let Err(error) = self.here.leases.forget(self.here.node).await {
            tracing::info!(%error, "this node's users count as online until its lease runs out");
        }
    }
}

impl Here {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn beat(self) {
        let mut beats = 0;
        let mut shown = Instant::now();
        let mut due = interval(BEAT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            beats += 1;
            match self.leases.beat(Lease { node: self.node, beats }).await {
                Ok(mut leases) => {
                    leases.retain(|lease| lease.node != self.node);
                    let now = Instant::now();
                    self.seen().take_in(&leases, now);
                    if now - shown >= LEASE {
                        self.forgotten.notify_one();
                    }
                    shown = now;
                }
                Err(error) => tracing::warn!(%error, "this node can't show that it lives"),
            }
        }
    }

    /// Finishes what dead nodes began. It may take long, and this node beats meanwhile: otherwise
    /// the others would take it for dead as well.
    async fn bury(self) {
        let mut dead = HashSet::new();
        let mut due = interval(BEAT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.bury_now(&mut dead).await;
        }
    }

    async fn bury_now(&self, dead: &mut HashSet<NodeId>) {
        let now = Instant::now();
        let (still, long_still) = {
            let seen = self.seen();
            (seen.still(now, LEASE), seen.still(now, FORGOTTEN))
        };
        if still.iter().any(|node| !dead.contains(node)) {
            tracing::warn!("another node is dead; what it left unfinished is finished here");
            if let Err(error) = self.store.repair().await {
                // The next beat tries again.
                return tracing::warn!(%error, "it could not be finished");
            }
        }
        *dead = still;
        for node in long_still {
            if let Err(error) = self.leases.forget(node).await {
                tracing::warn!(%error, "a dead node's traces could not be taken away");
            }
        }
    }

    /// Writes down who comes and who leaves, until the hub is gone.
    async fn write(self, mut changes: Changes) {
        let mut concerned = HashSet::new();
        let mut compare = interval(COMPARE);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if concerned.is_empty() {
                tokio::select! {
                    change = changes.next() => match change {
                        Some(change) => note(&mut concerned, change),
                        None => return,
                    },
                    () = self.forgotten.notified() => concerned.extend(self.hub.users()),
                    _ = compare.tick() => concerned.extend(self.miswritten().await),
                }
            }
            if concerned.is_empty() {
                continue;
            }
            tokio::time::sleep(GATHER).await;
            while concerned.len() < BATCH
                && let Some(change) = changes.take()
            {
                note(&mut concerned, change);
            }
            // What counts is how it is now, not how it came about.
            let (came, left): (Vec<UserId>, Vec<UserId>) =
                concerned.iter().cloned().partition(|user| self.hub.is_online(user));
            match self.leases.note(self.node, came, left).await {
                Ok(()) => concerned.clear(),
                Err(error) => {
                    tracing::warn!(%error, "who is online here is not written yet");
                    tokio::time::sleep(BEAT).await;
                }
            }
        }
    }

    /// Those of whom something else is written than the hub says.
    async fn miswritten(&self) -> Vec<UserId> {
        let noted = match self.leases.noted(self.node).await {
            Ok(noted) => noted.into_iter().collect::<HashSet<UserId>>(),
            Err(error) => {
                tracing::debug!(%error, "who is noted here is not known");
                return Vec::new();
            }
        };
        let here: HashSet<UserId> = self.hub.users().into_iter().collect();
        noted.symmetric_difference(&here).cloned().collect()
    }
}

fn note(concerned: &mut HashSet<UserId>, change: Change) {
    match change {
        Change::Came(user) | Change::Left(user) => {
            concerned.insert(user);
        }
        Change::Attends(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::logouts::Logouts;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::hub::Mailbox;
    use crate::store::memory::MemoryStore;

    /// Where the nodes of a test look.
    #[derive(Debug, Default)]
    struct Board(Mutex<Notes>, AtomicBool);

    type Notes = (HashMap<NodeId, u64>, BTreeSet<(UserId, NodeId)>);

    impl Board {
        fn asked(&self) -> Result<(), StoreError> {
            let is_down = self.1.load(Ordering::Relaxed);
            if is_down { Err(StoreError::Unavailable("down".to_owned())) } else { Ok(()) }
        }
    }

    #[async_trait]
    impl Leases for Board {
        async fn beat(&self, lease: Lease) -> Result<Vec<Lease>, StoreError> {
            self.asked()?;
            let mut board = self.0.lock().unwrap();
            board.0.insert(lease.node, lease.beats);
            Ok(board.0.iter().map(|(node, beats)| Lease { node: *node, beats: *beats }).collect())
        }

        async fn note(
            &self,
            node: NodeId,
            came: Vec<UserId>,
            left: Vec<UserId>,
        ) -> Result<(), StoreError> {
            self.asked()?;
            let mut board = self.0.lock().unwrap();
            board.1.extend(came.into_iter().map(|user| (user, node)));
            for user in left {
                board.1.remove(&(user, node));
            }
            Ok(())
        }

        async fn whereabouts(&self, users: &[UserId]) -> Result<Vec<(UserId, NodeId)>, StoreError> {
            let board = self.0.lock().unwrap();
            Ok(board.1.iter().filter(|(user, _)| users.contains(user)).cloned().collect())
        }

        async fn noted(&self, node: NodeId) -> Result<Vec<UserId>, StoreError> {
            let board = self.0.lock().unwrap();
            let here = board.1.iter().filter(|(_, at)| *at == node);
            Ok(here.map(|(user, _)| user.clone()).collect())
        }

        async fn forget(&self, node: NodeId) -> Result<(), StoreError> {
            let mut board = self.0.lock().unwrap();
            board.0.remove(&node);
            board.1.retain(|(_, at)| *at != node);
            Ok(())
        }
    }

    fn start(number: u64, board: &Arc<Board>) -> (Arc<Hub>, Leased) {
        let hub = Arc::new(Hub::default());
        let store = Arc::new(MemoryStore::new("e".parse().unwrap()));
        let leased = Leased::start(NodeId(number), Arc::clone(&hub), Arc::clone(board) as _, store);
        (hub, leased)
    }

    fn ann() -> UserId {
        "ann".parse().unwrap()
    }

    fn join(hub: &Hub) {
        hub.join(ann(), "s".parse().unwrap(), Arc::new(Mailbox::default()), Logouts(0));
    }

    async fn sees(leased: &Leased) -> bool {
        !leased.online(vec![ann(), "nobody".parse().unwrap()]).await.unwrap().is_empty()
    }

    /// Lets the nodes do what they do in so many seconds.
    async fn pass(seconds: u64) {
        for _ in 0..seconds * 10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_is_online_on_every_node_until_the_last_session_ends() {
        let board = Arc::new(Board::default());
        let ((hub, one), (_, other)) = (start(1, &board), start(2, &board));
        pass(6).await;
        assert!(!sees(&one).await && !sees(&other).await);
        join(&hub);
        assert!(sees(&one).await);
        pass(1).await;
        assert!(sees(&other).await);
        hub.leave(&ann(), &"s".parse().unwrap());
        pass(1).await;
        assert!(!sees(&one).await && !sees(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_users_of_a_killed_node_are_offline_within_30_seconds() {
        let board = Arc::new(Board::default());
        let ((hub, one), (_, other)) = (start(1, &board), start(2, &board));
        join(&hub);
        pass(7).await;
        assert!(sees(&other).await);
        // No word of farewell: its tasks stop where they are.
        drop(one);
        pass(10).await;
        assert!(sees(&other).await);
        pass(20).await;
        assert!(!sees(&other).await);
        // Nothing is left of it after some time, and nobody is taken for it.
        pass(60).await;
        assert!(board.0.lock().unwrap().1.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_was_taken_for_dead_has_its_users_online_again() {
        let board = Arc::new(Board::default());
        let ((hub, _one), (_, other)) = (start(1, &board), start(2, &board));
        join(&hub);
        pass(7).await;
        board.1.store(true, Ordering::Relaxed);
        pass(90).await;
        // Another node had cleaned up in the meantime.
        board.0.lock().unwrap().1.clear();
        board.1.store(false, Ordering::Relaxed);
        pass(12).await;
        assert!(sees(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_late_write_left_wrong_is_put_right() {
        let board = Arc::new(Board::default());
        let ((hub, _one), (_, other)) = (start(1, &board), start(2, &board));
        join(&hub);
        pass(7).await;
        let gone: UserId = "gone".parse().unwrap();
        board.0.lock().unwrap().1 = BTreeSet::from([(gone.clone(), NodeId(1))]);
        pass(300).await;
        assert!(sees(&other).await);
        assert_eq!(other.online(vec![gone]).await, Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_ends_takes_its_users_along_at_once() {
        let board = Arc::new(Board::default());
        let ((hub, one), (_, other)) = (start(1, &board), start(2, &board));
        join(&hub);
        pass(7).await;
        one.leave().await;
        assert!(!sees(&other).await);
    }
}
