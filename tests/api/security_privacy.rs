//! Rows Z01, Z02, P-8, N06, E04: what people entrust to us stands in no file and in no log.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use nutzerkonto::kernel::secret::sha256;

use crate::both;
use crate::support::database::Database;
use crate::support::service::vorgang;
use crate::support::{Browser, Service, World};

/// Words that nobody else uses.
const EMAIL: &str = "quaxelwumm.zibbeldorn@kanarienpost.example";
const GIVEN: &str = "Quaxelwummbert";
const FAMILY: &str = "Zibbeldörnchen";
const PASSWORD: &str = "klabuster-vanille-zwoelf-gondelrabe";
const NEW_PASSWORD: &str = "fragatte-minzblatt-drei-wolkenigel";
const BIRTH: [&str; 3] = ["29", "3", "1907"];

/// What must not be found, by name.
type Canaries = BTreeMap<String, String>;

fn canaries() -> Canaries {
    [
        ("email", EMAIL),
        ("local part", "quaxelwumm.zibbeldorn"),
        ("mail domain", "kanarienpost"),
        ("given name", GIVEN),
        ("family name", FAMILY),
        ("family name in part", "Zibbeld"),
        ("birth date", "1907-03-29"),
        ("birth date as shown", "29. März 1907"),
        ("password", PASSWORD),
        ("new password", NEW_PASSWORD),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The same text as bytes that a file could hold.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let sixteen = |little: bool| {
        text.encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect::<Vec<u8>>()
    };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all =
        vec![bytes.to_vec(), sixteen(true), sixteen(false), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Base 64 depends on where a group of three begins; its two ends on what stands beside.
    for shift in 0..3.min(bytes.len()) {
        let whole = &bytes[shift..shift + (bytes.len() - shift) / 3 * 3];
        if whole.len() >= 9 {
            all.push(STANDARD_NO_PAD.encode(whole).into_bytes());
            all.push(URL_SAFE_NO_PAD.encode(whole).into_bytes());
        }
    }
    all
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    needle.len() <= haystack.len() && haystack.windows(needle.len()).any(|window| window == needle)
}

fn assert_absent(haystack: &[u8], canaries: &Canaries, place: &str) {
    for (name, value) in canaries {
        for spelling in spellings(value) {
            assert!(!find(haystack, &spelling), "{name} stands in {place} as {:?}", String::from_utf8_lossy(&spelling));
        }
    }
}

/// Everything the program can do with a person: register, forget the password, sign in, give data to a service.
/// Collects the secrets that were shown on the way.
async fn live(browser: &mut Browser, code_for: &mut impl AsyncFnMut() -> String, parken: &Service) -> Canaries {
    let mut found = canaries();
    let mut keep = |name: &str, value: &str| drop(found.insert(name.to_owned(), value.to_owned()));
    browser.get("/registrieren/email").await;
    browser.post("/registrieren/email", &[("email", EMAIL)]).await;
    keep("registration code", &code_for().await);
    let code = found["registration code"].clone();
    let confirmed = browser.post("/registrieren/code", &[("code", &code)]).await;
    assert_eq!(confirmed.location(), "/registrieren/name");
    let person = [("given_names", GIVEN), ("family_name", FAMILY)];
    let birth = [("birth_day", BIRTH[0]), ("birth_month", BIRTH[1]), ("birth_year", BIRTH[2])];
    browser.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
    browser.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    let page = browser.get("/registrieren/wiederherstellung").await;
    let is_code = |text: &&str| text.len() == 19 && text.split('-').all(|group| group.len() == 4);
    for (number, code) in page.body.split(['<', '>', ' ', '\n']).filter(is_code).enumerate() {
        found.insert(format!("recovery code {number}"), code.to_owned());
        found.insert(format!("recovery code {number} without hyphens"), code.replace('-', ""));
    }
    assert_eq!(found.keys().filter(|name| name.starts_with("recovery")).count(), 20);
    browser.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    browser.get("/registrieren/pruefen").await;
    browser.post("/registrieren/pruefen", &[]).await;
    assert!(browser.is_signed_in());
    found.insert("first session".to_owned(), browser.cookies["nk_s"].clone());
    reset(browser, code_for, &mut found).await;
    let page = browser.visit(&parken.request(&[("login_hint", EMAIL)])).await;
    let path = format!("/einwilligung?vorgang={}", vorgang(&page));
    let answer = browser.post(&path, &[("antwort", "ja")]).await;
    let back = browser.follow(answer).await;
    redeem(browser, parken, back.parameter("code").unwrap(), &mut found).await;
    let half_registered = browser.post("/registrieren/email", &[("email", "anders@kanarienpost.example")]).await;
    assert_eq!(half_registered.status, 303);
    found.insert("session".to_owned(), browser.cookies["nk_s"].clone());
    found.insert("browser".to_owned(), browser.cookies["nk_t"].clone());
    found.insert("anti-forgery value".to_owned(), browser.csrf.clone());
    found
}

async fn reset(browser: &mut Browser, code_for: &mut impl AsyncFnMut() -> String, found: &mut Canaries) {
    browser.get("/wieder-anmelden/email").await;
    browser.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    let code = code_for().await;
    browser.post("/wieder-anmelden/code", &[("code", &code)]).await;
    found.insert("reset code".to_owned(), code);
    browser.post("/wieder-anmelden/passwort", &[("password", NEW_PASSWORD)]).await;
    let wrong = browser.sign_in(EMAIL, "krambeutel-falsch-siebzehn").await;
    found.insert("wrong password".to_owned(), "krambeutel-falsch-siebzehn".to_owned());
    assert_eq!((wrong.status, browser.sign_in(EMAIL, NEW_PASSWORD).await.status), (422, 303));
}

async fn redeem(browser: &Browser, parken: &Service, code: String, found: &mut Canaries) {
    let tokens = parken.redeem_at(browser, &code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let mut anybody = browser.without_cookies();
    for (method, status) in [(reqwest::Method::GET, 200), (reqwest::Method::POST, 200)] {
        let request = anybody.request(method, "/oauth2/userinfo").bearer_auth(&access);
        let info = anybody.send(request.header("content-length", "0")).await;
        assert_eq!((info.status, info.json()["family_name"].as_str()), (status, Some(FAMILY)));
    }
    assert_eq!(parken.redeem_at(browser, &code, &[]).await.status, 400, "a second time");
    found.insert("authorization code".to_owned(), code);
    found.insert("id token".to_owned(), tokens["id_token"].as_str().unwrap().to_owned());
    found.insert("access token".to_owned(), access);
    found.insert("client secret".to_owned(), parken.secret.clone());
    found.insert("client authentication".to_owned(), parken.basic().replace("Basic ", ""));
    found.insert("verifier".to_owned(), crate::support::service::VERIFIER.to_owned());
}

async fn lived(world: &World) -> Canaries {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("")).await;
    let mut browser = world.browser();
    let found = live(&mut browser, &mut async || next_code(world).await, &parken).await;
    world.settle().await;
    found
}

/// The code of the next mail that has one; the welcome has none.
async fn next_code(world: &World) -> String {
    loop {
        let mail = world.mail_to(EMAIL).await;
        if let Some(code) = code_in(&mail.body) {
            return code;
        }
    }
}

fn code_in(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).map(str::to_owned)
}

/// Six digits stand in many a number by chance; where they are asked for, they are asked for by themselves.
fn without_short_codes(mut canaries: Canaries) -> Canaries {
    canaries.retain(|_, value| value.len() > 6);
    canaries
}

both!(sec_z01_the_database_knows_nobody, async |world| {
    let canaries = without_short_codes(lived(&world).await);
    assert!(canaries.len() > 35, "{:?}", canaries.keys());
    let dump = world.dump().await;
    assert!(dump["attribute"].len() == 3 && dump["registration"].len() == 1 && dump["session"].len() == 1);
    for (table, rows) in &dump {
        assert_absent(rows.join("\n").as_bytes(), &canaries, &format!("table {table}"));
    }
    if world.database.url.starts_with("sqlite:") {
        let mut files = 0;
        for entry in std::fs::read_dir(&world.database.directory).unwrap() {
            let path = entry.unwrap().path();
            // Where files would lie; nobody has sent any.
            if path.is_dir() {
                assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "{}", path.display());
                continue;
            }
            assert_absent(&std::fs::read(&path).unwrap(), &canaries, &path.display().to_string());
            files += usize::from(path.to_string_lossy().contains("test.db"));
        }
        assert_eq!(files, 3, "database, -wal and -shm");
    }
});

// The search finds what it is there for.
both!(sec_z01_the_search_sees, async |world| {
    let mut tx = world.app.db.begin().await.unwrap();
    let bytes = format!("xx{EMAIL}").into_bytes();
    let sealed: &[u8] = &bytes;
    nutzerkonto::sql!(&mut tx, execute, "INSERT INTO root_secret (name, wrapped) VALUES ($1, $2)", "canary", sealed)
        .unwrap();
    nutzerkonto::sql!(&mut tx, execute, "INSERT INTO version (name, value) VALUES ($1, 1)", FAMILY).unwrap();
    world.app.db.commit(tx).await.unwrap();
    let dump = world.dump().await;
    let sees = |table: &str, text: &str| spellings(text).iter().any(|one| find(dump[table].join("\n").as_bytes(), one));
    assert!(sees("root_secret", EMAIL) && sees("version", FAMILY));
    let encoded = STANDARD.encode(format!("a{EMAIL}"));
    assert!(spellings(EMAIL).iter().any(|one| find(encoded.as_bytes(), one)));
});

/// Columns as hexadecimal, lower case, whatever the database.
fn hex_values(rows: &[String]) -> Vec<Vec<u8>> {
    let text = rows.join("\n").to_ascii_lowercase();
    let digits = text.split(|letter: char| !letter.is_ascii_hexdigit()).filter(|part| part.len() == 64);
    let byte = |part: &str, place: usize| u8::from_str_radix(&part[place..place + 2], 16).unwrap();
    digits.map(|part| (0..64).step_by(2).map(|place| byte(part, place)).collect()).collect()
}

both!(sec_n06_a_dump_opens_nothing, async |world| {
    let canaries = lived(&world).await;
    let dump = world.dump().await;
    let values: Vec<Vec<u8>> = dump.values().flat_map(|rows| hex_values(rows)).collect();
    assert!(values.len() > 20, "{}", values.len());
    let parken = Service::new("parken");
    for value in &values {
        let token = URL_SAFE_NO_PAD.encode(value);
        let mut thief = world.browser();
        thief.cookies.insert("nk_s".to_owned(), token.clone());
        assert_eq!(thief.get("/konto").await.status, 303, "as a session");
        assert_eq!(parken.redeem(&world, &token).await.status, 400, "as a code");
    }
    // No index is a plain hash of what it finds: with the addresses of a phone book one could look everybody up.
    let mut guesses =
        vec![EMAIL.to_owned(), format!("email\0{EMAIL}"), format!("email:{EMAIL}"), format!("email{EMAIL}")];
    guesses.extend(canaries.iter().filter(|(name, _)| name.contains("code ")).map(|(_, value)| value.clone()));
    for name in ["registration code", "reset code", "password", "given name", "family name", "birth date"] {
        guesses.push(canaries[name].clone());
    }
    for guess in guesses {
        assert!(
            !values.iter().any(|value| value[..] == sha256(guess.as_bytes())),
            "{guess} stands there as its SHA-256"
        );
    }
    let hashes: Vec<&String> = dump["password"].iter().collect();
    assert!(hashes.len() == 1 && hashes[0].contains("$argon2id$v=19$"), "{hashes:?}");
});

/// The real program, with everything it can log.
struct Program {
    child: Child,
    issuer: String,
    mails: std::path::PathBuf,
    _database: Database,
}

impl Program {
    async fn start(database: Database) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (listen, operations) = (free(), free());
        let directory = database.directory.clone();
        let issuer = format!("http://localhost:{}", listen.port());
        let mails = directory.join("mails");
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-dev");
        let clients = directory.join("clients.toml");
        std::fs::write(&clients, Service::new("parken").declaration("")).unwrap();
        let config = directory.join("nutzerkonto.toml");
        let text = format!(
            "issuer = \"{issuer}\"\n[server]\nlisten = \"{listen}\"\noperations_listen = \"{operations}\"\n\
             [database]\nurl = \"{}\"\n[mail]\ndirectory = \"{}\"\n[password]\nmemory_kibibytes = 64\niterations = 1\n\
             [log]\nlevel = \"trace\"\n[keys]\nmaster_key = \"file:{keys}/master.key\"\n",
            database.url,
            mails.display()
        );
        std::fs::write(&config, text).unwrap();
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nutzerkonto"));
            command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let applied = program().args(["client", "apply", "--config"]).args([&config, &clients]).status().unwrap();
        assert!(applied.success());
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let child = program().args(["serve", "--config"]).arg(&config).stderr(log).spawn().unwrap();
        let this = Self { child, issuer, mails, _database: database };
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(listen).await.is_ok() {
                return this;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the program did not listen within ten seconds");
    }

    fn browser(&self) -> Browser {
        let port = self.issuer.rsplit_once(':').unwrap().1.parse().unwrap();
        Browser::new(&self.issuer, ([127, 0, 0, 1], port).into())
    }

    /// The next mail with a code; each counts once.
    async fn code(&self) -> String {
        for _ in 0..400 {
            for entry in std::fs::read_dir(&self.mails).unwrap() {
                let path = entry.unwrap().path();
                let raw = std::fs::read(&path).unwrap();
                let body = mailparse::parse_mail(&raw).ok().and_then(|mail| mail.get_body().ok()).unwrap_or_default();
                if let Some(code) = code_in(&body) {
                    std::fs::remove_file(path).unwrap();
                    return code;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no mail with a code came within ten seconds");
    }

    /// Stops the program and returns its log.
    async fn log(mut self) -> String {
        let stopped = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        for _ in 0..400 {
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let mut text = String::new();
        std::fs::File::open(self._database.directory.join("log")).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Digits that stand by themselves: no part of a longer number, nor of the fraction of a second.
fn stands_alone(log: &str, code: &str) -> bool {
    log.match_indices(code).any(|(place, _)| {
        let before = log[..place].chars().next_back().unwrap_or(' ');
        let after = log[place + code.len()..].chars().next().unwrap_or(' ');
        !before.is_ascii_digit() && before != '.' && !after.is_ascii_digit()
    })
}

async fn log_of_a_life(database: Database) {
    let program = Program::start(database).await;
    let mut browser = program.browser();
    let canaries = live(&mut browser, &mut async || program.code().await, &Service::new("parken")).await;
    let log = program.log().await;
    assert!(
        log.contains("TRACE") && log.contains("DEBUG") && log.contains("/registrieren/passwort"),
        "everything is logged"
    );
    for name in ["registration code", "reset code"] {
        assert!(!stands_alone(&log, &canaries[name]), "{name} stands in the log");
    }
    assert_absent(log.as_bytes(), &without_short_codes(canaries), "the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_z01_the_log_knows_nobody_on_sqlite() {
    log_of_a_life(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_z01_the_log_knows_nobody_on_postgres() {
    if let Some(database) = Database::postgres().await {
        log_of_a_life(database).await;
    }
}

/// One event, one line; nothing in a request ends a line or colours the terminal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_z02_no_request_writes_a_line_of_its_own() {
    let program = Program::start(Database::sqlite()).await;
    let mut browser = program.browser();
    browser.get("/anmelden").await;
    for (number, end) in ["%0D%0A", "%0A", "%0D", "%1B%5B31m", "%E2%80%A8", "%C2%85", "%22%7D%0A%7B"].iter().enumerate()
    {
        let evil = format!("{end}2026-01-01T00:00:00Z%20%20INFO%20gefaelscht%3D{number}");
        browser.get(&format!("/{evil}")).await;
        browser.get(&format!("/dienste/{evil}/beenden?vorgang={evil}")).await;
        browser.get(&format!("/oauth2/authorize?client_id={evil}&state={evil}&request={evil}")).await;
        browser.get(&format!("/oauth2/logout?id_token_hint={evil}")).await;
        let body = format!("csrf={}&email={evil}&password={evil}", browser.csrf);
        let request = browser.request(reqwest::Method::POST, "/anmelden").body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request
            .header("user-agent", "x\tgefaelscht")
            .header("referer", "http://gefaelscht\u{1b}[0m".replace('\u{1b}', ""));
        browser.send(request).await;
        browser
            .post_exactly("/oauth2/token", &[("grant_type", "x\r\ngefaelscht"), ("client_secret", "\u{1b}[31m")])
            .await;
    }
    let log = program.log().await;
    let is_event = |line: &str| {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        time.len() == 27 && time.ends_with('Z') && ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level)
    };
    let strange: Vec<&str> = log.split('\n').filter(|line| !line.is_empty() && !is_event(line)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(!log.contains(['\r', '\u{1b}', '\u{85}', '\u{2028}']), "control characters are written out");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")));
    assert!(log.lines().filter(|line| line.contains("answered")).count() > 40);
}
