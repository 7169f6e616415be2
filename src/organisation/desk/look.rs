//! What an officer sees of the case of an organisation that they have open.

use super::super::member::{Member, Right};
use super::super::{Record, load, roster};
use super::check::Check;
use super::paper::{self, Rule};
use super::{Outcome, State, open_sealed, place, practice, store};
use crate::account::{self, AttributeName};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::{OrganisationCaseId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::time::Timestamp;
use crate::organisation::key;
use crate::proofing::desk::practice as exercise;
use crate::proofing::office::{Office, Officer};
use crate::store::db::Tx;

/// Who has asked: the only one who brings the document.
pub struct Asker {
    pub name: String,
    /// `1959-05-12`
    pub birth_date: String,
    /// How well it is known who they are.
    pub identity: Level,
}

/// The case, opened.
pub struct Look {
    /// None in an exercise.
    pub case: Option<(OrganisationCaseId, OrganisationId)>,
    pub state: State,
    pub record: Record,
    pub version: i64,
    /// `None` if they do not represent the organisation any more, or it may not act.
    pub asker: Option<Asker>,
    /// What has to be shown; `None` if the organisation has changed so that there is nothing.
    pub rule: Option<&'static Rule>,
    pub office: Office,
    /// What another officer has seen, whose second this officer may be.
    pub first: Option<Check>,
    /// This officer was the first; somebody else has to be the second.
    pub is_own_first: bool,
    pub ended_at: Option<Timestamp>,
    /// The level that was recorded.
    pub confirmed: Option<Level>,
}

impl Look {
    /// As it stands in the addresses of its pages.
    pub fn path_id(&self) -> String {
        self.case.as_ref().map_or_else(|| exercise::ID.to_owned(), |(id, _)| id.to_string())
    }

    /// What was confirmed, or what would be: no more than the document, the office and the one who brings it are worth.
    pub fn level(&self) -> Level {
        let asker = self.asker.as_ref().map_or(Level::Basic, |asker| asker.identity);
        let paper = self.rule.map_or(Level::Basic, |rule| rule.level);
        self.confirmed.unwrap_or_else(|| paper.min(self.office.level).min(asker))
    }
}

/// `NotFound` for whatever this session has not opened by its code within the last half hour.
pub async fn look(tx: &mut Tx, app: &AppParts, officer: &Officer, id: &str) -> Result<Look, Error> {
    if id == exercise::ID {
        return practise(officer);
    }
    let (id, now) = (OrganisationCaseId::parse(id).ok_or(Error::NotFound)?, app.now());
    let row = store::find(tx, &id).await?.ok_or(Error::NotFound)?;
    let is_open = row.opened_by.as_ref() == Some(&officer.session) && row.opened_until.is_some_and(|until| until > now);
    let office = row.opened_office_id.as_ref().filter(|_| is_open).ok_or(Error::NotFound)?;
    let office = officer.office(office)?.clone();
    let organisation = load(tx, &app.vault, &row.organisation_id).await?;
    if roster::is_member(tx, &organisation.id, &officer.account).await? {
        return Err(Error::NotAllowed("their own organisation"));
    }
    let waits = row.checked_until.is_some_and(|until| until > now);
    let is_own_first = waits && row.checked_by.as_ref() == Some(&officer.account);
    let key = key(tx, &app.vault, &organisation.id).await?;
    let checked = row.checked.as_ref().filter(|_| waits && !is_own_first);
    let first = checked.map(|sealed| open_sealed(&key, place("checked", &id), sealed)).transpose()?;
    let outcome = row.outcome.as_ref().map(|sealed| open_sealed::<Outcome>(&key, place("outcome", &id), sealed));
    let confirmed = outcome.transpose()?.and_then(|outcome| outcome.level);
    let asker = asker(tx, app, (&row, now)).await?;
    Ok(Look {
        case: Some((id, organisation.id)),
        state: row.state,
        rule: paper::wanted(&organisation.record),
        record: organisation.record,
        version: organisation.version,
        asker,
        office,
        first,
        is_own_first,
        ended_at: row.ended_at,
        confirmed,
    })
}

async fn asker(tx: &mut Tx, app: &AppParts, (row, now): (&store::CaseRow, Timestamp)) -> Result<Option<Asker>, Error> {
    let organisation = &row.organisation_id;
    let Some(account) = roster::account_of(tx, organisation, &row.membership_id).await? else { return Ok(None) };
    let member = match Member::of(tx, &app.vault, (organisation, &account), now).await {
        Ok(member) => member,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    if member.id != row.membership_id || !member.may(&Right::Representation) {
        return Ok(None);
    }
    let person = account::load(tx, &app.vault, &account).await?;
    let birth_date = person.value(AttributeName::BirthDate).unwrap_or_default().to_owned();
    Ok(Some(Asker { name: person.full_name(), birth_date, identity: member.identity }))
}

/// The invented organisation is what its extract says, and nobody waits for a second.
fn practise(officer: &Officer) -> Result<Look, Error> {
    let office = officer.offices.first().ok_or(Error::NotFound)?.clone();
    let (record, (name, birth_date)) = (practice::record(), practice::ASKER);
    let asker = Asker { name: name.to_owned(), birth_date: birth_date.to_owned(), identity: Level::Substantial };
    Ok(Look {
        case: None,
        state: State::Waiting,
        rule: paper::wanted(&record),
        record,
        version: 1,
        asker: Some(asker),
        office,
        first: None,
        is_own_first: false,
        ended_at: None,
        confirmed: None,
    })
}
