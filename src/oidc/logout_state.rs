//! What became of telling services that a session has ended: for the person, who may have to sign out there, and for the
//! operator, by service. Told means that the service has answered with 2xx (OpenID Connect Back-Channel Logout 1.0 section
//! 2.8), never less. The words change in the transaction that ends or postpones the job.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::store::logout_state::{self as rows, NoticeRow, SumRow};
use super::whose::{self, Whose};
use super::{OidcEvent, store};
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, JobId, SessionId};
use crate::kernel::seal::Place;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::{Timestamp, minutes};
use crate::store::db::Tx;
use crate::store::outbox::{Job, Tried};
use crate::store::work::Work;

/// In the order of concern: of sessions that ended at once, the person is shown the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
pub enum State {
    /// The service has confirmed it.
    Told,
    /// It has not been asked yet, or has not confirmed it yet and is asked again.
    Waiting,
    /// It has refused, or has not confirmed it in twelve tries.
    Failed,
}

impl State {
    pub const ALL: [State; 3] = [State::Told, State::Waiting, State::Failed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| "waiting, told or failed".to_owned())
    }
}

/// A client that is to be told of the end of a session.
pub struct Due<'a> {
    pub account: &'a AccountId,
    pub client: &'a ClientId,
    pub session: &'a SessionId,
    pub ended_at: Timestamp,
}

/// Writes down that a job will tell this client. `false` if there is one already: the sessions that ended were taken up
/// twice.
pub async fn begin(work: &mut Work, job: &JobId, due: &Due<'_>) -> Result<bool, Error> {
    Ok(rows::insert(work, job, due).await?)
}

/// Writes down what a try has led to, in the transaction that ends or postpones the job. That a service has not been told
/// is an event, which its person reads. Returns whose state it is, if it has changed.
pub async fn note(work: &mut Work, job: &Job, tried: &Tried<'_>) -> Result<Option<(ClientId, State)>, Error> {
    let (state, row) = match tried {
        Tried::Done => (State::Told, rows::set_told(work, &job.id, job.attempts).await?),
        Tried::Again(reason) => {
            (State::Waiting, rows::set_not_told(work, &job.id, (State::Waiting, job.attempts), reason).await?)
        }
        Tried::GivenUp(reason) => {
            (State::Failed, rows::set_not_told(work, &job.id, (State::Failed, job.attempts), reason).await?)
        }
    };
    let Some(row) = row else { return Ok(None) };
    if state == State::Failed {
        let event = OidcEvent::LogoutNotTold { client: row.client_id.clone() };
        whose::record(work, &Whose::own(&row.account_id), &event).await?;
    }
    Ok(Some((row.client_id, state)))
}

/// Counts a try of [`note`], once it is committed.
pub fn count(client: ClientId, state: State) {
    metrics::counter!("nutzerkonto_logouts_total", "client" => client.0, "state" => state.name()).increment(1);
}

/// The end of a session as a service has learnt of it, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logout {
    pub state: State,
    pub ended_at: Timestamp,
    pub changed_at: Timestamp,
}

impl From<&NoticeRow> for Logout {
    fn from(row: &NoticeRow) -> Self {
        Self { state: row.state, ended_at: row.ended_at, changed_at: row.changed_at }
    }
}

impl Logout {
    /// In words, for the person.
    pub fn words(&self, language: Language) -> String {
        let t = &language.texts().services;
        let text = match self.state {
            State::Told => &t.logout_told,
            State::Waiting => &t.logout_waiting,
            State::Failed => &t.logout_failed,
        };
        text.with("at", moment::date_and_clock(language, self.ended_at)).to_string()
    }
}

/// The last end of a session that each client was to be told of.
pub async fn last_of(tx: &mut Tx, account: &AccountId) -> Result<BTreeMap<ClientId, Logout>, Error> {
    let mut last: BTreeMap<ClientId, Logout> = BTreeMap::new();
    for row in rows::newest_of_account(tx, account).await? {
        let logout = Logout::from(&row);
        let known = last.entry(row.client_id).or_insert(logout);
        if (known.ended_at, known.state) < (logout.ended_at, logout.state) {
            *known = logout;
        }
    }
    Ok(last)
}

/// All that is kept about an account, newest first.
pub async fn all_of(tx: &mut Tx, account: &AccountId) -> Result<Vec<(ClientId, Logout)>, Error> {
    let rows = rows::all_of_account(tx, account).await?;
    Ok(rows.into_iter().map(|row| (row.client_id.clone(), Logout::from(&row))).collect())
}

/// How long the page after signing out knows the session that has ended.
const FAREWELL: Duration = minutes(10);
const FAREWELL_PLACE: Place<'static> = Place { table: "farewell", column: "session", row: "", version: 1 };

/// The page after signing out. Its address names the ended session, sealed, if there is a service to tell: nobody is signed
/// in there any more, and the history of a shared browser must not name services.
pub async fn farewell(app: &AppParts, registry: &Registry, session: &SessionId) -> Result<String, Error> {
    if clients_to_tell(&mut app.read().await?, registry, session).await?.is_empty() {
        return Ok("/abgemeldet".to_owned());
    }
    let plain = serde_json::to_vec(&(session, app.now().plus(FAREWELL).seconds())).map_err(Error::broken)?;
    let sealed = app.vault.system.seal(FAREWELL_PLACE, &plain, &app.random).map_err(Error::broken)?;
    Ok(format!("/abgemeldet?sitzung={}", URL_SAFE_NO_PAD.encode(sealed)))
}

/// The services that are told of the session in such an address; none if it is not one of ours or too old.
pub async fn of_farewell(
    app: &AppParts,
    registry: &Registry,
    sealed: &str,
) -> Result<Vec<(Arc<Client>, Logout)>, Error> {
    let Some(session) = open_farewell(app, sealed) else { return Ok(Vec::new()) };
    let mut tx = app.read().await?;
    let clients = clients_to_tell(&mut tx, registry, &session).await?;
    let known = rows::of_session(&mut tx, &session).await?;
    // The job that writes the rows may not have come yet.
    let (state, now) = (State::Waiting, app.now());
    let logout = |client: &Client| {
        let row = known.iter().find(|row| row.client_id == client.id);
        row.map_or(Logout { state, ended_at: now, changed_at: now }, Logout::from)
    };
    Ok(clients.into_iter().map(|client| (Arc::clone(&client), logout(&client))).collect())
}

fn open_farewell(app: &AppParts, sealed: &str) -> Option<SessionId> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = app.vault.system.open(FAREWELL_PLACE, &sealed).ok()?;
    let (session, until): (SessionId, i64) = serde_json::from_slice(plain.expose()).ok()?;
    (app.now() < Timestamp::from_seconds(until)).then_some(session)
}

async fn clients_to_tell(tx: &mut Tx, registry: &Registry, session: &SessionId) -> Result<Vec<Arc<Client>>, Error> {
    let mut known = store::clients_of_session(tx, session).await?;
    known.dedup_by(|one, other| one.client_id == other.client_id);
    let clients = known.iter().filter_map(|row| registry.find(&row.client_id));
    Ok(clients.filter(|client| client.backchannel_logout_uri.is_some()).collect())
}

/// What the operator asks for.
pub struct Filter {
    pub client: Option<ClientId>,
    pub state: Option<State>,
    /// Lines at most.
    pub limit: i64,
}

/// One client and state.
#[derive(Debug)]
pub struct Line(SumRow);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SumRow { client_id, state, count, oldest_at, changed_at, reason } = &self.0;
        let at = |at: Timestamp| moment::date_and_clock(Language::En, at);
        let (oldest, changed) = (at(*oldest_at), at(*changed_at));
        write!(f, "{client_id}  {:7}  {count}  oldest sign-out {oldest}  last change {changed}", state.name())?;
        reason.as_ref().map_or(Ok(()), |reason| write!(f, "  last reason: {reason}"))
    }
}

/// For every client and state how many there are, the oldest, and the last reason; of nobody in particular.
pub async fn report(tx: &mut Tx, filter: &Filter) -> Result<Vec<Line>, Error> {
    Ok(rows::sums(tx, filter).await?.into_iter().map(Line).collect())
}

/// The clients whose gauge is not zero.
#[derive(Clone, Default)]
pub struct Measured(Arc<Mutex<BTreeSet<ClientId>>>);

impl Measured {
    /// Sets how many services wait to be told, by client.
    pub async fn measure(&self, app: &AppParts) -> Result<(), Error> {
        let waiting = rows::waiting(&mut app.read().await?).await?;
        let set = |client: &ClientId, count: i64| {
            metrics::gauge!("nutzerkonto_logouts_waiting", "client" => client.0.clone()).set(count as f64);
        };
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in measured.iter().filter(|client| waiting.iter().all(|row| row.client_id != **client)) {
            set(gone, 0);
        }
        *measured =
            waiting.into_iter().inspect(|row| set(&row.client_id, row.count)).map(|row| row.client_id).collect();
        Ok(())
    }
}
