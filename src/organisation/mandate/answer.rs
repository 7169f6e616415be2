//! Answering what was asked for or offered: accepting, declining, taking back. Of all who answer at once one does.

use super::event::{self, Happened};
use super::party::{self, Letter, Side, Words};
use super::{Mandate, Standing, State, Terms, find, store};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::notice::Kind;
use crate::store::work::Work;

/// Accepts. Whoever gives a mandate that was asked for decides what it allows: `terms` are theirs. An offer is accepted as it is.
pub async fn accept(app: &AppParts, side: Side<'_>, id: &MandateId, terms: Option<&Terms>) -> Result<(), Error> {
    let mut begun = side.begin_binding(app).await?;
    let now = begun.work.now;
    let mandate = find(&mut begun.work.tx, id).await?.filter(|mandate| mandate.side(&begun.party).is_some());
    let mandate = mandate.ok_or(Error::NotFound)?;
    if mandate.standing(now) != Standing::Open {
        return Err(Error::Conflict("mandate"));
    }
    if mandate.answerer() != Some(&begun.party) {
        return Err(Error::NotAllowed("mandate"));
    }
    let terms = match (mandate.state, terms) {
        (State::Asked, Some(terms)) => terms,
        _ => &mandate.terms,
    };
    let terms = Terms { from: terms.from.max(now), ..terms.clone() };
    terms.check(mandate.origin, now)?;
    if let Some(parent) = &mandate.parent {
        // What it was passed on from may have ended; whoever ends it ends this, too.
        let parent = find(&mut begun.work.tx, parent).await?;
        if !parent.is_some_and(|parent| parent.can_pass_on(now)) {
            return Err(Error::Conflict("mandate"));
        }
    }
    if !store::accept(&mut begun.work, &mandate, &terms, &begun.by).await? {
        return Err(Error::Conflict("mandate"));
    }
    event::record(&mut begun.work, &mandate, Happened::Accepted).await?;
    let words: Words = |mail| (&mail.mandate_accepted_subject, &mail.mandate_accepted_body);
    tell_all(app, &mut begun.work, &mandate, (Kind::MandateAnswered, words)).await?;
    begun.work.commit().await
}

/// Says no to what was asked for or offered, or takes back what one has asked for or offered oneself.
pub async fn refuse(app: &AppParts, side: Side<'_>, id: &MandateId) -> Result<(), Error> {
    let mut begun = side.begin(app).await?;
    let mandate = find(&mut begun.work.tx, id).await?.filter(|mandate| mandate.side(&begun.party).is_some());
    let mandate = mandate.ok_or(Error::NotFound)?;
    if !mandate.state.is_open() {
        return Err(Error::Conflict("mandate"));
    }
    let (state, happened) = if mandate.opener == begun.party {
        (State::Withdrawn, Happened::Withdrawn)
    } else if mandate.answerer() == Some(&begun.party) {
        (State::Declined, Happened::Declined)
    } else {
        // A principal stops at once what is being passed on from its mandate.
        (State::Revoked, Happened::Revoked)
    };
    if !store::end(&mut begun.work, id, (mandate.state, state), &begun.by).await? {
        return Err(Error::Conflict("mandate"));
    }
    event::record(&mut begun.work, &mandate, happened).await?;
    let words: Words = |mail| (&mail.mandate_declined_subject, &mail.mandate_declined_body);
    tell_all(app, &mut begun.work, &mandate, (Kind::MandateAnswered, words)).await?;
    begun.work.commit().await
}

/// Tells every party; each reads the name of the one on the other side.
pub(super) async fn tell_all(
    app: &AppParts,
    work: &mut Work,
    mandate: &Mandate,
    (kind, words): (Kind, Words),
) -> Result<(), Error> {
    for party in mandate.parties() {
        let is_agent = mandate.agent.as_ref() == Some(&party);
        let other = if is_agent { mandate.principal.as_ref() } else { mandate.agent.as_ref() };
        // To whoever has asked nobody, nobody answers: the opener reads what they have typed.
        let name = match other {
            Some(other) => party::name(&mut work.tx, &app.vault, other).await?,
            None => mandate.named(&mut work.tx, &app.vault).await?,
        };
        let name = name.unwrap_or_default();
        party::write_to(app, work, &party, Letter { kind, words, name: &name }).await?;
    }
    Ok(())
}
