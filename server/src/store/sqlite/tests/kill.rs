//! A process that is killed loses nothing that it had acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use futures_util::future::join_all;

use super::*;
use crate::store::conformance::{all_messages, direct, say, system};

const FILE: &str = "KILLED_PROCESS_FILE";

/// Not a test of its own: what the killed process does. It tells of each acknowledged message on a
/// line of its output, until the end comes from outside.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test below, in a process of its own"]
async fn send_until_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(file).unwrap());
    let senders = (0..8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let conversation = direct("ann", &format!("peer{}", number % 3));
            loop {
                let message = say(&store, &conversation, "ann").await.message;
                let line =
                    format!("\nsaid {} {} {}\n", message.conversation, message.seq, message.id);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    join_all(senders).await;
}

#[tokio::test]
async fn a_killed_process_keeps_every_acknowledged_message() {
    let place = Place::new();
    for round in 1..=3_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::sqlite::tests::kill::send_until_killed"])
            .args(["--ignored", "--nocapture"])
            .env(FILE, place.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut said = Vec::new();
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if words.next() != Some("said") {
                continue;
            }
            let words: Vec<String> = words.map(str::to_owned).collect();
            // The last line may be cut off; what is whole was acknowledged.
            if let [conversation, seq, id] = words.as_slice() {
                said.push((conversation.clone(), seq.parse::<u64>().unwrap(), id.clone()));
            }
            if said.len() == 200 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(said.len() >= 200 * round, "the child ended by itself after {}", said.len());
        said.pop();

        let store = place.shared();
        for peer in ["peer0", "peer1", "peer2"] {
            let conversation = direct("ann", peer);
            let stored = all_messages(&store, &conversation).await;
            assert!(stored.iter().zip(1..).all(|(message, seq)| message.seq.get() == seq));
            let told = said.iter().filter(|(id, ..)| id == conversation.as_str());
            for (_, seq, id) in told {
                let index = usize::try_from(*seq).unwrap() - 1;
                assert_eq!(stored.get(index).map(|message| message.id.as_str()), Some(id.as_str()));
            }
        }
        assert!(all_messages(&store, &system("ann")).await.is_empty());
    }
}
