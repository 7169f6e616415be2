//! Attack rows X02, X03, X04, X06 and S08: what is wrong below HTTP's surface. Where no database is involved, one
//! is enough.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::both;
use crate::support::World;
use crate::support::surface::EMAIL;
use crate::support::wire::exchange;

const PATIENCE: Duration = Duration::from_secs(5);

fn host(world: &World) -> String {
    world.config.issuer.trim_start_matches("http://").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_x02_only_our_own_host_is_answered() {
    let world = World::on_sqlite().await;
    let host = host(&world);
    let port = world.address().port();
    let cases = [
        ("GET /hilfe HTTP/1.1\r\nHost: {host}", 200),
        ("GET http://{host}/hilfe HTTP/1.1\r\nHost: {host}", 200),
        ("GET /hilfe HTTP/1.1\r\nHost: evil.example", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: localhost", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: localhost:1", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: 127.0.0.1:{port}", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: {host}.evil.example", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: evil.example#{host}", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: evil@{host}", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: {host}/evil.example", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: {host}, evil.example", 421),
        ("GET /hilfe HTTP/1.1\r\nHost:", 421),
        ("GET /hilfe HTTP/1.1\r\nHost: \u{2100}", 400),
        ("GET /hilfe HTTP/1.1\r\nX-Forwarded-Host: {host}", 400),
        ("GET /hilfe HTTP/1.1\r\nHost: {host}\r\nHost: {host}", 400),
        ("GET /hilfe HTTP/1.1\r\nHost: {host}\r\nHost: evil.example", 400),
        ("GET /hilfe HTTP/1.1\r\nHost: evil.example\r\nHost: {host}", 400),
        ("GET /hilfe HTTP/1.1\r\nHost : {host}", 400),
        ("GET /hilfe HTTP/1.1\r\n Host: {host}", 400),
        ("GET http://evil.example/hilfe HTTP/1.1\r\nHost: {host}", 421),
        ("GET http://{host}/hilfe HTTP/1.1\r\nHost: evil.example", 421),
        ("GET http://evil@{host}/hilfe HTTP/1.1\r\nHost: {host}", 421),
        ("GET http://{host}@evil.example/hilfe HTTP/1.1\r\nHost: {host}", 421),
        ("GET http://{host}/hilfe HTTP/1.1", 400),
        ("GET /hilfe HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: {host}\r\nForwarded: host={host}", 421),
        ("CONNECT {host} HTTP/1.1\r\nHost: {host}", 404),
        ("OPTIONS * HTTP/1.1\r\nHost: {host}", 404),
    ];
    let fill = |text: &str| text.replace("{host}", &host).replace("{port}", &port.to_string());
    for (head, status) in cases {
        let bytes = format!("{}\r\nConnection: close\r\n\r\n", fill(head));
        let reply = exchange(world.address(), bytes.as_bytes(), PATIENCE).await;
        assert_eq!((reply.statuses(), reply.closed), (vec![status], true), "{head}");
        assert!(status == 200 || !reply.text.contains("set-cookie"), "{head}");
    }
}

/// What a request may claim about where it went.
const CLAIMS: [(&str, &str); 8] = [
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-port", "4443"),
    ("x-original-url", "/evil.example"),
    ("x-rewrite-url", "/evil.example"),
    ("x-host", "evil.example"),
    ("forwarded", "for=192.0.2.1;host=evil.example;proto=https"),
];

both!(sec_s08_links_come_from_the_configuration, async |mut world| {
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    // Not even a trusted proxy chooses the host.
    world.restart(|config| config.server.trusted_proxies.push([127, 0, 0, 1].into())).await;
    let claiming = |request: reqwest::RequestBuilder| {
        CLAIMS.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let mut renate = world.browser();
    renate.get("/wieder-anmelden/email").await;
    for path in ["/wieder-anmelden/email", "/registrieren/email"] {
        let form = [("csrf", renate.csrf.clone()), ("email", EMAIL.to_owned())];
        let request = renate.request(reqwest::Method::POST, path).form(&form);
        let answer = renate.send(claiming(request)).await;
        assert!(answer.location().starts_with('/') && !answer.location().starts_with("//"), "{}", answer.location());
        let mail = world.mail_to(EMAIL).await;
        assert!(mail.body.contains(&format!("{}/echt", world.config.issuer)), "{}", mail.body);
        for text in [&mail.subject, &mail.body] {
            assert!(!text.contains("evil") && !text.contains("4443") && !text.contains("https://"), "{text}");
        }
    }
    for path in ["/", "/konto", "/anmelden", "/hilfe", "/.well-known/openid-configuration", "/gibt-es-nicht"] {
        let request = claiming(renate.request(reqwest::Method::GET, path));
        let answer = renate.send(request).await;
        assert!(!answer.body.contains("evil") && !answer.location().contains("evil"), "{path}");
        assert!(!answer.body.contains("4443") && !answer.body.contains("https://localhost"), "{path}");
    }
});

/// Heads of a POST whose end two readers could see in different places. `{body}` holds a second request.
const AMBIGUOUS: [&str; 27] = [
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n0\r\n\r\n",
    "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b",
    "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
    "Content-Length: 3, 3\r\n\r\na=b",
    "Content-Length: 3 3\r\n\r\na=b",
    "Content-Length: -3\r\n\r\na=b",
    "Content-Length: +3\r\n\r\na=b",
    "Content-Length: 0x3\r\n\r\na=b",
    "Content-Length: 3e0\r\n\r\na=b",
    "Content-Length: 18446744073709551619\r\n\r\na=b",
    "Content-Length: \r\n\r\na=b",
    "Content-Length : 3\r\n\r\na=b",
    "Content-Length:\r\n 3\r\n\r\na=b",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \u{b}chunked\r\nContent-Length: 3\r\n\r\na=b",
    "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\na=b",
    "Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\na=b",
    " Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=b",
    "X: a\r\n b\r\nContent-Length: 3\r\n\r\na=b",
    "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=b",
    "X: a\0b\r\nContent-Length: 3\r\n\r\na=b",
];

/// Chunked bodies that are none.
const BROKEN_CHUNKS: [&str; 9] = [
    "-3\r\na=b\r\n0\r\n\r\n",
    "0x3\r\na=b\r\n0\r\n\r\n",
    "+3\r\na=b\r\n0\r\n\r\n",
    "ffffffffffffffff3\r\na=b\r\n0\r\n\r\n",
    "3\na=b\n0\n\n",
    "3\r\na=bXX0\r\n\r\n",
    "3;a\nb\r\na=b\r\n0\r\n\r\n",
    "3\r\r\na=b\r\n0\r\n\r\n",
    "\r\n3\r\na=b\r\n0\r\n\r\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_x03_no_request_hides_in_another() {
    let world = World::on_sqlite().await;
    let (host, address) = (host(&world), world.address());
    let hidden = format!("GET /oauth2/jwks HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded";
    let mut cases = Vec::new();
    for version in ["1.1", "1.0"] {
        for path in ["/oauth2/token", "/anmelden", "/oauth2/userinfo"] {
            let head = format!("POST {path} HTTP/{version}\r\nHost: {host}\r\nConnection: keep-alive\r\n{form}\r\n");
            cases.extend(AMBIGUOUS.iter().map(|rest| format!("{head}{rest}{hidden}")));
            let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
            cases.extend(BROKEN_CHUNKS.iter().map(|rest| format!("{chunked}{rest}{hidden}")));
        }
        // What is only data in a well-formed request stays data.
        let head = format!("POST /oauth2/token HTTP/{version}\r\nHost: {host}\r\n{form}\r\nConnection: close\r\n");
        cases.push(format!("{head}Content-Length: {}\r\n\r\n{hidden}", hidden.len()));
        cases.push(format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len()));
        cases.push(format!("{head}Transfer-Encoding: chunked\r\n\r\n3;a=\"{hidden}\"\r\na=b\r\n0\r\n\r\n"));
        cases.push(format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n{hidden}"));
    }
    let replies = cases.iter().map(|case| exchange(address, case.as_bytes(), PATIENCE));
    for (case, reply) in cases.iter().zip(join_all(replies).await) {
        assert!(!reply.text.contains("\"keys\""), "answered the hidden request: {case:?}");
        assert!(reply.status() >= 400 && reply.closed, "{case:?}: {reply:?}");
        assert_eq!(reply.statuses().len(), 1, "{case:?}: {reply:?}");
    }
    assert_eq!(world.browser().get("/hilfe").await.status, 200, "and the server is well");
}

/// `Upgrade: websocket` must not turn a body into an endless one, which swallows the next request of a proxy's
/// connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_x03_nothing_is_upgraded() {
    let world = World::on_sqlite().await;
    let host = host(&world);
    let next = format!("GET /oauth2/jwks HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for upgrade in ["websocket", "h2c", "WebSocket"] {
        let head = format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Upgrade: {upgrade}\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\na=b{next}"
        );
        let reply = exchange(world.address(), head.as_bytes(), PATIENCE).await;
        let statuses = reply.statuses();
        let refused = statuses.len() == 1 && statuses[0] >= 400 && reply.closed;
        let framed = statuses == [401, 200] || statuses == [400, 200];
        assert!(refused || framed, "{upgrade}: refuse and close, or take three bytes for the body: {reply:?}");
    }
}

// Names with underscores are other headers, whatever a proxy makes of them.
both!(sec_x04_header_names_are_not_alike, async |mut world| {
    world
        .restart(|config| {
            config.server.trusted_proxies.push([127, 0, 0, 1].into());
            config.limits.attempts_per_network = 3;
        })
        .await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let mut stranger = world.browser();
        stranger.get("/anmelden").await;
        let form = [("csrf", stranger.csrf.clone()), ("email", EMAIL.into()), ("password", "falsch-falsch".into())];
        let mut request = stranger.request(reqwest::Method::POST, "/anmelden").form(&form);
        for name in
            ["x_forwarded_for", "x-forwarded_for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "client-ip"]
        {
            request = request.header(name, format!("192.0.2.{number}"));
        }
        statuses.push(stranger.send(request).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 429, 429]);
});

/// Sends one byte of a head now and then until the server has had enough.
async fn crawl(address: SocketAddr, start: Vec<u8>) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&start).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let dripping = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
    };
    let mut rest = Vec::new();
    let ended = async { drop(reader.read_to_end(&mut rest).await) };
    let patience = tokio::time::sleep(Duration::from_secs(13));
    tokio::select! { () = dripping => true, () = ended => true, () = patience => false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_x06_slow_clients_are_sent_away_and_disturb_nobody() {
    let world = World::on_sqlite().await;
    let (host, address) = (host(&world), world.address());
    let starts = ["", "GET / HT", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\nHost: {host}\r\nX: "];
    let slow = (0..200).map(|number| crawl(address, starts[number % 4].replace("{host}", &host).into_bytes()));
    let slow = tokio::spawn(join_all(slow.collect::<Vec<_>>()));
    let (mut honest, mut answered) = (world.browser(), 0);
    while !slow.is_finished() {
        let page = tokio::time::timeout(Duration::from_secs(2), async { honest.get("/anmelden").await.status });
        assert_eq!(page.await, Ok(200), "an honest request waits less than two seconds");
        answered += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = slow.await.unwrap();
    assert_eq!(ended.iter().filter(|ended| **ended).count(), 200, "closed within thirteen seconds");
    assert!(answered > 20, "{answered}");
}
