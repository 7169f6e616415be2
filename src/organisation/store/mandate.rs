//! Mandates. Whether one counts is for [`crate::organisation::mandate`] to say, from the row of the view.

use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, MandateId};
use crate::kernel::level::Level;
use crate::kernel::time::{Timestamp, hours};
use crate::organisation::mandate::{Done, Mandate, Origin, State, Terms, party};
use crate::sql;
use crate::store::db::{DbError, Tx};
use crate::store::work::Work;

#[derive(sqlx::FromRow)]
pub struct MandateRow {
    id: MandateId,
    principal: Option<String>,
    agent: Option<String>,
    opener: String,
    state: State,
    origin: Origin,
    parent: Option<MandateId>,
    scope: String,
    valid_from: Timestamp,
    valid_until: Timestamp,
    may_pass_on: bool,
    named: Option<Vec<u8>>,
    opened_by: String,
    opened_at: Timestamp,
    expires_at: Timestamp,
    accepted_by: Option<String>,
    accepted_at: Option<Timestamp>,
    ended_by: Option<String>,
    ended_at: Option<Timestamp>,
    principal_state: Option<String>,
    agent_state: Option<String>,
    parent_state: Option<State>,
    parent_agent_state: Option<String>,
}

/// Of accounts and organisations: `active`. An agent that is insolvent goes on; a mandate of an insolvent principal does not
/// count (§ 117 InsO).
fn lets_act(state: Option<&String>) -> bool {
    state.is_some_and(|state| state == "active" || state == "insolvent")
}

impl MandateRow {
    pub fn read(self) -> Result<Mandate, Error> {
        let read = |text: String| party::parse(&text).ok_or_else(|| Error::broken("a stored party does not parse"));
        let done = |by: Option<String>, at: Option<Timestamp>| by.zip(at).map(|(by, at)| Done { by, at });
        let parent_lets = self.parent_state == Some(State::Active) && lets_act(self.parent_agent_state.as_ref());
        Ok(Mandate {
            principal: self.principal.map(read).transpose()?,
            agent: self.agent.map(read).transpose()?,
            opener: read(self.opener)?,
            state: self.state,
            origin: self.origin,
            terms: Terms {
                scope: serde_json::from_str(&self.scope).map_err(Error::broken)?,
                from: self.valid_from,
                until: self.valid_until,
                may_pass_on: self.may_pass_on,
            },
            opened: Done { by: self.opened_by, at: self.opened_at },
            expires_at: self.expires_at,
            accepted: done(self.accepted_by, self.accepted_at),
            ended: done(self.ended_by, self.ended_at),
            named: self.named,
            principal_lets: self.principal_state.is_some_and(|state| state == "active"),
            agent_lets: lets_act(self.agent_state.as_ref()),
            parent_lets: self.parent.is_none() || parent_lets,
            parent: self.parent,
            id: self.id,
        })
    }
}

pub async fn find(tx: &mut Tx, id: &MandateId) -> Result<Option<MandateRow>, DbError> {
    sql!(tx, fetch_optional MandateRow, "SELECT * FROM mandate_now WHERE id = $1", id)
}

/// Writes a new one, with the index of whom the opener has named.
pub async fn insert(work: &mut Work, mandate: &Mandate, named_index: Option<&[u8]>) -> Result<(), Error> {
    let scope = serde_json::to_string(&mandate.terms.scope).map_err(Error::broken)?;
    let is_open = mandate.state.is_open();
    let over_at = if is_open { mandate.expires_at } else { mandate.terms.until };
    let accepted = mandate.accepted.as_ref();
    sql!(
        &mut work.tx,
        execute,
        "INSERT INTO mandate (id, principal, agent, opener, state, origin, parent, scope, valid_from, valid_until,
                              may_pass_on, named, named_index, opened_by, opened_at, expires_at, over_at, accepted_by,
                              accepted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        &mandate.id,
        mandate.principal.as_ref().map(|party| party.as_str()),
        mandate.agent.as_ref().map(|party| party.as_str()),
        mandate.opener.as_str(),
        mandate.state,
        mandate.origin,
        mandate.parent.as_ref(),
        &scope,
        mandate.terms.from,
        mandate.terms.until,
        mandate.terms.may_pass_on,
        mandate.named.as_deref(),
        named_index,
        &mandate.opened.by,
        mandate.opened.at,
        mandate.expires_at,
        over_at,
        accepted.map(|done| done.by.as_str()),
        accepted.map(|done| done.at)
    )?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Id {
    id: String,
}

/// Whether there is an account or an organisation with this number that is not gone.
pub async fn is_there(tx: &mut Tx, party: &str) -> Result<bool, DbError> {
    let found = sql!(tx, fetch_optional Id,
        "SELECT id FROM account WHERE id = $1 AND status IN ('active', 'locked', 'closing')
         UNION ALL SELECT id FROM organisation WHERE id = $1 AND state <> 'closed'", party)?;
    Ok(found.is_some_and(|row| row.id == party))
}

/// Open now, and since yesterday opened, whatever has become of them.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Sent {
    pub open: i64,
    pub opened: i64,
}

/// How much a party has asked for and offered.
pub async fn sent(tx: &mut Tx, (opener, since): (&str, Timestamp), now: Timestamp) -> Result<Sent, DbError> {
    sql!(tx, fetch_one Sent,
        "SELECT CAST(COUNT(CASE WHEN state IN ('asked', 'offered') AND expires_at > $3 THEN 1 END) AS BIGINT) AS open,
                CAST(COUNT(CASE WHEN opened_at > $2 THEN 1 END) AS BIGINT) AS opened
           FROM mandate WHERE opener = $1 AND (opened_at > $2 OR state IN ('asked', 'offered'))", opener, since, now)
}

/// The same of those to whoever is named.
pub async fn sent_to(
    tx: &mut Tx,
    (opener, since): (&str, Timestamp),
    named_index: &[u8],
    now: Timestamp,
) -> Result<Sent, DbError> {
    sql!(tx, fetch_one Sent,
        "SELECT CAST(COUNT(CASE WHEN state IN ('asked', 'offered') AND expires_at > $3 THEN 1 END) AS BIGINT) AS open,
                CAST(COUNT(CASE WHEN opened_at > $2 THEN 1 END) AS BIGINT) AS opened
           FROM mandate WHERE opener = $1 AND named_index = $4", opener, since, now, named_index)
}

/// The gate of accepting: of two who answer, one does.
pub async fn accept(work: &mut Work, mandate: &Mandate, terms: &Terms, by: &str) -> Result<bool, Error> {
    let scope = serde_json::to_string(&terms.scope).map_err(Error::broken)?;
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE mandate SET state = 'active', scope = $3, valid_from = $4, valid_until = $5, may_pass_on = $6,
                            accepted_by = $7, accepted_at = $8, over_at = $5, named = NULL
          WHERE id = $1 AND state = $2 AND expires_at > $8",
        &mandate.id,
        mandate.state,
        &scope,
        terms.from,
        terms.until,
        terms.may_pass_on,
        by,
        work.now
    )?;
    Ok(rows == 1)
}

/// The gate of ending: of all who end it, one does.
pub async fn end(work: &mut Work, id: &MandateId, (from, to): (State, State), by: &str) -> Result<bool, DbError> {
    let rows = sql!(
        &mut work.tx,
        execute,
        "UPDATE mandate SET state = $3, ended_by = $4, ended_at = $5, over_at = $5 WHERE id = $1 AND state = $2",
        id,
        from,
        to,
        by,
        work.now
    )?;
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct Ended {
    id: MandateId,
}

/// Ends what was passed on from a mandate.
pub async fn end_children(work: &mut Work, parent: &MandateId, by: &str) -> Result<Vec<MandateId>, DbError> {
    let rows = sql!(&mut work.tx, fetch_all Ended,
        "UPDATE mandate SET state = 'revoked', ended_by = $2, ended_at = $3, over_at = $3
          WHERE parent = $1 AND state IN ('offered', 'active') RETURNING id", parent, by, work.now)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Ends everything that a party that is gone has to do with.
pub async fn end_of_party(work: &mut Work, party: &str) -> Result<Vec<MandateId>, DbError> {
    let rows = sql!(&mut work.tx, fetch_all Ended,
        "UPDATE mandate SET state = 'gone', ended_by = $1, ended_at = $2, over_at = $2, named = NULL
          WHERE (principal = $1 OR agent = $1 OR opener = $1) AND state IN ('asked', 'offered', 'active')
      RETURNING id", party, work.now)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(sqlx::FromRow)]
struct Identity {
    identity_level: Level,
}

/// How well it is known who somebody is.
pub async fn identity(tx: &mut Tx, account: &AccountId) -> Result<Option<Level>, DbError> {
    let row = sql!(tx, fetch_optional Identity, "SELECT identity_level FROM account WHERE id = $1", account)?;
    Ok(row.map(|row| row.identity_level))
}

/// As a mandate says it that allows nothing: a court has appointed somebody for what cannot be done here.
pub const NOTHING: &str = r#"{"actions":[],"services":"all"}"#;

/// Mandates of one agent that may count now, by the end of their time; after the one that ends then and has that id.
pub async fn usable(
    tx: &mut Tx,
    agent: &str,
    (until, after): (Timestamp, &str),
    (now, ends_before): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<MandateRow>, DbError> {
    sql!(tx, fetch_all MandateRow,
        "SELECT * FROM mandate_now
          WHERE agent = $1 AND state = 'active' AND valid_from <= $4 AND valid_until > $4 AND valid_until <= $5
            AND (valid_until > $2 OR (valid_until = $2 AND id > $3)) AND scope <> $7
            AND principal_state = 'active' AND agent_state IN ('active', 'insolvent')
            AND (parent IS NULL OR (parent_state = 'active' AND parent_agent_state IN ('active', 'insolvent')))
          ORDER BY valid_until, id LIMIT $6", agent, until, after, now, ends_before, limit, NOTHING)
}

/// Mandates that one principal has given and that may count now, by the end of their time.
pub async fn usable_of(tx: &mut Tx, principal: &str, now: Timestamp, limit: i64) -> Result<Vec<MandateRow>, DbError> {
    sql!(tx, fetch_all MandateRow,
        "SELECT * FROM mandate_now
          WHERE principal = $1 AND state = 'active' AND valid_from <= $2 AND valid_until > $2 AND scope <> $4
          ORDER BY valid_until, id LIMIT $3", principal, now, limit, NOTHING)
}

/// What one party has to do with and stands in one of two states, on one side, the newest first.
pub async fn of_party(
    tx: &mut Tx,
    (principal, agent): (Option<&str>, Option<&str>),
    before: &str,
    limit: i64,
) -> Result<Vec<MandateRow>, DbError> {
    sql!(tx, fetch_all MandateRow,
        "SELECT * FROM mandate_now
          WHERE ((CAST($1 AS TEXT) IS NOT NULL AND principal = $1) OR (CAST($2 AS TEXT) IS NOT NULL AND agent = $2))
            AND state NOT IN ('asked', 'offered') AND id < $3
          ORDER BY id DESC LIMIT $4", principal, agent, before, limit)
}

/// What a party has asked for or offered, or has been passed on of its own, and others have not answered: the newest first, older
/// than the one that is named.
pub async fn waiting(
    tx: &mut Tx,
    party: &str,
    (before, now): (&str, Timestamp),
    limit: i64,
) -> Result<Vec<MandateRow>, DbError> {
    sql!(tx, fetch_all MandateRow,
        "SELECT * FROM mandate_now
          WHERE (opener = $1 OR (principal = $1 AND state = 'offered')) AND state IN ('asked', 'offered')
            AND expires_at > $3 AND id < $2
          ORDER BY id DESC LIMIT $4", party, before, now, limit)
}

/// The same of what this party has to answer.
pub async fn to_answer(
    tx: &mut Tx,
    party: &str,
    (before, now): (&str, Timestamp),
    limit: i64,
) -> Result<Vec<MandateRow>, DbError> {
    sql!(tx, fetch_all MandateRow,
        "SELECT * FROM mandate_now
          WHERE ((principal = $1 AND state = 'asked') OR (agent = $1 AND state = 'offered')) AND expires_at > $3
            AND id < $2
          ORDER BY id DESC LIMIT $4", party, before, now, limit)
}

#[derive(sqlx::FromRow)]
pub struct UseRow {
    pub client_id: ClientId,
    pub first_used_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// Writes down that a mandate has been used at a service: once an hour, however often that is.
pub async fn put_use(work: &mut Work, id: &MandateId, client: &ClientId) -> Result<(), DbError> {
    sql!(
        &mut work.tx,
        later,
        "INSERT INTO mandate_use (mandate_id, client_id, first_used_at, last_used_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (mandate_id, client_id) DO UPDATE SET last_used_at = $3 WHERE mandate_use.last_used_at < $4",
        id,
        client,
        work.now,
        work.now.minus(hours(1))
    )
}

/// The services at which a mandate, or what was passed on from it, has been used; the last one first.
pub async fn uses(tx: &mut Tx, id: &MandateId) -> Result<Vec<UseRow>, DbError> {
    sql!(tx, fetch_all UseRow,
        "SELECT client_id, MIN(first_used_at) AS first_used_at, MAX(last_used_at) AS last_used_at FROM mandate_use
          WHERE mandate_id = $1 OR mandate_id IN (SELECT id FROM mandate WHERE parent = $1)
          GROUP BY client_id ORDER BY MAX(last_used_at) DESC, client_id LIMIT 1000", id)
}
