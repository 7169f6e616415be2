//! What the operator may do to an organisation: look at it, stop it and let it go on, write down insolvency proceedings, and
//! decide who of two it belongs to. Each with a reason, which stands in the organisation's protocol.

use std::fmt;

use super::Inquiry;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{ClaimId, OrganisationId};
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::claim::{self, Claim, Decided, Outcome};
use crate::organisation::event::{By, Happened, What};
use crate::organisation::evidence::{self, Evidence};
use crate::organisation::{self, Facts, Organisation, hold, life};

/// An organisation as the operator sees it.
#[derive(Debug)]
pub struct Overview {
    pub organisation: Organisation,
    pub evidence: Vec<Evidence>,
    pub members: i64,
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: Timestamp| moment::date_and_clock(Language::En, at);
        let Organisation { id, state, state_since, erase_at, level, record, .. } = &self.organisation;
        let state = format!("{state:?}").to_lowercase();
        writeln!(f, "{id}  {state} since {}  level {}  {} members", at(*state_since), level.name(), self.members)?;
        if let Some(erase_at) = erase_at {
            writeln!(f, "deleted on {}", at(*erase_at))?;
        }
        let entry = record.register.as_ref().map(|entry| format!("{entry}, {}", entry.court));
        writeln!(f, "{} ({}), {}, {}", record.name, record.form.name(), entry.unwrap_or_default(), record.seat)?;
        write!(f, "{}", record.business_address.lines().join(", "))?;
        for one in &self.evidence {
            let source = format!("{:?}", one.source).to_lowercase();
            let void = one.void_at.map(|void| format!(", void since {}", at(void))).unwrap_or_default();
            let named = if one.shown.names_representative { ", names who asked" } else { "" };
            write!(f, "\n{source}  shown {}{named}{void}", at(one.shown_at))?;
        }
        Ok(())
    }
}

/// Looks at an organisation; that is recorded.
pub async fn show(app: &AppParts, by: &Inquiry, id: &OrganisationId) -> Result<Overview, Error> {
    let mut work = by.begin(app).await?;
    let organisation = organisation::load(&mut work.tx, &app.vault, id).await?;
    let evidence = evidence::list(&mut work.tx, &app.vault, id).await?;
    let now = work.now;
    let Facts { members, .. } = organisation::facts(&mut work.tx, id, now).await?;
    audit::record(&mut work, &Happened::new(id, What::LookedUp {}).because(Some(&by.reason))).await?;
    work.commit().await?;
    Ok(Overview { organisation, evidence, members })
}

/// What the operator makes of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nobody acts for it.
    Block,
    Unblock,
    /// Insolvency proceedings are open.
    Insolvent,
    /// They are over.
    Solvent,
}

/// Takes a step. `Conflict` if it is not in a state that allows it.
pub async fn step(app: &AppParts, by: &Inquiry, id: &OrganisationId, step: Step) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    hold(&mut work, id).await?;
    let reason = by.reason.as_str();
    match step {
        Step::Block => life::block(app, &mut work, id, (By::Operator, Some(reason))).await?,
        Step::Unblock => life::unblock(app, &mut work, id, reason).await?,
        Step::Insolvent => life::become_insolvent(app, &mut work, id, (By::Operator, Some(reason))).await?,
        Step::Solvent => life::become_solvent(app, &mut work, id, reason).await?,
    }
    work.commit().await
}

/// Claims that wait for a decision.
pub async fn claims(app: &AppParts) -> Result<Vec<Claim>, Error> {
    claim::list(&mut app.read().await?, &app.vault).await
}

/// Decides a claim, or proposes the decision that a second person has to confirm.
pub async fn decide(app: &AppParts, by: &Inquiry, id: &ClaimId, outcome: Outcome) -> Result<Decided, Error> {
    let mut work = by.begin(app).await?;
    let decided = claim::decide(app, &mut work, (id, outcome), (&by.operator, &by.reason)).await?;
    work.commit().await?;
    Ok(decided)
}
