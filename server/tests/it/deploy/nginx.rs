//! nginx as a process of a test, with the files of `docs/deploy/nginx` but for what a test has not:
//! a certificate, the usual ports, and the folders of an installed nginx.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::read;
use crate::backing::eventually;

const VARIABLE: &str = "MESSAGE_SERVICE_TEST_NGINX";

/// A running nginx, which ends with the test.
pub(super) struct Nginx {
    pub(super) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

/// Replaces a text that must be there, so that a test never runs another file than it thinks.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replace(from, to)
}

/// The nodes, as upstream-hosts.conf has them.
fn upstream(nodes: &[SocketAddr]) -> String {
    let file = read("nginx/upstream-hosts.conf");
    let is_server = |line: &str| line.trim_start().starts_with("server ");
    let pattern = file.lines().find(|line| is_server(line)).unwrap();
    let usual = pattern.split_whitespace().nth(1).unwrap();
    let servers = nodes.iter().map(|node| pattern.replace(usual, &node.to_string()));
    let servers = servers.collect::<Vec<_>>().join("\n");
    let mut lines: Vec<&str> = Vec::new();
    for line in file.lines() {
        if !is_server(line) {
            lines.push(line);
        } else if !lines.contains(&servers.as_str()) {
            lines.push(&servers);
        }
    }
    lines.join("\n")
}

impl Nginx {
    pub(super) async fn start(nodes: &[SocketAddr]) -> Self {
        let program = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} is not set: run `cargo xtask servers -- cargo test …`, which does")
        });
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        write(folder.path(), address, nodes);
        let nginx = || {
            let mut command = Command::new(&program);
            command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf"]);
            command.args(["-g", "daemon off; user root; pid nginx.pid;"]);
            command
        };
        let checked = nginx().arg("-t").output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let child = nginx()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { address, child, folder };
        eventually(async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
        nginx
    }

    /// Names other nodes, and has nginx read its files again, as `nginx -s reload` does.
    pub(super) fn reload(&self, nodes: &[SocketAddr]) {
        fs::write(self.folder.path().join("upstream.conf"), upstream(nodes)).unwrap();
        self.signal("-HUP");
    }

    /// Whether a request was answered by this node, as the log says.
    pub(super) fn has_asked(&self, node: SocketAddr) -> bool {
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        log.lines().any(|line| line.ends_with(&format!(" {node} 200")))
    }

    /// Forgets what the log says.
    pub(super) fn clear_log(&self) {
        fs::write(self.folder.path().join("access.log"), "").unwrap();
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Nginx {
    /// By SIGTERM: the workers of a master that was killed would stay.
    fn drop(&mut self) {
        self.signal("-TERM");
        let _ = self.child.wait();
    }
}

fn write(folder: &Path, address: SocketAddr, nodes: &[SocketAddr]) {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {name};\n"))
        .concat();
    let main = read("nginx/nginx.conf");
    let main = replaced(&main, "http {", &format!("http {{\n{temporary}"));
    let main = replaced(&main, "/etc/nginx/message-service/", "");
    let main = replaced(&main, "/dev/stdout", "access.log");
    let main = replaced(&main, "/dev/stderr", "error.log");
    let site = read("nginx/message-service.conf");
    let site = replaced(&site, "/etc/nginx/message-service/", "");
    // Nothing listens at the port that sends browsers on to TLS.
    let site = replaced(&site, "listen 80;", &format!("listen unix:{}/80;", folder.display()));
    let site = replaced(&site, "listen 443 ssl;", &format!("listen {address};"));
    // The rest of what it says of TLS is read, and of no effect.
    let has_no_certificate = |line: &&str| !line.trim_start().starts_with("ssl_certificate");
    let site = site.lines().filter(has_no_certificate).collect::<Vec<_>>().join("\n");
    for (name, text) in
        [("nginx.conf", main), ("message-service.conf", site), ("upstream.conf", upstream(nodes))]
    {
        fs::write(folder.join(name), text).unwrap();
    }
}
