//! An import whose process dies at any write goes on, and ends as if nobody had died.

use std::sync::Arc;

use super::proxy::{Death, Proxy};
use super::{Migrate, MongoStore, Server, open};
use crate::store::archive::Archive;
use crate::store::archive::conformance::{live, memory};
use crate::transfer::{Event, TransferError, Witness, export, import};

struct Nobody;

impl Witness for Nobody {
    fn told(&mut self, _: Event) {}

    fn done(&mut self, _: u64, _: u64) {}
}

async fn exported(store: &dyn Archive) -> Vec<u8> {
    let mut file = Vec::new();
    export(store, &mut file, &mut Nobody).await.unwrap();
    file
}

async fn die_everywhere(server: Server, death: fn(usize) -> Death) {
    let before = memory();
    live(&before).await;
    let file = exported(&*before).await;
    for write in 0.. {
        assert!(write < 40, "an import has no end of writes");
        let address = server.database();
        drop(open(&address).await);
        let proxy = Proxy::dying(&address, death(write)).await;
        let dying = format!("{}&serverSelectionTimeoutMS=300", proxy.address());
        let process = Arc::new(MongoStore::open(&dying, Migrate::AtStart).await.unwrap());
        let outcome = import(&*process, &file[..], &mut Nobody).await;
        drop(process);
        if !proxy.has_died() {
            outcome.unwrap();
            assert!(write > 8, "a block has more writes than {write}");
            return;
        }
        assert!(matches!(outcome, Err(TransferError::Refused { .. } | TransferError::Store(_))));
        let store = open(&address).await;
        import(&*store, &file[..], &mut Nobody).await.unwrap();
        assert_eq!(store.unfinished().await.unwrap(), None);
        assert!(exported(&*store).await == file, "it died at write {write}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_before_any_write_of_an_import_is_made_good_by_the_next_try() {
    die_everywhere(Server::SecantusDb, Death::BeforeWrite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_after_any_write_of_an_import_is_made_good_by_the_next_try() {
    die_everywhere(Server::SecantusDb, Death::AfterWrite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_after_a_death_on_the_poorer_server_too() {
    die_everywhere(Server::FerretDb, Death::BeforeWrite).await;
}
