//! Services that register themselves: what they say, what they are answered, and the way of a person to one of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use nutzerkonto::client::registration_token::Wanted;
use nutzerkonto::operator::{Inquiry, client};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::browser::{Answer, Browser};
use super::doors::text;
use super::service::{Service, vorgang};
use super::world::World;

pub const REGISTER: &str = "/oauth2/register";
pub const REASON: &str = "Mit dem Betreiber gesprochen und die Seiten angesehen";

pub fn by() -> Inquiry {
    Inquiry::new("k.muster", REASON).unwrap()
}

/// Until every node has looked at the version number.
pub async fn soon() {
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
}

/// The same world where services may register themselves, and this machine may be called.
pub async fn opened(world: &mut World) {
    let change = |config: &mut nutzerkonto::config::Config| {
        config.registration.enabled = true;
        config.outbound.allowed_hosts = vec!["localhost".to_owned()];
    };
    world.restart(change).await;
}

/// A token for so many services.
pub async fn token(world: &World, uses: u32) -> String {
    let wanted = Wanted::new(uses, 7, "Stadtwerke Musterhausen").unwrap();
    client::make_token(&world.app, "k.muster", &wanted).await.unwrap().1.expose().clone()
}

/// What "laden" says of itself, with some members changed or (null) left out.
pub fn metadata(changes: Value) -> Value {
    let mut said = json!({ "redirect_uris": ["https://laden.example/cb"], "client_name": "Hofladen" });
    let (said_members, changes) = (said.as_object_mut().unwrap(), changes.as_object().unwrap().clone());
    for (name, value) in changes {
        if value.is_null() {
            said_members.remove(&name);
        } else {
            said_members.insert(name, value);
        }
    }
    said
}

/// Sends JSON with a token to an address of a node.
pub async fn send(node: &Browser, (method, path): (&str, &str), token: &str, body: Option<&Value>) -> Answer {
    let mut anybody = node.without_cookies();
    let mut request = anybody.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    anybody.send(request).await
}

pub async fn register(world: &World, token: &str, said: &Value) -> Answer {
    send(&world.browser(), ("POST", REGISTER), token, Some(said)).await
}

/// A service that has registered itself.
pub struct Registrant {
    pub told: Value,
    pub service: Service,
    pub access: String,
    /// The path of its own address.
    pub path: String,
}

impl Registrant {
    pub async fn new(world: &World, changes: Value) -> Self {
        let answer = register(world, &token(world, 1).await, &metadata(changes)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Self::read(world, &answer.json())
    }

    pub fn read(world: &World, told: &Value) -> Self {
        let secret = told["client_secret"].as_str().unwrap_or_default().to_owned();
        let redirect_uri = told["redirect_uris"][0].as_str().unwrap_or_default().to_owned();
        let uri = text(told, "registration_client_uri");
        Self {
            service: Service { id: text(told, "client_id"), secret, redirect_uri },
            access: text(told, "registration_access_token"),
            path: uri.strip_prefix(&world.config.issuer).unwrap().to_owned(),
            told: told.clone(),
        }
    }

    pub async fn ask(&self, node: &Browser, method: &str, body: Option<&Value>) -> Answer {
        send(node, (method, &self.path), &self.access, body).await
    }

    /// Everything that it says of itself, said again with changes.
    pub fn said_again(&self, changes: Value) -> Value {
        let mut said = metadata(changes);
        said["client_id"] = json!(self.service.id);
        said
    }

    pub async fn approve(&self, world: &World) {
        let id = nutzerkonto::kernel::id::ClientId(self.service.id.clone());
        client::approve(&world.app, &by(), &id).await.unwrap();
        soon().await;
    }
}

/// Answers the page about a service that nobody has checked; where that leads.
pub async fn answers(browser: &mut Browser, page: &Answer, word: &str) -> Answer {
    let answer = browser.post(&format!("/dienst/pruefen?vorgang={}", vorgang(page)), &[("antwort", word)]).await;
    browser.follow(answer).await
}

/// From the request over what is asked to the code; with these data chosen.
pub async fn code(browser: &mut Browser, service: &Service, chosen: &[&'static str]) -> String {
    let mut page = browser.visit(&service.request(&[])).await;
    if page.body.contains("action=\"/dienst/pruefen") {
        page = answers(browser, &page, "weiter").await;
    }
    if page.status == 200 {
        let names: Vec<String> = chosen.iter().map(|name| format!("daten-{name}")).collect();
        let mut form = vec![("antwort", "ja")];
        form.extend(names.iter().map(|name| (name.as_str(), "ja")));
        let answer = browser.post(&format!("/einwilligung?vorgang={}", vorgang(&page)), &form).await;
        page = browser.follow(answer).await;
    }
    page.parameter("code").unwrap_or_else(|| panic!("no code: {page:?}"))
}

/// A server of the service, with things at addresses.
#[derive(Clone)]
pub struct Yard {
    port: u16,
    things: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Yard {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let yard = Self { port: listener.local_addr().unwrap().port(), things: Arc::default() };
        let things = Arc::clone(&yard.things);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await.unwrap_or_default();
                let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
                let thing = things.lock().unwrap().get(&path).cloned();
                let (status, body) = thing.map_or(("404 Not Found", Vec::new()), |thing| ("200 OK", thing));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                drop(stream.write_all(&[head.as_bytes(), &body].concat()).await);
            }
        });
        yard
    }

    /// Puts something there; its address.
    pub fn put(&self, path: &str, thing: &[u8]) -> String {
        self.things.lock().unwrap().insert(path.to_owned(), thing.to_vec());
        format!("http://localhost:{}{path}", self.port)
    }
}
