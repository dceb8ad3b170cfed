//! Asks a server that speaks MongoDB's protocol whether it answers.
//!
//! An open port says less: a server may listen before it can serve.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// How long one answer is waited for, before the server is asked anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// The code of a message, a question or an answer, in MongoDB's protocol.
const OP_MSG: i32 = 2013;

/// `{hello: 1, $db: "admin"}` as BSON.
const HELLO: &[u8; 31] = b"\x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// Whether somebody at the port answers as MongoDB would.
pub(super) fn is_answered(port: u16) -> bool {
    ask(port).is_ok_and(|code| code == OP_MSG)
}

/// Sends the question, and gives the answer's code.
fn ask(port: u16) -> std::io::Result<i32> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // The head: the length of all of it, this message's number, the one it answers, the code.
    let (head, flags, kind) = (16, [0; 4], [0]);
    let length = head + flags.len() + kind.len() + HELLO.len();
    let length = i32::try_from(length).map_err(std::io::Error::other)?;
    let head = [length, 1, 0, OP_MSG].map(i32::to_le_bytes).concat();
    stream.write_all(&[&head, &flags[..], &kind[..], &HELLO[..]].concat())?;
    let mut number = || {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes)?;
        std::io::Result::Ok(i32::from_le_bytes(bytes))
    };
    let [length, _its_number, _answers, code] = [number()?, number()?, number()?, number()?];
    // The rest is of no interest; but who hangs up before it heard it all is complained about.
    let rest = u64::try_from(length).unwrap_or_default().saturating_sub(16);
    std::io::copy(&mut stream.take(rest), &mut std::io::sink())?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 52]).unwrap();
            stream.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn only_an_answer_in_the_protocol_counts() {
        assert!(is_answered(answering(b"\x12\0\0\0\x01\0\0\0\x01\0\0\0\xdd\x07\0\0..")));
        assert!(!is_answered(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
        assert!(!is_answered(answering(b"")));
    }
}
