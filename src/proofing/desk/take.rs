//! The person takes a code.

use super::{CASE_LIFETIME, CODE_LENGTH, DeskEvent, code_hash, grouped, place, store, tell};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::audit;
use crate::kernel::error::Error;
use crate::kernel::id::CaseId;
use crate::kernel::texts::moment;
use crate::notice::Kind;
use crate::signin::attempts::{self, Network};
use crate::store::work::Work;

/// A new code for a case of this account; an older one is void from now on. It also comes by mail, unless too many mails went
/// to that address lately.
pub async fn take(app: &AppParts, mut work: Work, account: &Account, network: &Network) -> Result<(), Error> {
    let may_mail = attempts::count_mail(app, &mut work, network, &account.email.address).await;
    if may_mail.is_ok() {
        let (id, code) = (CaseId::new(work.now, &work.random), work.random.letters(CODE_LENGTH));
        let key = account::key(&mut work.tx, &app.vault, &account.id).await?;
        let sealed = key.seal(place("code", &id), code.expose().as_bytes(), &work.random).map_err(Error::broken)?;
        let expires_at = work.now.plus(CASE_LIFETIME);
        store::put(&mut work, (&id, &account.id), (&code_hash(app, code.expose()), &sealed), expires_at).await?;
        audit::record(&mut work, &DeskEvent::Taken { account: account.id.clone() }).await?;
        if let Ok(true) = may_mail {
            let t = &account.language.texts().mail;
            let until = moment::date(account.language, expires_at);
            let body = t.desk_case_body.with("code", grouped(code.expose())).with("date", until);
            tell(app, &mut work, account, (Kind::DeskCase, &t.desk_case_subject, body)).await?;
        }
    }
    work.commit().await?;
    may_mail.map(drop)
}
