//! Bytes on the wire, for requests that no well-behaved client sends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back until the server closed the connection, or until nothing more came for a while.
#[derive(Debug)]
pub struct Reply {
    pub text: String,
    pub closed: bool,
}

impl Reply {
    /// The status of each answer.
    pub fn statuses(&self) -> Vec<u16> {
        let lines = self.text.split("HTTP/1.").skip(1);
        lines.filter_map(|line| line.get(2..5)?.parse().ok()).collect()
    }

    pub fn status(&self) -> u16 {
        self.statuses().first().copied().unwrap_or_default()
    }
}

/// Sends the bytes and reads what comes.
pub async fn exchange(address: SocketAddr, bytes: &[u8], patience: Duration) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close before everything is written.
    drop(stream.write_all(bytes).await);
    let (mut received, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    let closed = loop {
        match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(length)) => received.extend_from_slice(&buffer[..length]),
            Err(_) => break false,
        }
    };
    Reply { text: String::from_utf8_lossy(&received).into_owned(), closed }
}
