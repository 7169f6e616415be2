//! Organisations: somebody in one and somebody in many, one with a few members and one with many.

use std::sync::Arc;
use std::time::Duration;

use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::account::find_by_email;
use nutzerkonto::app::{self, App, Surroundings};
use nutzerkonto::config::Config;
use nutzerkonto::kernel::id::{AccountId, OrganisationId};
use nutzerkonto::organisation::record::{Address, Entry, LegalForm, RegisterKind};
use nutzerkonto::organisation::{self, Record, member};
use nutzerkonto::sql;
use nutzerkonto::store::work::Actor;
use tokio::runtime::Runtime;

use super::http::{Answer, Connection, Outcome, Visitor, drive, get, post};
use super::series::{Contender, compare};
use super::server::{Instance, REDIRECT_URI};
use super::service::Signer;
use super::visitors::{authorize_path, code_form, consent_at, pages, session};
use super::{CONNECTIONS, Options};

const ORGANISATIONS: u64 = 10_000;
/// Of the largest.
const MEMBERS: u64 = 10_000;
/// As many as stand on one page.
const FEW_MEMBERS: u64 = 25;
/// Organisations of one person.
const MANY: u64 = 500;
/// Whoever belongs to one, whoever belongs to many, and who administrates one with few members and one with many.
const IN_ONE: u64 = 0;
const IN_MANY: u64 = 1;
const OF_FEW: u64 = 2;
const OF_MANY: u64 = 3;
/// All others come after them.
const OTHERS: u64 = 4;
const ACCOUNTS: u64 = OTHERS + MEMBERS;
/// Sessions of each.
const SESSIONS: usize = 8;
const BATCH: u64 = 100;
const CLIENT_ID: &str = "gewerbe";
const SCOPE: &str = "openid organisation";

fn founder(number: u64) -> u64 {
    match number {
        0 => IN_ONE,
        1 => OF_FEW,
        2 => OF_MANY,
        number if number < 3 + MANY => IN_MANY,
        number => OTHERS + number % MEMBERS,
    }
}

fn record(number: u64) -> Record {
    Record {
        name: format!("Bäckerei {number} GmbH"),
        form: LegalForm::Gmbh,
        register: Some(Entry { kind: RegisterKind::Hrb, court: "Mainz".to_owned(), number: (number + 1).to_string() }),
        seat: "Mainz".to_owned(),
        business_address: Address {
            street: "Große Bleiche 7".to_owned(),
            postal_code: "55116".to_owned(),
            locality: "Mainz".to_owned(),
        },
        administrative_address: None,
        economic_id: None,
    }
}

async fn account(app: &App, number: u64) -> Outcome<AccountId> {
    let email = EmailAddress::parse(&format!("konto-{number}@example.org")).ok_or("no address")?;
    let found = find_by_email(&mut app.read().await?, &app.vault, &email).await?;
    found.map(|(id, _)| id).ok_or_else(|| "no account".into())
}

/// Founds all of them; the one with few members and the one with many.
async fn found(app: &App) -> Outcome<[OrganisationId; 2]> {
    let mut watched = Vec::new();
    for start in (0..ORGANISATIONS).step_by(BATCH as usize) {
        let mut founders = Vec::new();
        for number in start..start + BATCH {
            founders.push((number, account(app, founder(number)).await?));
        }
        let mut work = app.begin(Actor::System("bench")).await?;
        for (number, founder) in founders {
            let whose = (&founder, "Anna Muster");
            let (id, _) = organisation::open_new(&mut work, &app.vault, &record(number), whose).await?;
            if number == 1 || number == 2 {
                watched.push(id);
            }
        }
        work.commit().await?;
    }
    let watched = <[OrganisationId; 2]>::try_from(watched).map_err(|_| "not two")?;
    join(app, &watched[0], FEW_MEMBERS).await?;
    join(app, &watched[1], MEMBERS).await?;
    Ok(watched)
}

/// Members without a right, until there are so many.
async fn join(app: &App, organisation: &OrganisationId, count: u64) -> Outcome<()> {
    for start in (1..count).step_by(BATCH as usize) {
        let mut members = Vec::new();
        for number in start..(start + BATCH).min(count) {
            members.push(account(app, OTHERS + number).await?);
        }
        let mut work = app.begin(Actor::System("bench")).await?;
        let key = organisation::key(&mut work.tx, &app.vault, organisation).await?;
        for account in &members {
            member::insert(&mut work, &key, organisation, (account, "Anna Muster")).await?;
        }
        work.commit().await?;
    }
    Ok(())
}

/// Somebody's session, and the first organisation that they may choose.
#[derive(Clone)]
struct Chooser {
    host: String,
    session: String,
    csrf: String,
    membership: String,
}

impl Chooser {
    fn new(instance: &Instance, number: u64) -> Outcome<Self> {
        let mut connection = Connection::open(instance.address)?;
        let session = session(instance, &mut connection, number)?;
        let page = connection.ask(&get(&instance.host, "/anmelden/wahl", &session))?;
        page.expect(200)?;
        let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
        let membership = format!("mem_{}", page.between("value=\"mem_", "\""));
        Ok(Self { host: instance.host.clone(), session, csrf, membership })
    }

    fn of(instance: &Instance, number: u64) -> Outcome<Vec<Self>> {
        (0..SESSIONS).map(|_| Self::new(instance, number)).collect()
    }

    fn choose(&self, choice: &str) -> Vec<u8> {
        post(&self.host, "/anmelden/wahl", &self.session, &format!("csrf={}&wahl={choice}", self.csrf))
    }
}

/// Chooses in turn the person and the organisation.
struct Choosing {
    who: Chooser,
    is_self: bool,
}

impl Visitor for Choosing {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        answer.map_or(Ok(()), |answer| answer.expect(303))?;
        self.is_self = !self.is_self;
        let choice = if self.is_self { "ich" } else { &self.who.membership };
        Ok((answer.is_some(), self.who.choose(choice)))
    }
}

fn choosing(people: &[Chooser]) -> Vec<Box<dyn Visitor>> {
    let visitor = |who: &Chooser| Box::new(Choosing { who: who.clone(), is_self: false }) as Box<dyn Visitor>;
    people.iter().map(visitor).collect()
}

/// One code flow after another for the organisation: authorize and token.
struct ActingFlow {
    who: Chooser,
    signer: Arc<Signer>,
    asks_token: bool,
}

impl Visitor for ActingFlow {
    fn next(&mut self, answer: Option<&Answer<'_>>) -> Outcome<(bool, Vec<u8>)> {
        let authorize = get(&self.who.host, &authorize_path(CLIENT_ID, SCOPE), &self.who.session);
        let Some(answer) = answer else {
            self.asks_token = false;
            return Ok((false, authorize));
        };
        self.asks_token = !self.asks_token;
        if self.asks_token {
            answer.expect(303)?;
            let code = answer.redirect_parameter("code").ok_or("no code")?;
            let form = format!("{}{}", code_form(code), self.signer.proof(CLIENT_ID)?);
            return Ok((false, post(&self.who.host, "/oauth2/token", "", &form)));
        }
        answer.expect(200)?;
        Ok((true, authorize))
    }
}

/// Everybody has chosen, and agreed.
fn acting(instance: &Instance, people: &[Chooser]) -> Outcome<Vec<Box<dyn Visitor>>> {
    let mut connection = Connection::open(instance.address)?;
    let mut flows: Vec<Box<dyn Visitor>> = Vec::new();
    for who in people {
        connection.ask(&who.choose(&who.membership))?.expect(303)?;
        consent_at(instance, &who.session, &authorize_path(CLIENT_ID, SCOPE))?;
        flows.push(Box::new(ActingFlow { who: who.clone(), signer: Arc::clone(&instance.signer), asks_token: false }));
    }
    Ok(flows)
}

/// The client that serves organisations, beside the others.
fn declare(instance: &Instance) -> Outcome<()> {
    let file = instance.directory.0.join("clients.toml");
    let text = std::fs::read_to_string(&file)?;
    let client = format!(
        "[[client]]\nid = \"{CLIENT_ID}\"\nserves = [\"persons\", \"organisations\"]\n\
         name = {{ de = \"Gewerbe\", en = \"Trade\" }}\noperator = {{ de = \"Stadt Musterhausen\", en = \"City\" }}\n\
         purpose = {{ de = \"Ihren Antrag bearbeiten\", en = \"To process your application\" }}\n\
         privacy_uri = \"https://service.example/datenschutz\"\nredirect_uris = [\"{REDIRECT_URI}\"]\n\
         scopes = [\"openid\", \"organisation\"]\n[client.authentication]\n{}",
        instance.signer.authentication()
    );
    std::fs::write(file, text + &client)?;
    instance.run(&["client", "apply", "--config"])
}

/// Members are looked at by whoever has signed in with more than a password.
async fn sign_in_strongly(instance: &Instance) -> Outcome<()> {
    let app = app::open(Config::read(&instance.config())?, Surroundings::default()).await?;
    let mut work = app.begin(Actor::System("bench")).await?;
    sql!(&mut work.tx, execute, "UPDATE session SET level = 'substantial'")?;
    work.commit().await?;
    app.db.close().await;
    // What a node remembers of a session is older than that.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// O: the same for whoever belongs to one organisation and to many, and in one with few members and with many.
pub fn organisations(options: &Options, runtime: &Runtime) -> Outcome<()> {
    let instance = runtime.block_on(Instance::prepare_empty(options.database, "organisations"))?;
    instance.run(&["seed", "--accounts", &ACCOUNTS.to_string(), "--proven", "--config"])?;
    let [few, many] = runtime.block_on(async {
        let app = app::open(Config::read(&instance.config())?, Surroundings::default()).await?;
        let watched = found(&app).await?;
        app.db.close().await;
        Outcome::Ok(watched)
    })?;
    declare(&instance)?;
    let (server, _) = instance.start()?;
    let duration = options.duration();
    let (in_one, in_many) = (Chooser::of(&instance, IN_ONE)?, Chooser::of(&instance, IN_MANY)?);

    let choice = |people: &[Chooser]| {
        let page = |who: &Chooser| get(&instance.host, "/anmelden/wahl", &who.session);
        let mut visitors = pages(CONNECTIONS, people.iter().map(page).collect());
        let address = instance.address;
        move || drive(address, &mut visitors, duration)
    };
    let contenders = vec![
        Contender::served("in one organisation", &server, choice(&in_one)),
        Contender::served(&format!("in {MANY} organisations"), &server, choice(&in_many)),
    ];
    compare("O. The page that asks for whom to act", options.pace(), contenders)?;

    let (mut one, mut other) = (choosing(&in_one), choosing(&in_many));
    let contenders = vec![
        Contender::served("in one organisation", &server, || drive(instance.address, &mut one, duration)),
        Contender::served(&format!("in {MANY} organisations"), &server, || {
            drive(instance.address, &mut other, duration)
        }),
    ];
    compare("O. Choosing for whom to act", options.pace(), contenders)?;

    let (mut one, mut other) = (acting(&instance, &in_one)?, acting(&instance, &in_many)?);
    let contenders = vec![
        Contender::served("in one organisation", &server, || drive(instance.address, &mut one, duration)),
        Contender::served(&format!("in {MANY} organisations"), &server, || {
            drive(instance.address, &mut other, duration)
        }),
    ];
    compare("O. A code flow for an organisation", options.pace(), contenders)?;

    let list = |number: u64, organisation: &OrganisationId| -> Outcome<_> {
        let mut connection = Connection::open(instance.address)?;
        let path = format!("/organisation/{organisation}/mitglieder");
        let request = |_| Ok(get(&instance.host, &path, &session(&instance, &mut connection, number)?));
        let mut visitors = pages(CONNECTIONS, (0..SESSIONS).map(request).collect::<Outcome<_>>()?);
        let address = instance.address;
        Ok(move || drive(address, &mut visitors, duration))
    };
    let (of_few, of_many) = (list(OF_FEW, &few)?, list(OF_MANY, &many)?);
    runtime.block_on(sign_in_strongly(&instance))?;
    let contenders = vec![
        Contender::served(&format!("{FEW_MEMBERS} members"), &server, of_few),
        Contender::served(&format!("{MEMBERS} members"), &server, of_many),
    ];
    compare("O. The list of members, 25 on a page", options.pace(), contenders)?;
    Ok(())
}
