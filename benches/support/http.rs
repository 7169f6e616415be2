//! The load generator: one thread, blocking keep-alive connections, no library between it and the socket.
//!
//! It writes one request on every connection, then takes the answers in turn and sends the next request on
//! each. The server always has as many requests as there are connections, and the generator costs two system
//! calls a request, which matters because it shares its processors with the server it measures.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome<T> = Result<T, Failure>;

/// No answer that is measured is longer.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// How much longer than the measured time it runs, before counting begins: caches and pools are warm then.
pub const WARM_UP: f64 = 0.15;

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    head: &'a str,
    pub body: &'a str,
    /// All bytes of the answer, head included.
    pub length: usize,
}

impl<'a> Answer<'a> {
    fn headers(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn header(&self, name: &'a str) -> &'a str {
        self.headers(name).next().unwrap_or_default()
    }

    /// `name=value` of a cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        let pairs = self.headers("set-cookie").filter_map(|text| text.split(';').next());
        pairs.into_iter().find(|pair| pair.split('=').next() == Some(name))
    }

    /// The text between two marks of the body.
    pub fn between(&self, before: &str, after: &str) -> &'a str {
        let rest = self.body.split_once(before).map_or("", |(_, rest)| rest);
        rest.split(after).next().unwrap_or_default()
    }

    /// A parameter of the address it redirects to.
    pub fn redirect_parameter(&self, name: &str) -> Option<&'a str> {
        let (_, query) = self.header("location").split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Refuses to go on measuring something else than what was meant.
    pub fn expect(&self, status: u16) -> Outcome<()> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("expected {status}, got {} {}", self.head, self.body).into())
    }
}

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: vec![0; ANSWER_MAX_BYTES] })
    }

    pub fn send(&mut self, request: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// Reads one whole answer: by its length, or to the last chunk. Nothing is ever pipelined behind it.
    pub fn receive(&mut self) -> Outcome<Answer<'_>> {
        let (mut filled, mut head_end, mut total) = (0, 0, None);
        loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            filled += read;
            let bytes = &self.buffer[..filled];
            if head_end == 0 {
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                head_end = end;
                let head = std::str::from_utf8(&bytes[..end])?;
                let length = Answer { status: 0, head, body: "", length: 0 }.header("content-length").parse::<usize>();
                total = length.ok().map(|length| end + 4 + length);
            }
            if total.map_or_else(|| bytes.ends_with(b"0\r\n\r\n"), |total| filled >= total) {
                break;
            }
        }
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or("no status line")?;
        // A compressed body is counted, not read.
        let body = std::str::from_utf8(&self.buffer[head_end + 4..filled]).unwrap_or_default();
        Ok(Answer { status, head, body, length: filled })
    }

    /// Reads one whole answer that says how long it is, and keeps nothing; how many bytes its body had.
    pub fn discard(&mut self) -> Outcome<usize> {
        let mut filled = 0;
        let (end, status, length) = loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            filled += read;
            let Some(end) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else {
                if read == 0 {
                    return Err("the server closed the connection".into());
                }
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end])?;
            let answer = Answer { status: 0, head, body: "", length: 0 };
            break (end + 4, head.split(' ').nth(1) == Some("200"), answer.header("content-length").parse::<usize>()?);
        };
        let mut received = filled - end;
        while received < length {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            received += read;
        }
        if status { Ok(received) } else { Err("the answer is a refusal".into()) }
    }

    pub fn ask(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.send(request)?;
        self.receive()
    }
}

/// A request without a body.
pub fn get(host: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept-language: de\r\n{headers}\r\n").into_bytes()
}

/// A form.
pub fn post(host: &str, path: &str, headers: &str, form: &str) -> Vec<u8> {
    let length = form.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\naccept-language: de\r\n{headers}content-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

/// Somebody at one connection: turns each answer into the next request.
pub trait Visitor: Send {
    /// The first time there is no answer yet. `true` says that the answer completed what is counted.
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)>;
}

/// Each visitor on a thread of its own: for answers that take so long that nobody may wait for another's.
pub fn drive_apart(address: SocketAddr, visitors: &mut [Box<dyn Visitor>], duration: Duration) -> Outcome<f64> {
    std::thread::scope(|scope| {
        let alone = |visitor| scope.spawn(move || drive(address, std::slice::from_mut(visitor), duration));
        let threads: Vec<_> = visitors.iter_mut().map(alone).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a visitor panicked")?).sum()
    })
}

/// Keeps all visitors busy and returns how often per second they completed what is counted.
pub fn drive(address: SocketAddr, visitors: &mut [Box<dyn Visitor>], duration: Duration) -> Outcome<f64> {
    drive_nodes(&[address], visitors, duration)
}

/// As [`drive`]; the visitors are spread over several nodes.
pub fn drive_nodes(nodes: &[SocketAddr], visitors: &mut [Box<dyn Visitor>], duration: Duration) -> Outcome<f64> {
    let mut connections = Vec::new();
    for (visitor, address) in visitors.iter_mut().zip(nodes.iter().cycle()) {
        let mut connection = Connection::open(*address)?;
        connection.send(&visitor.next(None)?.1)?;
        connections.push(connection);
    }
    let mut completed = 0_u64;
    let mut began = Instant::now();
    let mut is_warm = false;
    loop {
        for (connection, visitor) in connections.iter_mut().zip(visitors.iter_mut()) {
            let answer = connection.receive()?;
            let (done, request) = visitor.next(Some(&answer))?;
            completed += u64::from(done);
            connection.send(&request)?;
        }
        if !is_warm && began.elapsed() >= duration.mul_f64(WARM_UP) {
            (is_warm, began, completed) = (true, Instant::now(), 0);
        }
        if is_warm && began.elapsed() >= duration {
            break;
        }
    }
    let rate = completed as f64 / began.elapsed().as_secs_f64();
    for connection in &mut connections {
        connection.receive()?;
    }
    Ok(rate)
}
