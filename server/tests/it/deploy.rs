//! The files in `docs/deploy`: that what they say is what the server takes, and that nginx, run with
//! them, brings sockets through.
//!
//! Deliberately not here: Docker and systemd. No image is built and no unit is started; what their
//! own linters say is a part of `cargo xtask check`.

mod compose;
mod image;
mod nginx;
mod proxy;
mod units;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use message_service::config::{Config, StoreAt};

use crate::process::{command, output};

/// After `drain.wait_ms` the other nodes are told, and the last answers have their time: this long
/// together.
const LAST_WORDS: Duration = Duration::from_secs(4);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How long the server takes at most to end, with the settings that nobody changes.
fn drain() -> Duration {
    let drain = Config::new(StoreAt::Memory).unwrap().drain;
    Duration::from_millis(drain.wait_ms) + LAST_WORDS
}

#[test]
fn nginx_gives_connections_up_before_a_node_does() {
    let idle = Duration::from_millis(Config::new(StoreAt::Memory).unwrap().idle_ms);
    for file in ["nginx/upstream-hosts.conf", "nginx/upstream-compose.conf"] {
        let text = read(file);
        let kept = text.lines().find_map(|line| line.trim().strip_prefix("keepalive_timeout "));
        let seconds = kept.unwrap().strip_suffix("s;").unwrap().parse().unwrap();
        assert!(Duration::from_secs(seconds) < idle, "{file}");
    }
}

/// Has the binary read what a deployment says: its settings, and the arguments after the program.
/// `secrets` is where the deployment has the files of secrets.
#[track_caller]
fn would_do(who: &str, arguments: &[&str], settings: &BTreeMap<String, String>, secrets: &str) {
    let (subcommand, flags) = arguments.split_first().unwrap();
    let known = output(command().args([subcommand, "--help"]));
    assert!(known.status.success(), "{who}: `message-service {subcommand}` is no command");
    let here = tempfile::tempdir().unwrap();
    for name in ["jwt_secrets", "service_keys"] {
        fs::write(here.path().join(name), format!("{name} of a test, and long enough")).unwrap();
    }
    let mut check = command();
    check.env_clear().arg("check-config").args(flags);
    for (name, value) in settings {
        check.env(name, value.replace(secrets, here.path().to_str().unwrap()));
    }
    let said = output(&mut check);
    assert!(said.status.success(), "{who}: {}", String::from_utf8_lossy(&said.stderr));
    // Nobody serves with secrets that are read from nowhere.
    for name in ["JWT__SECRETS", "SERVICE_KEYS"] {
        let value = settings.get(&format!("MESSAGE_SERVICE__{name}_FILE"));
        assert!(value.is_some_and(|path| path.starts_with(secrets)), "{who}: no file of {name}");
    }
}
