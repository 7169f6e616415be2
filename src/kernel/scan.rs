//! Asking a virus scanner about a file while it comes: the daemon of ClamAV, in its own protocol (clamd(8), `INSTREAM`).
//!
//! Whoever gets no clear answer has not been told that the file is clean. There is one connection per file.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// An answer is one short line.
const ANSWER_MAX_BYTES: u64 = 4096;
/// Of what a scanner calls something so much is passed on.
const NAME_MAX_CHARACTERS: usize = 100;

/// Where the scanner listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Host and port.
    Tcp(String),
    Unix(PathBuf),
}

impl Place {
    /// Reads `tcp:<host>:<port>` or `unix:<path>`; what is expected, if it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tcp = text.strip_prefix("tcp:").filter(|address| {
            let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        });
        let unix = text.strip_prefix("unix:").map(PathBuf::from).filter(|path| path.is_absolute());
        match (tcp, unix) {
            (Some(address), _) => Ok(Self::Tcp(address.to_owned())),
            (None, Some(path)) => Ok(Self::Unix(path)),
            (None, None) => Err("tcp:<host>:<port> or unix:<path from the root>".to_owned()),
        }
    }
}

/// How long one waits for a scanner.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub connect: Duration,
    /// For each piece to be taken.
    pub piece: Duration,
    /// For the answer, from the last byte on.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), piece: Duration::from_secs(10), answer: Duration::from_secs(60) }
    }
}

#[derive(Clone, Debug)]
pub struct Scanner {
    place: Place,
    pub patience: Patience,
}

/// What the scanner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Clean,
    /// Something, by the name that it has for that.
    Found(String),
}

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum NotScanned {
    #[error("the scanner cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("the scanner takes too long")]
    TooSlow,
    #[error("the scanner says: {0}")]
    Refused(String),
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A file on its way to the scanner. Dropped before [`Scanning::finish`], nobody learns anything.
pub struct Scanning {
    connection: Box<dyn Connection>,
    patience: Patience,
}

impl Scanner {
    pub fn new(place: Place) -> Self {
        Self { place, patience: Patience::default() }
    }

    pub async fn begin(&self) -> Result<Scanning, NotScanned> {
        let connected = timeout(self.patience.connect, self.connect()).await.map_err(|_| NotScanned::TooSlow)??;
        let mut scanning = Scanning { connection: connected, patience: self.patience };
        // `z`: what is said ends with a zero byte.
        scanning.write(b"zINSTREAM\0").await?;
        Ok(scanning)
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Connection>> {
        Ok(match &self.place {
            Place::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

impl Scanning {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), NotScanned> {
        let written = timeout(self.patience.piece, self.connection.write_all(bytes)).await;
        Ok(written.map_err(|_| NotScanned::TooSlow)??)
    }

    /// Passes a piece of the file on.
    pub async fn send(&mut self, piece: &[u8]) -> Result<(), NotScanned> {
        // A piece of no length would be the end.
        if piece.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(piece.len()).map_err(|_| NotScanned::Refused("a piece is too long".to_owned()))?;
        self.write(&length.to_be_bytes()).await?;
        self.write(piece).await
    }

    /// What it says of the whole file.
    pub async fn finish(mut self) -> Result<Finding, NotScanned> {
        self.write(&0_u32.to_be_bytes()).await?;
        let mut answer = Vec::new();
        let mut limited = self.connection.take(ANSWER_MAX_BYTES);
        let read = timeout(self.patience.answer, limited.read_to_end(&mut answer)).await;
        read.map_err(|_| NotScanned::TooSlow)??;
        read_answer(&answer)
    }
}

/// `stream: OK`, `stream: <name> FOUND`, or a complaint.
fn read_answer(answer: &[u8]) -> Result<Finding, NotScanned> {
    let text = String::from_utf8_lossy(answer);
    let text = text.trim_end_matches(['\0', '\n']);
    let said = text.strip_prefix("stream: ").unwrap_or_default();
    if said == "OK" {
        return Ok(Finding::Clean);
    }
    let shown = |text: &str| text.chars().filter(char::is_ascii_graphic).take(NAME_MAX_CHARACTERS).collect::<String>();
    match said.strip_suffix(" FOUND") {
        Some(name) => Ok(Finding::Found(shown(name))),
        None if text.is_empty() => Err(NotScanned::Refused("nothing".to_owned())),
        None => Err(NotScanned::Refused(text.chars().filter(|letter| !letter.is_control()).take(200).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_socket() {
        assert_eq!(Place::parse("tcp:127.0.0.1:3310"), Ok(Place::Tcp("127.0.0.1:3310".to_owned())));
        assert_eq!(Place::parse("tcp:clamav:3310"), Ok(Place::Tcp("clamav:3310".to_owned())));
        assert_eq!(Place::parse("tcp:[::1]:3310"), Ok(Place::Tcp("[::1]:3310".to_owned())));
        assert_eq!(Place::parse("unix:/run/clamav/clamd.ctl"), Ok(Place::Unix("/run/clamav/clamd.ctl".into())));
        for wrong in
            ["", "tcp:", "tcp:clamav", "tcp::3310", "tcp:clamav:0", "tcp:clamav:x", "unix:clamd.ctl", "http://x"]
        {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_ok_is_clean() {
        assert_eq!(read_answer(b"stream: OK\0").unwrap(), Finding::Clean);
        let found = Finding::Found("Win.Test.EICAR_HDB-1".to_owned());
        assert_eq!(read_answer(b"stream: Win.Test.EICAR_HDB-1 FOUND\0").unwrap(), found);
        for other in [
            b"".as_slice(),
            b"\0",
            b"OK",
            b"stream: OK OK",
            b"stream: ok\0",
            b"INSTREAM size limit exceeded. ERROR\0",
            b"stream: Can't allocate memory ERROR\0",
            b"\xff\xfe",
        ] {
            assert!(matches!(read_answer(other), Err(NotScanned::Refused(_))), "{other:?}");
        }
    }
}
