//! Contested claims: somebody says that an organisation is theirs which others have registered. Nobody takes one over by
//! naming its number; the operator decides, and two of them do: what the first has decided, a second confirms.

use serde::{Deserialize, Serialize};

use super::event::{By, Happened, What};
use super::opening::Founder;
use super::store::claim as store;
use super::store::state;
use super::{draft, evidence, hold, life};
use crate::account;
use crate::account::further::merge_blanks;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClaimId, OrganisationId};
use crate::kernel::level::Level;
use crate::kernel::seal::{Place, Vault};
use crate::kernel::time::Timestamp;
use crate::notice::Kind;
use crate::signin::attempts::{self, Purpose};
use crate::signin::change::tell;
use crate::store::db::Tx;
use crate::store::work::{Actor, Work};

const STATEMENT_MAX_CHARACTERS: usize = 500;
const STATEMENT_MIN_CHARACTERS: usize = 20;

/// How a claim is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Outcome {
    /// The organisation is blocked and its entry is free for whoever claimed it.
    Granted,
    Dismissed,
}

impl Outcome {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "grant" => Some(Self::Granted),
            "dismiss" => Some(Self::Dismissed),
            _ => None,
        }
    }
}

/// A claim as the operator reads it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: ClaimId,
    pub organisation: OrganisationId,
    pub account: AccountId,
    pub statement: String,
    pub claimed_at: Timestamp,
    /// What the first of two has decided, and who that was.
    pub proposed: Option<(Outcome, String)>,
}

fn place(id: &ClaimId) -> Place<'_> {
    Place { table: "organisation_claim", column: "statement", row: id.as_str(), version: 1 }
}

/// Claims the organisation whose entry or number stands in the founder's draft.
pub async fn claim(app: &AppParts, founder: Founder<'_>, statement: &str) -> Result<(), Error> {
    let statement = merge_blanks(statement);
    let length = statement.chars().count();
    if !(STATEMENT_MIN_CHARACTERS..=STATEMENT_MAX_CHARACTERS).contains(&length)
        || statement.chars().any(char::is_control)
    {
        return Err(Error::field("begruendung", "claim_statement"));
    }
    let counters = attempts::of_try(app, Purpose::OrganisationClaim, founder.account.as_str(), founder.network, None);
    attempts::count_at_once(app, counters).await?;
    let found = find_contested(app, founder.account).await?.ok_or(Error::Conflict("organisation_step"))?;
    let mut work = app.begin(Actor::Account(founder.account.clone())).await?;
    work.request = Some(founder.request.to_owned());
    hold(&mut work, &found).await?;
    account::hold(&mut work, founder.account).await?;
    let person = account::load(&mut work.tx, &app.vault, founder.account).await?;
    if person.identity_level() < Level::Substantial {
        return Err(Error::LevelTooLow(Level::Substantial));
    }
    let id = ClaimId::new(work.now, &work.random);
    let key = account::key(&mut work.tx, &app.vault, founder.account).await?;
    let sealed = key.seal(place(&id), statement.as_bytes(), &work.random).map_err(Error::broken)?;
    if !store::insert(&mut work, &id, (&found, founder.account), &sealed).await? {
        return Err(Error::field("begruendung", "claim_open"));
    }
    audit::record(&mut work, &Happened::new(&found, What::Claimed { claim: id })).await?;
    work.commit().await
}

/// The organisation that stands in the way of a draft.
pub async fn find_contested(app: &AppParts, account: &AccountId) -> Result<Option<OrganisationId>, Error> {
    let mut tx = app.read().await?;
    let draft = draft::load(&mut tx, &app.vault, account, app.now()).await?;
    let register = draft.register.as_ref().map(|entry| entry.index(&app.vault));
    let economic = draft.economic_id.as_ref().map(|id| super::record::economic_index(&app.vault, id));
    Ok(state::find_taken(&mut tx, (register, economic), "").await?)
}

/// Every claim that waits for a decision, the oldest first.
pub async fn list(tx: &mut Tx, vault: &Vault) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for row in store::open(tx).await? {
        match read(tx, vault, row).await {
            Ok(claim) => claims.push(claim),
            // Whoever claimed it is leaving, and takes the claim along.
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(claims)
}

/// The claims of an account.
pub async fn of(tx: &mut Tx, vault: &Vault, account: &AccountId) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for row in store::of(tx, account).await? {
        claims.push(read(tx, vault, row).await?);
    }
    Ok(claims)
}

async fn read(tx: &mut Tx, vault: &Vault, row: store::ClaimRow) -> Result<Claim, Error> {
    let key = account::key(tx, vault, &row.account_id).await?;
    let statement = key.open_text(place(&row.id), &row.statement).map_err(Error::broken)?;
    let store::ClaimRow { id, organisation_id: organisation, account_id: account, claimed_at, .. } = row;
    Ok(Claim { id, organisation, account, statement, claimed_at, proposed: row.proposed.zip(row.proposed_by) })
}

/// What a decision has led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Decided {
    /// A second person has to decide the same.
    Waits,
    Done,
}

/// Decides a claim. The first who decides proposes; another, under another name, who decides the same makes it happen. Whoever
/// decides otherwise than was proposed proposes anew. `work` is the operator's.
pub async fn decide(
    app: &AppParts,
    work: &mut Work,
    (claim, outcome): (&ClaimId, Outcome),
    (operator, reason): (&str, &str),
) -> Result<Decided, Error> {
    let known = store::find(&mut work.tx, claim).await?.ok_or(Error::NotFound)?;
    let id = known.organisation_id.clone();
    hold(work, &id).await?;
    let is_second = known.proposed == Some(outcome) && known.proposed_by.as_deref() != Some(operator);
    let event = |what| Happened::new(&id, what).because(Some(reason));
    if !is_second {
        if known.proposed == Some(outcome) {
            return Err(Error::Conflict("claim_four_eyes"));
        }
        if !store::propose(work, claim, (outcome, operator), known.proposed).await? {
            return Err(Error::Conflict("claim_decided"));
        }
        audit::record(work, &event(What::ClaimProposed { claim: claim.clone(), outcome })).await?;
        return Ok(Decided::Waits);
    }
    if !store::decide(work, claim, (outcome, operator)).await? {
        return Err(Error::Conflict("claim_decided"));
    }
    audit::record(work, &event(What::ClaimDecided { claim: claim.clone(), outcome })).await?;
    if outcome == Outcome::Granted {
        match life::block(app, work, &id, (By::Operator, Some(reason))).await {
            // It is blocked already.
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        state::free_entry(work, &id).await?;
        evidence::free_account(work, &app.vault, &id).await?;
    }
    let claimant = account::load(&mut work.tx, &app.vault, &known.account_id).await?;
    tell(app, work, &claimant, Kind::OrganisationClaim, |texts| {
        let mail = &texts.mail;
        let body = match outcome {
            Outcome::Granted => &mail.claim_granted_body,
            Outcome::Dismissed => &mail.claim_dismissed_body,
        };
        (&mail.claim_subject, body.clone())
    })
    .await?;
    Ok(Decided::Done)
}
