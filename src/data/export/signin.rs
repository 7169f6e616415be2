//! What somebody signs in with.

use serde_json::{Value, json};

use super::instant;
use crate::app::AppParts;
use crate::assurance::Means;
use crate::kernel::error::Error;
use crate::kernel::id::AccountId;
use crate::signin::generator::{self, Generator};
use crate::signin::linked::{self, Linked};
use crate::signin::passkey::{self, Passkey};
use crate::signin::recovery::{Recovery, release};
use crate::signin::{card, recovery, recovery_codes, session};
use crate::store::db::Tx;

/// What one signs in with, without what is secret of it.
pub(super) async fn describe(app: &AppParts, tx: &mut Tx, id: &AccountId) -> Result<Value, Error> {
    let password_changed_at = session::password_changed_at(tx, id).await?;
    let recovery_codes_left = recovery_codes::left(tx, id).await?;
    let generators = generator::list(tx, app, id).await?;
    let passkeys = passkey::list(tx, &app.vault, id).await?;
    let cards = card::list(tx, id).await?;
    let recovery = recovery::find(tx, id, app.now()).await?;
    let released_until = release::of(tx, id, app.now()).await?;
    let linked = linked::list(tx, id).await?;
    let generator = |one: &Generator| {
        json!({
            "kind": one.kind, "name": one.name, "registered": one.registered, "since": instant(one.created_at),
            "last_used_at": one.last_used_at.map(instant),
        })
    };
    Ok(json!({
        "password_changed_at": password_changed_at.map(instant), "recovery_codes_left": recovery_codes_left,
        "code_generators": generators.iter().map(generator).collect::<Vec<_>>(),
        "passkeys": passkeys.iter().map(describe_passkey).collect::<Vec<_>>(),
        "cards": cards.iter().map(describe_card).collect::<Vec<_>>(),
        "recovery": recovery.as_ref().map(describe_recovery), "released_until": released_until.map(instant),
        "linked_accounts": linked.iter().map(describe_linked).collect::<Vec<_>>(),
    }))
}

fn describe_passkey(one: &Passkey) -> Value {
    json!({
        "name": one.name, "kind": one.kind, "level": one.registered, "is_synchronised": one.is_synchronised,
        "model": one.model, "created_at": instant(one.created_at), "last_used_at": one.last_used_at.map(instant),
    })
}

fn describe_card(one: &Means) -> Value {
    json!({
        "level": one.registered, "created_at": instant(one.created_at),
        "last_used_at": one.last_used_at.map(instant), "blocked_at": one.blocked_at.map(instant),
    })
}

fn describe_recovery(one: &Recovery) -> Value {
    json!({
        "started_at": instant(one.started_at()), "release_at": instant(one.release_at()),
        "expires_at": instant(one.expires_at()),
    })
}

fn describe_linked(one: &Linked) -> Value {
    json!({
        "provider": one.provider, "level": one.registered, "created_at": instant(one.created_at),
        "last_used_at": instant(one.last_used_at), "blocked_at": one.blocked_at.map(instant),
    })
}
