//! Somebody who represents an organisation takes a code.

use super::super::event::{Happened, What};
use super::super::member::Right;
use super::super::opening::Founder;
use super::super::{begin, key};
use super::{code_hash, paper, place, store};
use crate::account;
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::{OrganisationCaseId, OrganisationId};
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::proofing::desk::{CASE_LIFETIME, CODE_LENGTH, grouped};
use crate::proofing::office;
use crate::signin::attempts;
use crate::signin::change::tell;

/// A new code for a case of this organisation; an older one is void from now on. It also comes by mail, unless too many mails
/// went to that address lately. `Conflict` where there is no document that an office could look at.
pub async fn take(app: &AppParts, id: &OrganisationId, by: Founder<'_>) -> Result<(), Error> {
    let (mut work, member) = begin(app, (id, by.account), by.request).await?;
    member.require(&Right::Representation)?;
    if !office::is_any(&mut work.tx).await? {
        return Err(Error::NotFound);
    }
    if paper::wanted(&member.organisation.record).is_none() {
        return Err(Error::Conflict("organisation_desk"));
    }
    let person = account::load(&mut work.tx, &app.vault, by.account).await?;
    let may_mail = attempts::count_mail(app, &mut work, by.network, &person.email.address).await;
    if may_mail.is_ok() {
        let (case, code) = (OrganisationCaseId::new(work.now, &work.random), work.random.letters(CODE_LENGTH));
        let key = key(&mut work.tx, &app.vault, id).await?;
        let sealed = key.seal(place("code", &case), code.expose().as_bytes(), &work.random).map_err(Error::broken)?;
        let until = work.now.plus(CASE_LIFETIME);
        let hash = code_hash(app, code.expose());
        store::put(&mut work, (&case, id, &member.id), (&hash, &sealed), until).await?;
        audit::record(&mut work, &Happened::new(id, What::DeskTaken {})).await?;
        if let Ok(true) = may_mail {
            let (name, until) = (&member.organisation.record.name, moment::date(person.language, until));
            tell(app, &mut work, &person, Kind::OrganisationDesk, |texts| {
                let body = texts.mail.organisation_desk_code_body.with("code", grouped(code.expose()));
                let body = body.with("organisation", name).with("date", &until);
                (&texts.mail.organisation_desk_code_subject, body)
            })
            .await?;
        }
    }
    work.commit().await?;
    may_mail.map(drop)
}
