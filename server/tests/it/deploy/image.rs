//! The Dockerfile.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::read;
use crate::process::Process;

/// The value of an instruction, its continued lines joined.
fn instruction(name: &str) -> Vec<String> {
    let file = read("Dockerfile").replace("\\\n", " ");
    let all = file.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    all.map(str::to_owned).collect()
}

/// The words of an instruction in its JSON form.
fn words(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_image_is_built_by_the_toolchain_that_the_repository_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let toolchain = std::fs::read_to_string(root.join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toolchain.parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    let from = instruction("FROM");
    assert_eq!(from[0], format!("rust:{version}-bookworm AS build"));
}

#[test]
fn the_image_serves_as_a_user_of_its_own() {
    assert_eq!(instruction("USER"), ["10001:10001"]);
    assert_eq!(words(&instruction("ENTRYPOINT")[0]), ["message-service"]);
    assert_eq!(words(&instruction("CMD")[0]), ["serve"]);
}

/// Runs the image's health check, which needs bash as the image has it, against another port.
fn is_healthy(port: u16) -> bool {
    let check = instruction("HEALTHCHECK").remove(0);
    let words = words(check.split_once("CMD ").unwrap().1);
    let script = words.last().unwrap().replace("/8787 ", &format!("/{port} "));
    assert!(script.contains(&port.to_string()), "{script}");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..words.len() - 1]).arg(script);
    command.stdin(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn the_health_check_tells_a_server_that_answers_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder.path().join("messages.db"));
    let port = process.address.port();
    assert!(is_healthy(port));
    process.kill();
    assert!(!is_healthy(port));
}

#[test]
fn the_health_check_does_not_take_another_answer_for_good() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"HTTP/1.0 503 Service Unavailable\r\n\r\n").unwrap();
    });
    assert!(!is_healthy(port));
    answering.join().unwrap();
}
