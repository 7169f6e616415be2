//! Notices: delivering them, and looking into a postbox with few and with many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::account::find_by_email;
use nutzerkonto::app::{self, App, Surroundings};
use nutzerkonto::client::registry::Registry;
use nutzerkonto::config::Config;
use nutzerkonto::kernel::holiday::Land;
use nutzerkonto::kernel::id::{AccountId, ClientId};
use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::Kind;
use nutzerkonto::postbox::clock::LegalBasis;
use nutzerkonto::postbox::content::{Content, Head};
use nutzerkonto::postbox::provide::{Attempt, Notice, provide};
use nutzerkonto::sql;
use nutzerkonto::store::work::Actor;
use tokio::runtime::Runtime;

use super::bare;
use super::documents::{document, sign_in_at_once};
use super::http::{Answer, Connection, Outcome, Visitor, drive, get, post};
use super::series::{Contender, compare};
use super::server::{Instance, Process, REDIRECT_URI, beside};
use super::visitors::{authorize_path, consent_at, pages, session};
use super::{CONNECTIONS, Options, commits};

const SERVICE: &str = "wohngeld";
const OFFICE: &str = "wohngeld-amt";
/// People to whom is delivered; others look.
const RECIPIENTS: u64 = 16;
const HAS_FEW: u64 = RECIPIENTS;
const HAS_A_PAGE: u64 = RECIPIENTS + 1;
const HAS_MANY: u64 = RECIPIENTS + 2;
const ACCOUNTS: u64 = RECIPIENTS + 3;
const FEW: usize = 10;
const A_PAGE: usize = 25;
const MANY: usize = 100_000;
/// Postboxes as full as the fullest, beside it.
const OTHERS: usize = 9;
const SESSIONS: usize = 8;
/// What a notice says.
const TEXT_BYTES: usize = 10 * 1024;
/// The longest file that comes with a notice.
const FILE_BYTES: usize = 25 * 1024 * 1024;
/// Files that are sent one after the other.
const FILES: usize = 5;

fn declare(instance: &Instance) -> Outcome<()> {
    let settings = std::fs::read_to_string(instance.config())?;
    let shelf = format!("[objects]\ndirectory = {:?}\n", beside(instance, "objects"));
    std::fs::write(instance.config(), settings + &shelf)?;
    let file = instance.directory.0.join("clients.toml");
    let text = std::fs::read_to_string(&file)?;
    let client = |id: &str, extra: &str| {
        format!(
            "[[client]]\nid = \"{id}\"\nname = {{ de = \"Wohngeld\", en = \"Housing benefit\" }}\n\
             operator = {{ de = \"Stadt Musterhausen\", en = \"City\" }}\n\
             purpose = {{ de = \"Ihren Antrag bearbeiten\", en = \"To process your application\" }}\n\
             privacy_uri = \"https://service.example/datenschutz\"\nsector = \"stadt\"\n{extra}\
             [client.authentication]\n{}",
            instance.signer.authentication()
        )
    };
    let service = client(SERVICE, &format!("redirect_uris = [\"{REDIRECT_URI}\"]\nscopes = [\"openid\"]\n"));
    let office = "own_scopes = [\"postbox\"]\npostbox = { land = \"RP\", notices_per_day = 1000000 }\n";
    std::fs::write(file, text + &service + &client(OFFICE, office))?;
    instance.run(&["client", "apply", "--config"])
}

async fn account(app: &App, number: u64) -> Outcome<AccountId> {
    let email = EmailAddress::parse(&format!("konto-{number}@example.org")).ok_or("no address")?;
    let found = find_by_email(&mut app.read().await?, &app.vault, &email).await?;
    found.map(|(id, _)| id).ok_or_else(|| "no account".into())
}

fn notice(recipient: Party, number: usize) -> Notice {
    let text = |text: &str| text.to_owned();
    Notice {
        recipient,
        kind: Kind::Information,
        level: Level::Basic,
        legal_basis: LegalBasis::None,
        land: Land::Rp,
        remedy: None,
        due_on: None,
        attachments: Vec::new(),
        head: Head {
            sender: [text("Stadt Musterhausen"), text("City")],
            subject: format!("Mitteilung {number}"),
            reference: Some(format!("50.3-{number}")),
        },
        content: Content {
            what: text("Worum es geht."),
            to_do: text("Nichts."),
            by_when: text("Keine Frist."),
            text: text("Ein Satz."),
            reply: None,
        },
    }
}

/// Notices that are put down beside each other.
const ABREAST: usize = 32;

/// Puts so many notices into a postbox, as delivering does.
async fn fill(app: &App, owner: &AccountId, count: usize) -> Outcome<()> {
    let registry = Registry::load(&app.db, app.now()).await?;
    let client = registry.find(&ClientId(OFFICE.into())).ok_or("no client")?;
    let put = async |number| {
        let key = format!("{} {number}", owner.as_str());
        let attempt = Attempt { idempotency_key: &key, body: key.as_bytes(), request: "bench" };
        provide(app, &client, &notice(Party::Person(owner.clone()), number), attempt).await.map(drop)
    };
    stream::iter(0..count).map(put).buffer_unordered(ABREAST).try_collect::<()>().await?;
    Ok(())
}

/// Full postboxes of others, which nobody opens; and nobody is told of anything.
async fn surround(app: &App, owner: &AccountId) -> Outcome<()> {
    for other in 0..OTHERS {
        let mut work = app.begin(Actor::System("bench")).await?;
        sql!(
            &mut work.tx,
            execute,
            "INSERT INTO postbox_message (id, owner, client_id, kind, level, legal_basis, land, provided_at, content_key, head,
                                          content, content_hash)
             SELECT SUBSTR(id, 1, 5) || $2 || SUBSTR(id, 7), $3, client_id, kind, level, legal_basis, land, provided_at,
                    content_key, head, content, content_hash
               FROM postbox_message WHERE owner = $1",
            owner,
            char::from(b'A' + u8::try_from(other)?).to_string(),
            format!("acc_{other:026}")
        )?;
        work.commit().await?;
    }
    let mut work = app.begin(Actor::System("bench")).await?;
    sql!(&mut work.tx, execute, "DELETE FROM outbox")?;
    Ok(work.commit().await?)
}

/// Delivers one notice after another, each of 10 KB, to one after another.
struct Delivering {
    host: String,
    token: String,
    bodies: Arc<Vec<String>>,
    number: Arc<AtomicU64>,
}

impl Visitor for Delivering {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        answer.map_or(Ok(()), |answer| answer.expect(201))?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let body = &self.bodies[usize::try_from(number)? % self.bodies.len()];
        let request = format!(
            "POST /api/postbox/v1/messages HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: \
             {number}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        );
        Ok((answer.is_some(), request.into_bytes()))
    }
}

fn delivery(subject: &str) -> String {
    let text = "Sie bekommen 214 Euro im Monat. ".repeat(TEXT_BYTES / 32);
    format!(
        r#"{{"recipient":{{"subject":"{subject}"}},"kind":"decision","legal_basis":"OZG9","remedy":"objection",
            "subject":"Bescheid über Wohngeld","reference":"50.3-4711",
            "short":{{"what":"Sie bekommen Wohngeld.","to_do":"Nichts.","by_when":"Einen Monat lang."}},"text":"{text}"}}"#
    )
}

/// A token for the interface.
fn token(instance: &Instance) -> Outcome<String> {
    let form = format!("grant_type=client_credentials{}", instance.signer.proof(OFFICE)?);
    let mut connection = Connection::open(instance.address)?;
    let answer = connection.ask(&post(&instance.host, "/oauth2/token", "", &form))?;
    answer.expect(200)?;
    Ok(answer.between("\"access_token\":\"", "\"").to_owned())
}

/// R: what delivering reaches of the bound that its commit, its seal and its signature set; the list of a postbox and a search in it,
/// with few notices and with many, among a million.
pub fn notices(options: &Options, runtime: &Runtime) -> Outcome<()> {
    let instance = runtime.block_on(Instance::prepare_empty(options.database, "notices"))?;
    instance.run(&["seed", "--accounts", &ACCOUNTS.to_string(), "--config"])?;
    declare(&instance)?;
    let subjects = runtime.block_on(async {
        let app = app::open(Config::read(&instance.config())?, Surroundings::default()).await?;
        let registry = Registry::load(&app.db, app.now()).await?;
        let service = registry.find(&ClientId(SERVICE.into())).ok_or("no client")?;
        let mut subjects = Vec::new();
        for number in 0..RECIPIENTS {
            subjects.push(service.subject(&app.vault, &account(&app, number).await?));
        }
        app.db.close().await;
        Outcome::Ok(subjects)
    })?;
    delivering(options, (&instance, runtime), &subjects)?;
    runtime.block_on(async {
        let app = app::open(Config::read(&instance.config())?, Surroundings::default()).await?;
        for (number, count) in [(HAS_FEW, FEW), (HAS_A_PAGE, A_PAGE), (HAS_MANY, MANY)] {
            fill(&app, &account(&app, number).await?, count).await?;
        }
        surround(&app, &account(&app, HAS_MANY).await?).await?;
        app.db.close().await;
        Outcome::Ok(())
    })?;
    looking(options, &instance)
}

fn delivering(options: &Options, (instance, runtime): (&Instance, &Runtime), subjects: &[String]) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let mut connection = Connection::open(instance.address)?;
    for number in 0..RECIPIENTS {
        let session = session(instance, &mut connection, number)?;
        consent_at(instance, &session, &authorize_path(SERVICE, "openid"))?;
    }
    let bodies = Arc::new(subjects.iter().map(|subject| delivery(subject)).collect::<Vec<_>>());
    let (number, duration) = (Arc::new(AtomicU64::new(0)), options.duration());
    let deliver = || {
        let token = token(instance)?;
        let visitor = |_| {
            let (host, token) = (instance.host.clone(), token.clone());
            let (bodies, number) = (Arc::clone(&bodies), Arc::clone(&number));
            Box::new(Delivering { host, token, bodies, number }) as Box<dyn Visitor>
        };
        let mut visitors: Vec<_> = (0..options.connections).map(visitor).collect();
        drive(instance.address, &mut visitors, duration)
    };
    let contenders = vec![
        Contender::own("durable commits alone", || commits(options, instance, runtime)),
        Contender::own("ES256 signatures alone, 2 threads", || bare::es256(duration)),
        Contender::own("seal 10 KB, 2 threads", || bare::seal_long(duration, TEXT_BYTES)),
        Contender::served("delivering a notice of 10 KB", &server, deliver),
    ];
    let measured = compare("R. Delivering", options.pace(), contenders)?;
    let [commit, signature, seal, delivered] = measured.as_slice() else { return Ok(()) };
    let share = delivered.share_of(&[(commit, 1.0), (signature, 1.0), (seal, 1.0)]);
    println!("\nOf the bound of one commit, one signature and one seal: {:.1} %", 100.0 * share);
    attaching(instance, &server, subjects.first().ok_or("no subject")?)
}

/// How much memory the longest files need that come for a notice.
fn attaching(instance: &Instance, server: &Process, subject: &str) -> Outcome<()> {
    let (token, body) = (token(instance)?, document(FILE_BYTES));
    let head = format!(
        "POST /api/postbox/v1/attachments?subject={subject}&name=Bescheid.pdf HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer \
         {token}\r\ncontent-length: {}\r\n\r\n",
        instance.host,
        body.len()
    );
    let mut connection = Connection::open(instance.address)?;
    let mut send = || {
        connection.send(head.as_bytes())?;
        connection.ask(&body)?.expect(201)
    };
    sign_in_at_once(instance)?;
    let before = server.resident_mebibytes()?;
    server.forget_peak()?;
    for _ in 0..FILES {
        send()?;
    }
    println!("More memory at most than before, for files of 25 MiB: {:.1} MiB", server.peak_mebibytes()? - before);
    Ok(())
}

fn looking(options: &Options, instance: &Instance) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let duration = options.duration();
    let look = |number: u64, path: &str| -> Outcome<_> {
        let mut connection = Connection::open(instance.address)?;
        let request = |_| Ok(get(&instance.host, path, &session(instance, &mut connection, number)?));
        let mut visitors = pages(CONNECTIONS, (0..SESSIONS).map(request).collect::<Outcome<_>>()?);
        let address = instance.address;
        Ok(move || drive(address, &mut visitors, duration))
    };
    let contenders = vec![
        Contender::served(&format!("{FEW} notices"), &server, look(HAS_FEW, "/postfach")?),
        Contender::served(&format!("{A_PAGE} notices"), &server, look(HAS_A_PAGE, "/postfach")?),
        Contender::served(&format!("{MANY} notices"), &server, look(HAS_MANY, "/postfach")?),
    ];
    compare("R. The first page of a postbox", options.pace(), contenders)?;

    // One after the other: what counts is how long somebody waits.
    let look = |number: u64, path: &str| -> Outcome<_> {
        let mut connection = Connection::open(instance.address)?;
        let request = get(&instance.host, path, &session(instance, &mut connection, number)?);
        let mut visitors = pages(1, vec![request]);
        let address = instance.address;
        Ok(move || drive(address, &mut visitors, duration))
    };
    let contenders = vec![
        Contender::served(&format!("{FEW} notices"), &server, look(HAS_FEW, "/postfach?suche=niemand")?),
        Contender::served(&format!("{MANY} notices, found"), &server, look(HAS_MANY, "/postfach?suche=50.3-99990")?),
        Contender::served(&format!("{MANY} notices, not found"), &server, look(HAS_MANY, "/postfach?suche=niemand")?),
    ];
    compare("R. Looking for something in it", options.pace(), contenders)?;
    Ok(())
}
