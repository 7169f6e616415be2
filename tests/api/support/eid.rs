//! The simulated eID-Server and eID-Client, with people who put cards on, or with a service of their own that asks them; and an
//! eID-Server that lies.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use nutzerkonto::config;
use nutzerkonto::demo::eid::{self, Files, Services};
use nutzerkonto::eid::{Begun, EidServer, Failure, Reading, Returned};
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::time::Clock;
use reqwest::redirect::Policy;

use super::browser::{Answer, Browser};
use super::world::{START, World};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The keys of the demonstration in a directory of their own.
pub fn files() -> Files {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let name = format!("nk_eid_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    Files::write(&std::env::temp_dir().join(name)).unwrap()
}

pub fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

pub fn settings(files: &Files, server: u16, client: u16) -> config::Eid {
    let text = files.settings(server, client);
    toml::from_str(text.strip_prefix("[eid]\n").unwrap()).unwrap()
}

pub fn open(settings: &config::Eid) -> EidServer {
    EidServer::open(settings).unwrap().unwrap()
}

/// Both services on free ports, and what leads to them.
fn services(files: &Files, clock: &Clock, random: &Random) -> (Services, config::Eid) {
    let ((server, server_port), (client, client_port)) = (listener(), listener());
    let services = eid::start(files, (server, client), clock, random).unwrap();
    (services, settings(files, server_port, client_port))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

/// The eID-Client's name of a run, as its page has it.
fn run_of(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"run\" value=\"").unwrap_or_else(|| panic!("{page}"));
    rest.split('"').next().unwrap()
}

/// People in front of a world with an eID-Server, whose eID-Client reads test cards.
pub struct Reader {
    http: reqwest::Client,
    _services: Services,
}

impl Reader {
    /// Starts both services, and the world anew with them.
    pub async fn start(world: &mut World) -> Self {
        let files = Files::write(&world.database.directory.join("eid")).unwrap();
        let (services, eid) = services(&files, &world.clock, &world.app.random);
        world.restart(|config| config.eid = eid).await;
        Self { http: http(), _services: services }
    }

    /// The same, with somebody on the way to the eID-Server: given its port, they say on which they listen.
    pub async fn start_behind(world: &mut World, middle: impl FnOnce(u16) -> u16) -> Self {
        let files = Files::write(&world.database.directory.join("eid")).unwrap();
        let (services, mut eid) = services(&files, &world.clock, &world.app.random);
        let address = url::Url::parse(eid.server_url.as_deref().unwrap()).unwrap();
        let mut other = address.clone();
        other.set_port(Some(middle(address.port().unwrap()))).unwrap();
        eid.server_url = Some(other.to_string());
        world.restart(|config| config.eid = eid).await;
        Self { http: http(), _services: services }
    }

    /// Begins in this browser; where its eID-Client is called.
    pub async fn begin(browser: &mut Browser, query: &str) -> String {
        Self::begin_at(browser, &format!("/ausweis{query}")).await
    }

    /// The same from the page of this path.
    pub async fn begin_at(browser: &mut Browser, path: &str) -> String {
        browser.get(path).await;
        let answer = browser.post(path, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let page = browser.get(answer.location()).await;
        let (_, rest) = page.body.split_once("id=\"computer\" href=\"").unwrap_or_else(|| panic!("{}", page.body));
        rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&")
    }

    /// Chooses at the eID-Client: `card:renate`, or an end without a card. Where it sends the browser, as a path.
    pub async fn choose(&self, address: &str, choice: &str) -> String {
        let page = self.http.get(address).send().await.unwrap().text().await.unwrap();
        let at = url::Url::parse(address).unwrap().join("/eID-Client/ende").unwrap();
        let form = [("run", run_of(&page)), ("choice", choice)];
        let (_, _, location) = answer(self.http.post(at).form(&form).send().await.unwrap()).await;
        let url = url::Url::parse(&location.unwrap()).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// The whole way in one browser, up to what it is answered.
    pub async fn read(&self, browser: &mut Browser, choice: &str) -> Answer {
        self.read_from(browser, "/ausweis", choice).await
    }

    pub async fn read_from(&self, browser: &mut Browser, path: &str, choice: &str) -> Answer {
        let address = Self::begin_at(browser, path).await;
        let back = self.choose(&address, choice).await;
        browser.get(&back).await
    }
}

/// Both services, and a program that asks them.
pub struct Eid {
    pub files: Files,
    pub settings: config::Eid,
    pub server: EidServer,
    pub clock: Clock,
    pub random: Random,
    services: Services,
    http: reqwest::Client,
}

impl Eid {
    pub fn start() -> Self {
        let (files, clock, random) = (files(), Clock::fixed(START), Random::seeded(7));
        let (services, settings) = services(&files, &clock, &Random::seeded(8));
        Self { server: open(&settings), files, settings, clock, random, services, http: http() }
    }

    pub async fn begin(&self) -> Begun {
        self.server.begin(self.clock.now(), &self.random).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub async fn result(&self, begun: &Begun, counter: u32) -> Result<Reading, Failure> {
        self.server.result(&begun.session, counter, self.clock.now(), &self.random).await
    }

    /// As a browser: status, body, and where it is sent.
    pub async fn get(&self, address: &str) -> (u16, String, Option<String>) {
        answer(self.http.get(address).send().await.unwrap()).await
    }

    async fn choose(&self, run: &str, choice: &str) -> (u16, String, Option<String>) {
        let address = format!("{}/ende", self.settings.client_url);
        answer(self.http.post(address).form(&[("run", run), ("choice", choice)]).send().await.unwrap()).await
    }

    /// The eID-Client fetches the token and somebody makes this choice there: where the browser is sent.
    pub async fn activate(&self, begun: &Begun, choice: &str) -> String {
        let tokens = Tokens::start(|own| {
            self.server.tc_token(begun, &format!("{own}/zurueck?lauf=1"), &format!("{own}/fehler"))
        });
        let address = self.server.client_address(&format!("{}/token", tokens.origin)).desktop;
        let (status, page, _) = self.get(&address).await;
        assert_eq!(status, 200, "{page}");
        let run = run_of(&page);
        let (status, said, location) = self.choose(run, choice).await;
        assert_eq!(status, 303, "{said}");
        assert_eq!(self.choose(run, choice).await.0, 404, "a choice is made once");
        tokens.stop().await;
        location.unwrap().strip_prefix(&tokens.origin).unwrap().to_owned()
    }

    /// The whole way with this choice: what the browser says, and what the eID-Server says after that.
    pub async fn run(&self, choice: &str) -> (Option<Returned>, Result<Reading, Failure>) {
        let begun = self.begin().await;
        let location = self.activate(&begun, choice).await;
        (Returned::parse(location.split_once('?').unwrap().1), self.result(&begun, 1).await)
    }

    pub async fn stop(self) {
        self.services.stop().await;
    }
}

async fn answer(answer: reqwest::Response) -> (u16, String, Option<String>) {
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), answer.text().await.unwrap(), location)
}

/// A service from which an eID-Client fetches its token, at `/token`; `/weiter/<n>` redirects n times to it.
pub struct Tokens {
    pub origin: String,
    handle: ServerHandle,
}

impl Tokens {
    pub fn start(token: impl FnOnce(&str) -> String) -> Self {
        let (listener, port) = listener();
        let origin = format!("http://localhost:{port}");
        let token = token(&origin);
        let further = |steps: web::Path<u32>| async move {
            let next = if *steps == 0 { "/token".to_owned() } else { format!("/weiter/{}", *steps - 1) };
            HttpResponse::SeeOther().insert_header(("location", next)).finish()
        };
        let app = move || {
            let token = token.clone();
            let tell = move || {
                let token = token.clone();
                async move { HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(token) }
            };
            App::new().route("/token", web::get().to(tell)).route("/weiter/{steps}", web::get().to(further))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { origin, handle }
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

/// What a lying eID-Server answers: status and body, after some time.
pub struct Lie {
    pub status: u16,
    pub body: Vec<u8>,
    pub seconds: u64,
}

impl Lie {
    pub fn of(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), seconds: 0 }
    }
}

/// An eID-Server with the right certificate for TLS, which answers what it likes.
pub struct Liar {
    pub server: EidServer,
    /// What leads to it, with a patience of one second.
    pub settings: config::Eid,
    handle: ServerHandle,
    directory: PathBuf,
}

impl Liar {
    pub fn start(lie: impl Fn(&Files) -> Lie) -> Self {
        let (files, (listener, port)) = (files(), listener());
        let lie = Arc::new(lie(&files));
        let app = move || {
            let lie = Arc::clone(&lie);
            App::new().default_service(web::to(move || {
                let lie = Arc::clone(&lie);
                async move {
                    tokio::time::sleep(std::time::Duration::from_secs(lie.seconds)).await;
                    let status = actix_web::http::StatusCode::from_u16(lie.status).unwrap();
                    HttpResponse::build(status).insert_header(("location", "/eID")).body(lie.body.clone())
                }
            }))
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.listen_rustls_0_23(listener, eid::server::tls(&files).unwrap()).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        let settings = config::Eid { timeout_seconds: 1, ..settings(&files, port, port) };
        let directory = files.authority.parent().unwrap().to_owned();
        Self { server: open(&settings), settings, handle, directory }
    }

    /// Why it is not believed.
    pub async fn ask(&self) -> Failure {
        match self.server.begin(START, &Random::seeded(9)).await {
            Err(failure) => failure,
            Ok(_) => panic!("it was believed"),
        }
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}
