//! A copy of everything: one ZIP, made while it is sent, in the same memory however long the protocol is.
//!
//! `docs/export.md` describes the files; the schema travels with them.

mod postbox;
mod safe;
mod signin;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use super::protocol::{Entry, Reader};
use super::{DataEvent, store};
use crate::account::evidence::{self, Evidence};
use crate::account::{Account, absence, address};
use crate::app::{App, AppParts};
use crate::audit;
use crate::client::registry::Registry;
use crate::kernel::csv;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, DocumentId, EventId, SessionId};
use crate::kernel::level::Level;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::texts::{Language, ProtocolTexts, moment};
use crate::kernel::time::{Timestamp, hours};
use crate::notice::Kind;
use crate::oidc::connection::{self, Connection};
use crate::oidc::logout_state::{self, Logout};
use crate::organisation::acting::Party;
use crate::organisation::claim::Claim;
use crate::organisation::mandate::guardian::{self, Side};
use crate::organisation::mandate::lists::{self as mandates, Listed as Entrusted};
use crate::organisation::mandate::{Done, party};
use crate::organisation::member::{self, Grant};
use crate::organisation::{self, Listed};
use crate::proofing::desk::{self, Case};
use crate::proofing::letter::{self, Letter};
use crate::signin::change::{Person, device_name, tell};
use crate::signin::devices;
use crate::signin::session::{self, Session};
use crate::store::db::Tx;
use crate::store::work::Work;

/// How long a copy may be fetched.
pub const LIFETIME: Duration = hours(24);
/// Lines of the protocol read at once.
const PAGE: i64 = 500;
const SCHEMA: &str = include_str!("../../docs/export-schema.json");

/// Grants one copy to this session, after the password was given once more. Returns the token that fetches it.
pub async fn grant(app: &AppParts, person: Person<'_>) -> Result<(Secret<String>, Timestamp), Error> {
    person.confirm(app).await?;
    let mut work = person.begin(app).await?;
    let (token, until) = (work.random.token(), work.now.plus(LIFETIME));
    let owner = (&person.account.id, &person.session.id);
    store::insert_export(&mut work, &token_hash(token.expose()), owner, until).await?;
    work.commit().await?;
    Ok((token, until))
}

/// Takes the grant; once, by the session that asked for it, within [`LIFETIME`]. `Gone` otherwise.
pub async fn take(
    app: &AppParts,
    mut work: Work,
    (account, session): (&Account, &SessionId),
    token: &str,
) -> Result<(), Error> {
    if !store::take_export(&mut work, &token_hash(token), (&account.id, session)).await? {
        return Err(Error::Gone);
    }
    audit::record(&mut work, &DataEvent::Exported { account: account.id.clone() }).await?;
    let at = moment::date_and_clock(account.language, work.now);
    tell(app, &mut work, account, Kind::DataCopied, |texts| {
        (&texts.mail.data_copied_subject, texts.mail.data_copied_body.with("time", &at))
    })
    .await?;
    work.commit().await
}

/// What the archive has collected and nobody has sent yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Which file is written next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Account,
    Postbox,
    Safe,
    ProtocolJson,
    ProtocolCsv,
    End,
    Sent,
}

/// An archive under way.
struct Archive {
    app: App,
    registry: Registry,
    account: AccountId,
    /// How well its owner is signed in: what of the postbox needs more is not in it.
    level: Level,
    language: Language,
    /// Where the next notices are read.
    notices: Option<postbox::Place>,
    /// After which document the next ones are read.
    document: Option<DocumentId>,
    /// `None` once it is complete.
    zip: Option<ZipWriter<StreamWriter<Buffer>>>,
    buffer: Buffer,
    part: Part,
    /// The last line of the protocol that was written.
    before: Option<EventId>,
}

/// The archive, piece by piece.
pub fn archive(
    app: App,
    registry: Registry,
    (account, level): (AccountId, Level),
    language: Language,
) -> impl Stream<Item = Result<Bytes, Error>> {
    let buffer = Buffer::default();
    let zip = Some(ZipWriter::new_stream(buffer.clone()));
    let (part, before, notices, document) = (Part::Account, None, None, None);
    let archive = Archive { app, registry, account, level, language, notices, document, zip, buffer, part, before };
    try_unfold(archive, Archive::next)
}

impl Archive {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        match self.part {
            Part::Account => self.write_account().await?,
            Part::Postbox => self.write_postbox().await?,
            Part::Safe => self.write_safe().await?,
            Part::ProtocolJson | Part::ProtocolCsv => self.write_protocol().await?,
            Part::End => {
                self.zip.take().map(ZipWriter::finish).transpose().map_err(Error::broken)?;
                self.part = Part::Sent;
            }
            Part::Sent => return Ok(None),
        }
        Ok(Some((self.buffer.take(), self)))
    }

    fn zip(&mut self) -> Result<&mut ZipWriter<StreamWriter<Buffer>>, Error> {
        self.zip.as_mut().ok_or_else(|| Error::broken("written after its end"))
    }

    fn file(&mut self, name: &str) -> Result<(), Error> {
        self.zip()?.start_file(name, SimpleFileOptions::default()).map_err(Error::broken)
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        self.zip()?.write_all(text.as_bytes()).map_err(Error::broken)
    }

    async fn write_account(&mut self) -> Result<(), Error> {
        let t = &self.language.texts().protocol;
        self.file("LIESMICH.txt")?;
        self.write(&t.export_readme.with("issuer", &self.app.config.issuer).to_string())?;
        self.file("konto.schema.json")?;
        self.write(SCHEMA)?;
        let account = describe(&self.app, &self.registry, &self.account, self.language).await?;
        self.file("konto.json")?;
        self.write(&serde_json::to_string_pretty(&account).map_err(Error::broken)?)?;
        self.file("postfach.json")?;
        self.write("[")?;
        (self.part, self.notices) = (Part::Postbox, Some(postbox::Place::FIRST));
        Ok(())
    }

    fn begin_protocol(&mut self, part: Part) -> Result<(), Error> {
        self.before = None;
        self.part = part;
        if part == Part::ProtocolJson {
            self.file("protokoll.json")?;
            return self.write("[");
        }
        self.file("protokoll.csv")?;
        // The mark by which spreadsheets know UTF-8.
        self.write("\u{feff}")?;
        self.write(&csv_head(&self.language.texts().protocol))
    }

    /// One page of the protocol in the format of the current part.
    async fn write_protocol(&mut self) -> Result<(), Error> {
        let (app, registry) = (self.app.clone(), self.registry.clone());
        let reader = Reader {
            account: &self.account,
            registry: &registry,
            language: self.language,
            config: &app.config,
            vault: &app.vault,
        };
        let entries = reader.read(&mut self.app.read().await?, None, self.before.as_ref(), PAGE).await?;
        let is_json = self.part == Part::ProtocolJson;
        for entry in &entries {
            if is_json {
                let comma = if self.before.is_none() { "\n" } else { ",\n" };
                self.write(comma)?;
                self.write(&json_line(entry))?;
            } else {
                self.write(&csv_entry(entry))?;
            }
            self.before = Some(entry.id.clone());
        }
        match (entries.len() as i64 == PAGE, is_json) {
            (true, _) => Ok(()),
            (false, true) => {
                self.write("\n]\n")?;
                self.begin_protocol(Part::ProtocolCsv)
            }
            (false, false) => {
                self.part = Part::End;
                Ok(())
            }
        }
    }
}

/// RFC 3339, in German legal time.
fn instant(at: Timestamp) -> String {
    at.in_germany().format(&Rfc3339).unwrap_or_default()
}

fn json_line(entry: &Entry) -> String {
    json!({
        "id": entry.id, "at": instant(entry.at), "who": entry.who, "what": entry.what, "purpose": entry.purpose,
        "basis": entry.basis,
    })
    .to_string()
}

/// The first line of the protocol as CSV.
pub fn csv_head(t: &ProtocolTexts) -> String {
    csv::line(
        &[&t.column_at, &t.column_who, &t.column_what, &t.column_purpose, &t.column_basis, &t.column_id]
            .map(|text| text.as_str()),
    )
}

/// One line of the protocol as CSV.
pub fn csv_entry(entry: &Entry) -> String {
    csv::line(&[&instant(entry.at), &entry.who, &entry.what, &entry.purpose, &entry.basis, entry.id.as_str()])
}

/// `konto.json`.
async fn describe(app: &AppParts, registry: &Registry, id: &AccountId, language: Language) -> Result<Value, Error> {
    let now = app.now();
    let mut tx = app.read().await?;
    let account = crate::account::load(&mut tx, &app.vault, id).await?;
    let evidence = evidence::list(&mut tx, &app.vault, id).await?;
    let [desk_case, desk_slips, letters, guardians] = describe_proofing(app, &mut tx, id).await?;
    let addresses = address::list(&mut tx, &app.vault, id).await?;
    let absence = absence::find(&mut tx, id).await?;
    let sessions = session::list(&mut tx, id, now).await?;
    let signin = signin::describe(app, &mut tx, id).await?;
    let devices = devices(&mut tx, id).await?;
    let connections = connection::list(&mut tx, registry, id).await?;
    let acting_services = describe_acting(app, &mut tx, registry, (id, language)).await?;
    let logouts = logout_state::all_of(&mut tx, id).await?;
    let [organisations, claims] = describe_organisations(app, &mut tx, id).await?;
    let party = Party::Person(id.clone());
    let mandates = mandates::all(&mut tx, &app.vault, &party, now).await?;
    let postbox = postbox::describe_rights(&mut tx, (app, registry), &party, language).await?;
    drop(tx);
    let attribute = |(name, one): (&crate::account::AttributeName, &crate::account::Attribute)| {
        json!({
            "name": name, "value": one.value, "level": one.level, "source": one.source,
            "recorded_at": instant(one.recorded_at),
        })
    };
    let address = |one: &address::Address| {
        json!({
            "email": one.address.as_str(), "confirmed_at": instant(one.confirmed_at), "gets_mails": one.is_primary,
        })
    };
    Ok(json!({
        "format": "nutzerkonto-export",
        "version": 1,
        "issuer": app.config.issuer,
        "created_at": instant(now),
        "account": { "id": id, "opened_at": instant(account.created_at), "language": account.language },
        "attributes": account.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "evidence": evidence.iter().map(describe_evidence).collect::<Vec<_>>(),
        "desk_case": desk_case, "desk_slips": desk_slips, "letters": letters, "guardians": guardians,
        "addresses": addresses.iter().map(address).collect::<Vec<_>>(),
        "signin": signin,
        "sessions": sessions.iter().map(|one| describe_session((language, now), one)).collect::<Vec<_>>(),
        "devices": devices.iter().map(|one| describe_device(language, one)).collect::<Vec<_>>(),
        "services": connections.iter().map(|one| describe_service(app, (id, language), one)).collect::<Vec<_>>(),
        "acting_services": acting_services,
        "logouts": logouts.iter().map(describe_logout).collect::<Vec<_>>(),
        "organisations": organisations, "organisation_claims": claims, "postbox": postbox,
        "absence": absence.map(|one| json!({ "first_on": one.first.to_string(), "last_on": one.last.to_string() })),
        "mandates": mandates.iter().map(|one| describe_mandate(&party, one)).collect::<Vec<_>>(),
    }))
}

fn describe_session((language, now): (Language, Timestamp), one: &Session) -> Value {
    json!({
        "device": device_name(language, one.device.as_deref().unwrap_or_default()), "level": one.level(now),
        "began_at": instant(one.created_at), "last_seen_at": instant(one.last_seen_at),
    })
}

fn describe_device(language: Language, (name, first, last): &(String, Timestamp, Timestamp)) -> Value {
    json!({
        "device": device_name(language, name), "first_seen_at": instant(*first), "last_seen_at": instant(*last),
    })
}

/// The organisations that somebody belongs to, what they may do there, and those of others that they say are theirs.
async fn describe_organisations(app: &AppParts, tx: &mut Tx, id: &AccountId) -> Result<[Value; 2], Error> {
    let right = |grant: &Grant| {
        json!({
            "right": grant.right.kind(), "object": grant.right.object(), "from": instant(grant.from),
            "until": grant.until.map(instant),
        })
    };
    let claim =
        |one: &Claim| json!({ "id": one.id, "statement": one.statement, "claimed_at": instant(one.claimed_at) });
    let mut organisations = Vec::new();
    for Listed { id, state, name, since, membership, chosen_at } in organisation::of_account(tx, &app.vault, id).await?
    {
        let rights: Vec<_> = member::grants_of(tx, &membership).await?.iter().map(right).collect();
        organisations.push(json!({
            "id": id, "name": name, "state": state, "since": instant(since), "chosen_at": chosen_at.map(instant),
            "rights": rights,
        }));
    }
    let claims = organisation::claim::of(tx, &app.vault, id).await?;
    Ok([json!(organisations), claims.iter().map(claim).collect()])
}

/// A mandate that somebody has given or holds, or that waits for an answer.
fn describe_mandate(party: &Party, Entrusted { mandate, other }: &Entrusted) -> Value {
    let (terms, at) = (&mandate.terms, |done: &Done| instant(done.at));
    json!({
        "id": mandate.id, "side": mandate.side(party), "other": other, "state": mandate.state,
        "actions": terms.scope.actions, "services": terms.scope.services, "from": instant(terms.from),
        "until": instant(terms.until), "may_be_passed_on": terms.may_pass_on, "opened_at": at(&mandate.opened),
        "accepted_at": mandate.accepted.as_ref().map(at), "ended_at": mandate.ended.as_ref().map(at),
    })
}

fn describe_service(app: &AppParts, (id, language): (&AccountId, Language), one: &Connection) -> Value {
    json!({
        "client_id": one.client.id, "title": one.client.title(language), "since": instant(one.since),
        "subject": one.client.subject(&app.vault, id),
        "scopes": one.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
    })
}

/// With which services somebody is connected for others. What is there no more has no name.
async fn describe_acting(
    app: &AppParts,
    tx: &mut Tx,
    registry: &Registry,
    (id, language): (&AccountId, Language),
) -> Result<Vec<Value>, Error> {
    let mut services = Vec::new();
    for one in connection::list_acted(tx, registry, id).await? {
        let name = party::name(tx, &app.vault, &one.party).await?;
        let (organisation, person) = if one.party.organisation().is_some() { (name, None) } else { (None, name) };
        services.push(json!({
            "client_id": one.client.id, "title": one.client.title(language), "since": instant(one.since),
            "organisation": organisation, "person": person, "actor": one.client.actor(&app.vault, id),
            "scopes": one.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        }));
    }
    Ok(services)
}

/// What is under way to prove who somebody is, without what is secret of it, and who represents whom.
async fn describe_proofing(app: &AppParts, tx: &mut Tx, id: &AccountId) -> Result<[Value; 4], Error> {
    let case = |case: Case| {
        let outcome = case.outcome.as_ref();
        json!({
            "state": case.state, "taken_at": instant(case.created_at), "expires_at": instant(case.expires_at),
            "ended_at": case.ended_at.map(instant), "office": case.office, "level": outcome.and_then(|one| one.level),
            "refusal": outcome.and_then(|one| one.refusal), "note": outcome.map(|one| &one.note),
        })
    };
    let letter = |letter: Letter| {
        json!({
            "state": letter.state, "ordered_at": instant(letter.ordered_at), "expires_at": instant(letter.expires_at),
            "address": letter.address.lines(),
        })
    };
    let guardian = |side: &Side| {
        let order = &side.appointment;
        json!({
            "other": side.other, "is_guardian": side.is_guardian, "court": order.court,
            "file_number": order.file_number, "scopes": order.scopes, "until": order.until, "office": side.office,
            "mandate": side.mandate,
        })
    };
    let found = desk::case_of(tx, app, id).await?.map(case);
    let letters: Vec<_> = letter::newest(tx, app, id).await?.into_iter().map(letter).collect();
    let sides = guardian::of(tx, app, id, app.now()).await?;
    let slip = |(asked_at, expires_at)| json!({ "asked_at": instant(asked_at), "expires_at": instant(expires_at) });
    let slips: Vec<_> = desk::slip::of(tx, id, app.now()).await?.into_iter().map(slip).collect();
    Ok([json!(found), json!(slips), json!(letters), sides.iter().map(guardian).collect()])
}

fn describe_evidence(one: &Evidence) -> Value {
    json!({
        "source": one.source, "level": one.level, "shown_at": instant(one.shown_at), "document": one.record.document,
        "checked_by": one.record.checked_by,
    })
}

/// What has become of telling a service that a session has ended.
fn describe_logout((client, logout): &(ClientId, Logout)) -> Value {
    json!({
        "client_id": client, "state": logout.state, "ended_at": instant(logout.ended_at),
        "changed_at": instant(logout.changed_at),
    })
}
