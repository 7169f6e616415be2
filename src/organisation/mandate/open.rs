//! Asking for a mandate, offering one, passing one on. Whom it goes to is named by number, register entry or e-mail address;
//! if nobody has that account the same is written and shown, and goes nowhere.

use super::super::acting::Party;
use super::event::{self, Happened};
use super::party::{self, Begun, Letter, Named, Side, Words};
use super::{Done, Mandate, OPEN_DAYS, ORGANISATION_OPEN_MAX, Origin, PERSON_OPEN_MAX, State, Terms, find, store};
use crate::app::AppParts;
use crate::kernel::calendar::days_after;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MandateId};
use crate::kernel::seal::{DataKey, Place, Vault};
use crate::kernel::time::days;
use crate::notice::Kind;
use crate::store::db::Tx;
use crate::store::work::Work;

/// In 24 hours, of an organisation and of a person; and to the same party.
const ORGANISATION_A_DAY: i64 = 1000;
const PERSON_A_DAY: i64 = 20;
const SAME_A_DAY: i64 = 3;

/// What somebody opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// The opener is to become the agent.
    Ask,
    /// The opener is the principal.
    Offer,
    /// The opener is the agent of another mandate.
    PassOn(&'a MandateId),
}

/// Asks, offers or passes on.
pub async fn open(
    app: &AppParts,
    side: Side<'_>,
    what: What<'_>,
    (named, terms): (&Named, &Terms),
) -> Result<MandateId, Error> {
    let mut begun = side.begin_binding(app).await?;
    let id = put(app, &mut begun, what, (named, terms)).await?;
    let words: Words = match what {
        What::Ask => |mail| (&mail.mandate_ask_sent_subject, &mail.mandate_ask_sent_body),
        _ => |mail| (&mail.mandate_offer_sent_subject, &mail.mandate_offer_sent_body),
    };
    let letter = Letter { kind: Kind::MandateOpened, words, name: "" };
    party::write_to(app, &mut begun.work, &begun.party, letter).await?;
    begun.work.commit().await?;
    Ok(id)
}

/// Does it, tells the others, and commits nothing: of many that are opened together all are, or none.
pub(super) async fn put(
    app: &AppParts,
    begun: &mut Begun,
    what: What<'_>,
    (named, terms): (&Named, &Terms),
) -> Result<MandateId, Error> {
    let (vault, now) = (&app.vault, begun.work.now);
    terms.check(Origin::Own, now)?;
    let parent = match what {
        What::PassOn(parent) => Some(held(begun, parent, terms).await?),
        _ => None,
    };
    let purpose = match what {
        What::Ask => "asked",
        What::Offer => "offered",
        What::PassOn(parent) => parent.as_str(),
    };
    let index = named.index(vault, purpose);
    limit(begun, &index).await?;
    let other = named.find(&mut begun.work.tx, vault).await?;
    if other.as_ref() == Some(&begun.party) {
        return Err(Error::field("art", "mandate_self"));
    }
    // The principal never stands below itself. Whose address it is nobody learns: that goes nowhere.
    let other = match (&parent, named) {
        (Some(parent), Named::Email(_)) if parent.principal == other => None,
        (Some(parent), _) if parent.principal == other => return Err(Error::field("art", "mandate_cycle")),
        _ => other,
    };
    let own = Some(begun.party.clone());
    let (principal, agent, state, happened) = match (&parent, what) {
        (Some(parent), _) => (parent.principal.clone(), other.clone(), State::Offered, Happened::PassedOn),
        (None, What::Ask) => (other.clone(), own, State::Asked, Happened::Asked),
        (None, _) => (own, other.clone(), State::Offered, Happened::Offered),
    };
    let id = MandateId::new(now, &begun.work.random);
    let terms = Terms { from: terms.from.max(now), ..terms.clone() };
    let mandate = Mandate {
        named: Some(seal(vault, begun, &id, named).await?),
        parent: parent.map(|parent| parent.id),
        ..Mandate::new((id, state), (principal, agent), begun, terms)
    };
    store::insert(&mut begun.work, &mandate, Some(&index)).await?;
    event::record(&mut begun.work, &mandate, happened).await?;
    tell_others(app, begun, (&mandate, other.as_ref())).await?;
    Ok(mandate.id)
}

impl Mandate {
    fn new((id, state): (MandateId, State), parties: (Option<Party>, Option<Party>), by: &Begun, terms: Terms) -> Self {
        let (principal, agent) = parties;
        Self {
            id,
            principal,
            agent,
            opener: by.party.clone(),
            state,
            origin: Origin::Own,
            parent: None,
            terms,
            opened: Done { by: by.by.clone(), at: by.work.now },
            expires_at: days_after(by.work.now, OPEN_DAYS),
            accepted: None,
            ended: None,
            named: None,
            principal_lets: true,
            agent_lets: true,
            parent_lets: true,
        }
    }
}

/// The mandate that is to be passed on, if that party holds it and what is passed on is not more. Who passes on may not
/// allow that it goes further.
async fn held(begun: &mut Begun, id: &MandateId, terms: &Terms) -> Result<Mandate, Error> {
    let now = begun.work.now;
    let parent = find(&mut begun.work.tx, id).await?.filter(|parent| parent.agent.as_ref() == Some(&begun.party));
    let parent = parent.ok_or(Error::NotFound)?;
    if !parent.can_pass_on(now) {
        return Err(Error::NotAllowed("mandate"));
    }
    let held = &parent.terms;
    let is_inside = terms.from.max(now) >= held.from && terms.until <= held.until && !terms.may_pass_on;
    if is_inside && held.scope.includes(&terms.scope) {
        Ok(parent)
    } else {
        Err(Error::field("handlung", "mandate_more"))
    }
}

async fn limit(begun: &mut Begun, index: &[u8]) -> Result<(), Error> {
    let now = begun.work.now;
    let (party, since) = (begun.party.as_str(), now.minus(days(1)));
    let sent = match begun.sent {
        Some(sent) => sent,
        None => store::sent(&mut begun.work.tx, (party, since), now).await?,
    };
    let same = store::sent_to(&mut begun.work.tx, (party, since), index, now).await?;
    let (open_max, a_day) = match begun.party {
        Party::Person(_) => (PERSON_OPEN_MAX, PERSON_A_DAY),
        Party::Organisation(_) => (ORGANISATION_OPEN_MAX, ORGANISATION_A_DAY),
    };
    let problem = match sent {
        _ if same.open > 0 || same.opened >= SAME_A_DAY => "mandate_known",
        sent if sent.open >= open_max => "mandates_open",
        sent if sent.opened >= a_day => "mandates_enough",
        sent => {
            // Nobody else sends anything for the party before this work is done.
            begun.sent = Some(store::Sent { open: sent.open + 1, opened: sent.opened + 1 });
            return Ok(());
        }
    };
    Err(Error::field("art", problem))
}

async fn tell_others(
    app: &AppParts,
    begun: &mut Begun,
    (mandate, other): (&Mandate, Option<&Party>),
) -> Result<(), Error> {
    let name = begun.name.clone();
    let letter = |words: Words| Letter { kind: Kind::MandateOpened, words, name: &name };
    if let Some(other) = other {
        let words: Words = match mandate.state {
            State::Asked => |mail| (&mail.mandate_asked_subject, &mail.mandate_asked_body),
            _ => |mail| (&mail.mandate_offered_subject, &mail.mandate_offered_body),
        };
        party::write_to(app, &mut begun.work, other, letter(words)).await?;
    }
    if let (Some(_), Some(principal)) = (&mandate.parent, &mandate.principal) {
        let words: Words = |mail| (&mail.mandate_passed_on_subject, &mail.mandate_passed_on_body);
        party::write_to(app, &mut begun.work, principal, letter(words)).await?;
    }
    Ok(())
}

fn named_place(id: &MandateId) -> Place<'_> {
    Place { table: "mandate", column: "named", row: id.as_str(), version: 1 }
}

async fn seal(vault: &Vault, begun: &mut Begun, id: &MandateId, named: &Named) -> Result<Vec<u8>, Error> {
    let key = begun.key(vault).await?;
    key.seal(named_place(id), named.to_string().as_bytes(), &begun.work.random).map_err(Error::broken)
}

impl Mandate {
    /// Whom the opener has named, as long as nobody has accepted; for the opener alone.
    pub async fn named(&self, tx: &mut Tx, vault: &Vault) -> Result<Option<String>, Error> {
        if self.named.is_none() {
            return Ok(None);
        }
        let key = party::key(tx, vault, &self.opener).await?;
        self.named_with(&key)
    }

    /// The same with the opener's key.
    pub(super) fn named_with(&self, key: &DataKey) -> Result<Option<String>, Error> {
        let Some(sealed) = &self.named else { return Ok(None) };
        key.open_text(named_place(&self.id), sealed).map(Some).map_err(Error::broken)
    }
}

/// Writes down that a court has appointed somebody (§§ 1814, 1815 BGB): it counts at once, and nobody has to accept it. `work`
/// is that of the officer who has seen the document; `by` names the officer. Which office that was, [`super::guardian`] says in
/// the protocols.
pub async fn record_guardian(
    work: &mut Work,
    (ward, guardian): (&AccountId, &AccountId),
    terms: &Terms,
    by: &str,
) -> Result<MandateId, Error> {
    if terms.may_pass_on {
        return Err(Error::field("handlung", "mandate_more"));
    }
    Ok(record(work, (ward, guardian), (Origin::Guardian, terms), by).await?.id)
}

/// The same of a mandate that the principal has given, where nobody has to be asked: in a demonstration.
pub async fn record_given(
    work: &mut Work,
    (principal, agent): (&AccountId, &AccountId),
    terms: &Terms,
) -> Result<MandateId, Error> {
    let mandate = record(work, (principal, agent), (Origin::Own, terms), principal.as_str()).await?;
    event::record(work, &mandate, Happened::Accepted).await?;
    Ok(mandate.id)
}

async fn record(
    work: &mut Work,
    (principal, agent): (&AccountId, &AccountId),
    (origin, terms): (Origin, &Terms),
    by: &str,
) -> Result<Mandate, Error> {
    let now = work.now;
    terms.check(origin, now)?;
    if principal == agent {
        return Err(Error::field("art", "mandate_self"));
    }
    let done = Done { by: by.to_owned(), at: now };
    let mandate = Mandate {
        id: MandateId::new(now, &work.random),
        principal: Some(Party::Person(principal.clone())),
        agent: Some(Party::Person(agent.clone())),
        opener: Party::Person(principal.clone()),
        state: State::Active,
        origin,
        parent: None,
        terms: terms.clone(),
        opened: done.clone(),
        expires_at: now,
        accepted: Some(done),
        ended: None,
        named: None,
        principal_lets: true,
        agent_lets: true,
        parent_lets: true,
    };
    store::insert(work, &mandate, None).await?;
    Ok(mandate)
}
