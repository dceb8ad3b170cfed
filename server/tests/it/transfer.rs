//! Everything moves from one file to another, by the real binary, and those who were connected
//! before go on.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use message_service::{MessageService, StartError};
use message_service_shared::digest::Digest;
use message_service_shared::row::Row;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backing::shared_database;
use crate::person::{MainApp, Person, direct};
use crate::process::{Process, command, output};
use crate::server::{config, fresh};
use crate::socket::Socket;

const STRANGE: &str = "~:$.*>/% '\"你好😀";

/// A store, what it is exported to, and the store it comes into.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn old(&self) -> PathBuf {
        self.0.path().join("old.db")
    }

    fn new_store(&self) -> PathBuf {
        self.0.path().join("new.db")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn export(&self, store: &Path, name: &str) -> Vec<u8> {
        good(&run("export", store, &self.file(name)));
        fs::read(self.file(name)).unwrap()
    }
}

fn run(what: &str, store: &Path, file: &Path) -> Output {
    output(command().arg(what).arg("--store").arg(store).arg(file))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    told(output)
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", told(output));
    told(output)
}

fn stop(mut process: Process) {
    process.terminate();
    let (well, log) = process.ended();
    assert!(well, "{log:?}");
}

/// What a client knows: the epoch it speaks in, and its rows.
struct Client {
    person: Person,
    epoch: Value,
    known: Vec<Value>,
    digest: Digest,
}

impl Client {
    /// Connects for the first time.
    async fn meet(process: &Process, id: &str) -> Self {
        let person = Person::at(process.address, id);
        let mut socket = Socket::open(process.address, "").await;
        let welcome = socket.authenticate(&person.token).await.unwrap();
        let resumed = socket.call("resume", json!({ "inbox": 50 })).await.unwrap();
        let mut digest = Digest::default();
        let mut known = Vec::new();
        for row in resumed["rows"].as_array().unwrap() {
            let row: Row = serde_json::from_value(row.clone()).unwrap();
            digest.add(&row.id, &row.standing());
            known.push(json!({
                "id": row.id, "lastSeq": row.conversation.last_seq,
                "readSeq": row.member.read_seq, "markSeen": row.member.mark_seen,
                "unread": row.unread,
            }));
        }
        Self { person, epoch: welcome["epoch"].clone(), known, digest }
    }

    /// Comes back, as after a reconnect; what the server says to what it knows.
    async fn comes_back(&self, process: &Process) -> Result<Value, Value> {
        let mut socket = Socket::open(process.address, "").await;
        socket.authenticate(&self.person.token).await.unwrap();
        let resume =
            json!({ "epoch": self.epoch, "digest": self.digest, "conversations": self.known });
        Ok(socket.call("resume", resume).await?["unchanged"].clone())
    }
}

/// Some of everything.
async fn live(process: &Process) {
    let main_app = MainApp::at(process.address);
    for id in ["ann", "bob", STRANGE] {
        main_app.upsert(id).await;
    }
    let [ann, bob, strange] = ["ann", "bob", STRANGE].map(|id| Person::at(process.address, id));
    main_app.push(&json!({ "everyone": true }), "for all").await;
    main_app.push(&json!({ "users": ["ann", "bob", "cid"] }), "for some").await;
    let quiet = json!({
        "to": { "user": "ann" }, "quiet": true,
        "content": { "kind": "notice", "title": "quietly" },
    });
    main_app.ask("POST", "/v1/push", Some(&quiet)).await.good();
    for _ in 0..3 {
        ann.say("bob", "hello").await;
        bob.say("ann", "hello yourself").await;
        strange.say("ann", "你好").await;
        strange.say("bob", "😀").await;
    }
    let mut ann = ann.connect().await;
    let (ann_bob, ann_strange) = (direct("ann", "bob"), direct("ann", STRANGE));
    let with_bob = |more: Value| {
        let mut params = json!({ "conversation": ann_bob });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    ann.call("recall", with_bob(json!({ "seq": 3 }))).await.unwrap();
    ann.call("read", with_bob(json!({ "seq": 4 }))).await.unwrap();
    ann.call("mark", with_bob(json!({}))).await.unwrap();
    let muted = json!({ "conversation": ann_strange, "muted": true, "pinned": true });
    ann.call("configure", muted).await.unwrap();
    ann.call("clear", json!({ "conversation": "system:ann", "seq": 2 })).await.unwrap();
    let mut bob = bob.connect().await;
    bob.call("read", json!({ "conversation": "announcement", "seq": 1 })).await.unwrap();
    let bob_strange = direct("bob", STRANGE);
    bob.call("read", json!({ "conversation": bob_strange, "seq": 3 })).await.unwrap();
    bob.call("clear", json!({ "conversation": bob_strange, "seq": 3 })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_go_on_with_another_file_as_if_it_were_the_old_one() {
    let place = Place::new();
    clients_go_on(&place, &place.new_store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_go_on_with_mongodb_as_if_it_were_the_old_file() {
    clients_go_on(&Place::new(), Path::new(&shared_database())).await;
}

async fn clients_go_on(place: &Place, new_store: &Path) {
    let process = Process::serve(&place.old());
    live(&process).await;
    let mut clients = Vec::new();
    for id in ["ann", "bob", STRANGE] {
        clients.push(Client::meet(&process, id).await);
    }
    assert!(clients.iter().all(|client| client.digest != Digest::default()));
    stop(process);
    let file = place.export(&place.old(), "everything.jsonl");
    let log = good(&run("import", new_store, &place.file("everything.jsonl")));
    assert!(log.contains("imported and compared 4 users"), "{log}");
    assert!(place.export(new_store, "again.jsonl") == file);

    let process = Process::serve(new_store);
    for client in &clients {
        let unchanged = client.comes_back(&process).await.unwrap();
        assert_eq!(unchanged, true, "{}", client.person.id);
    }
    // What is said from now on goes on from there.
    let ann = Person::at(process.address, "ann");
    let said = ann.say("bob", "in the new place").await;
    assert_eq!(said["message"]["seq"], 7);
    assert_eq!(clients[1].comes_back(&process).await.unwrap(), false);
    stop(process);

    // A new epoch is another life, and they are told so.
    let new_epoch = output(command().args(["new-epoch", "--store"]).arg(new_store));
    let log = good(&new_epoch);
    assert!(log.contains("forgets what it knew"), "{log}");
    let process = Process::serve(new_store);
    let error = clients[0].comes_back(&process).await.unwrap_err();
    assert_eq!(error["code"], "wrong_epoch");
    let anew = Client::meet(&process, "ann").await;
    assert_eq!(anew.epoch, String::from_utf8_lossy(&new_epoch.stdout).trim());
}

/// A store whose export has more blocks than one.
async fn several_blocks(place: &Place) -> Vec<u8> {
    let process = Process::serve(&place.old());
    let main_app = MainApp::at(process.address);
    // 500 receivers give 500 users, conversations, members and messages.
    for number in 0..3 {
        let users: Vec<String> = (0..500).map(|user| format!("user {number} {user}")).collect();
        main_app.push(&json!({ "users": users }), &fresh("title")).await;
    }
    stop(process);
    place.export(&place.old(), "everything.jsonl")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_killed_goes_on_and_ends_complete() {
    let place = Place::new();
    let file = several_blocks(&place).await;
    let half = (0..file.len()).filter(|place| file[*place] == b'\n').nth(2_500).unwrap();
    let mut child = command()
        .args(["import", "-", "--store"])
        .arg(place.new_store())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe stays open, so it waits for more once it has taken in what is there.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&file[..half]).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("999 of 6000 records"), "{first}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);

    // What is half there does not serve, nor is it exported.
    let refusal = MessageService::start(config(place.new_store())).await.unwrap_err();
    assert!(matches!(refusal, StartError::Unfinished), "{refusal}");
    let log = refused(&run("export", &place.new_store(), &place.file("half.jsonl")));
    assert!(log.contains("import that was not finished"), "{log}");

    let log = good(&run("import", &place.new_store(), &place.file("everything.jsonl")));
    assert!(log.contains("goes on after line "), "{log}");
    assert!(place.export(&place.new_store(), "again.jsonl") == file);
    stop(Process::serve(&place.new_store()));

    let log = good(&run("import", &place.new_store(), &place.file("everything.jsonl")));
    assert!(log.contains("holds this data set already"), "{log}");
    assert!(place.export(&place.new_store(), "once more.jsonl") == file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_was_killed_goes_on() {
    let place = Place::new();
    let file = several_blocks(&place).await;
    // What a killed export leaves behind: blocks, and a part of one.
    fs::write(place.file("killed.jsonl.partial"), &file[..file.len() / 2]).unwrap();
    let log = good(&run("export", &place.old(), &place.file("killed.jsonl")));
    assert!(log.contains("goes on after line "), "{log}");
    assert!(fs::read(place.file("killed.jsonl")).unwrap() == file);
    // And to a pipe.
    let piped = output(command().args(["export", "-", "--store"]).arg(place.old()));
    good(&piped);
    assert!(piped.stdout == file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_moved_is_told_with_the_way_out() {
    let place = Place::new();
    let file = several_blocks(&place).await;
    let everything = place.file("everything.jsonl");
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let import = |name: &str, bytes: &[u8]| {
        fs::write(place.file(name), bytes).unwrap();
        refused(&run("import", &place.file(&format!("{name}.db")), &place.file(name)))
    };
    let log = import("cut", &lines[..1_500].concat());
    assert!(log.contains("ends after line 1500") && log.contains("import the whole file"), "{log}");
    let text = String::from_utf8(file.clone()).unwrap();
    let last = text.rfind("\"title\":\"title").unwrap();
    let tampered =
        [&text[..last], &text[last..].replacen("title\":\"title", "title\":\"tatle", 1)].concat();
    let log = import("tampered", tampered.as_bytes());
    assert!(log.contains("were changed after they were exported"), "{log}");
    let log = import("broken", text.replacen("\"term\":1", "\"term\":-1", 1).as_bytes());
    assert!(log.contains("`half.term`"), "{log}");
    // One digit more makes it a later format, whichever this one is.
    let log = import("newer", text.replacen("\"format\":", "\"format\":9", 1).as_bytes());
    assert!(log.contains("format 9"), "{log}");
    let log = import("foreign", b"{\"name\":\"something else\"}\n");
    assert!(log.contains("line 1: this is no export"), "{log}");

    let other = place.file("other.db");
    stop({
        let process = Process::serve(&other);
        MainApp::at(process.address).upsert("somebody").await;
        process
    });
    let log = refused(&run("import", &other, &everything));
    assert!(log.contains("another data set") && log.contains("empty store"), "{log}");
    let log = refused(&run("export", &place.old(), &everything));
    assert!(log.contains("exists; remove it"), "{log}");
    for what in ["export", "import"] {
        let log = refused(&run(what, Path::new("memory"), &everything));
        assert!(log.contains("--store"), "{log}");
    }
    let missing = place.file("missing.db");
    let log = refused(&run("export", &missing, &place.file("x.jsonl")));
    assert!(log.contains("missing.db") && log.contains("does not exist"), "{log}");
    let log = refused(&output(command().args(["new-epoch", "--store"]).arg(&missing)));
    assert!(log.contains("does not exist"), "{log}");
    let log = refused(&run("import", &missing, &place.file("nothing.jsonl")));
    assert!(log.contains("nothing.jsonl"), "{log}");
    assert!(!missing.exists(), "a store was made of nothing");
}
