//! Registering a passkey: who it is for has just proven who they are; the browser makes a key; the server checks what came.

use serde_json::Value;
use webauthn_rs::prelude::{
    AttestationFormat, Credential, CredentialID, ParsedAttestationData, Passkey as Key, PasskeyRegistration,
    RegisterPublicKeyCredential,
};
use webauthn_rs_proto::{AttestationConveyancePreference, ResidentKeyRequirement};

use super::super::ceremony::{self, Owner};
use super::super::change::{Person, device_name};
use super::super::means;
use super::super::store::{self, NewPasskey};
use super::{CHALLENGE_LIFETIME, Model, PASSKEYS_MAX, kind_of, parse_name, place, relying_party, seal, user_handle};
use crate::account::{self, Account};
use crate::app::AppParts;
use crate::assurance::Policy;
use crate::kernel::attestation;
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId};
use crate::kernel::level::Level;
use crate::kernel::seal::DataKey;
use crate::store::db::Tx;
use crate::store::work::Work;

/// What the browser needs to make a key, and what has to come back with it.
pub struct Begun {
    /// The member `publicKey`, in the standard's JSON.
    pub options: Value,
    pub ceremony: String,
}

/// Why there is no new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The challenge was not asked for here, or it has been answered before, or it is too old.
    Gone,
    /// What came is not what was asked for.
    Refused,
}

impl NotMade {
    /// The problem's name in the texts.
    pub const fn problem(self) -> &'static str {
        match self {
            Self::Gone => "passkey_gone",
            Self::Refused => "passkey_not_made",
        }
    }
}

fn owner<'a>(person: &Person<'a>, browser: &'a [u8]) -> Owner<'a> {
    Owner { purpose: "register", browser, within: person.session.id.as_str() }
}

/// Step 1, for somebody who has just signed in or gives the password once more.
pub async fn begin(app: &AppParts, person: Person<'_>, browser: &[u8]) -> Result<Begun, Error> {
    let account = person.account;
    let known = credentials(app, &mut app.read().await?, account).await?;
    if known.len() >= PASSKEYS_MAX {
        return Err(Error::field("passkey", "passkeys_enough"));
    }
    if !person.session.is_fresh(app.now()) {
        person.confirm(app).await?;
    }
    let whose = (&account.id, account.email.address.as_str(), account.full_name());
    ask(app, owner(&person, browser), whose, known)
}

/// What the browser is asked, for a key of this account, with its address and the name of its owner.
pub(super) fn ask(
    app: &AppParts,
    owner: Owner<'_>,
    (account, address, name): (&AccountId, &str, String),
    known: Vec<CredentialID>,
) -> Result<Begun, Error> {
    let handle = user_handle(&app.vault, account);
    let begun = relying_party(app)?.start_passkey_registration(handle, address, &name, Some(known));
    let (mut challenge, state) = begun.map_err(Error::broken)?;
    // Without a key that the browser finds by itself nobody could sign in without a user name.
    if let Some(selection) = &mut challenge.public_key.authenticator_selection {
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
    }
    if app.makers.is_some() {
        challenge.public_key.attestation = Some(AttestationConveyancePreference::Direct);
        challenge.public_key.attestation_formats = Some(vec![AttestationFormat::Packed, AttestationFormat::Tpm]);
    }
    let options = serde_json::to_value(&challenge.public_key).map_err(Error::broken)?;
    let ceremony = ceremony::seal(app, owner, CHALLENGE_LIFETIME, &state)?;
    Ok(Begun { options, ceremony })
}

/// The keys that an account has, which the same device should not make once more.
async fn credentials(app: &AppParts, tx: &mut Tx, account: &Account) -> Result<Vec<CredentialID>, Error> {
    let rows = store::passkeys_of(tx, &account.id).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = account::key(tx, &app.vault, &account.id).await?;
    let read = |row: &store::PasskeyRow| {
        let plain = key.open(place("credential", &row.id), &row.credential).map_err(Error::broken)?;
        serde_json::from_slice::<Key>(plain.expose()).map(|key| key.cred_id().clone()).map_err(Error::broken)
    };
    rows.iter().map(read).collect()
}

/// Step 2: what the browser sent, for the challenge of step 1.
pub async fn finish(
    app: &AppParts,
    person: Person<'_>,
    browser: &[u8],
    (ceremony, answer, name): (&str, &str, &str),
) -> Result<Result<MeansId, NotMade>, Error> {
    let work = person.begin(app).await?;
    let (key, model) = match receive(app, work, owner(&person, browser), (ceremony, answer)).await? {
        Ok(made) => made,
        Err(why) => return Ok(Err(why)),
    };
    let (id, account) = (MeansId::new(app.now(), &app.random), &person.account.id);
    let mut work = person.begin(app).await?;
    let (known, strength) = (means::list(&mut work.tx, account).await?, person.session.strength(work.now));
    let data_key = account::key(&mut work.tx, &app.vault, account).await?;
    let name = parse_name(name).unwrap_or_else(|| device_name(person.account.language, &person.device.name));
    let registered = Policy::of(&app.config).registration(kind_of(&key, model), strength, &known, work.now);
    let new = row(app, (&data_key, &id), (&key, model, &name), registered)?;
    let is_enough = store::passkeys_of(&mut work.tx, account).await?.len() >= PASSKEYS_MAX;
    // Somebody has this key already: then it is not one that was made here and now.
    if is_enough || !store::insert_passkey(&mut work, &id, (account, person.session.id.as_str()), &new).await? {
        return Ok(Err(NotMade::Refused));
    }
    work.commit().await?;
    Ok(Ok(id))
}

/// What the browser has made. The challenge is gone from here on, whatever comes next.
pub(super) async fn receive(
    app: &AppParts,
    mut work: Work,
    owner: Owner<'_>,
    (ceremony, answer): (&str, &str),
) -> Result<Result<(Key, Model), NotMade>, Error> {
    let state: Option<PasskeyRegistration> = ceremony::take(app, &mut work, owner, ceremony).await?;
    work.commit().await?;
    let Some(state) = state else { return Ok(Err(NotMade::Gone)) };
    Ok(verify(app, &state, answer)?.ok_or(NotMade::Refused))
}

/// A key that has never been used, as it is stored.
pub(super) fn row<'a>(
    app: &AppParts,
    (data_key, id): (&DataKey, &MeansId),
    (key, model, name): (&'a Key, Model, &str),
    registered: Level,
) -> Result<NewPasskey<'a>, Error> {
    let made = Credential::from(key.clone());
    let credential = serde_json::to_vec(key).map_err(Error::broken)?;
    let described = serde_json::to_vec(&model).map_err(Error::broken)?;
    Ok(NewPasskey {
        credential_id: key.cred_id(),
        credential: seal(app, data_key, place("credential", id), &credential)?,
        name: seal(app, data_key, place("name", id), name.as_bytes())?,
        kind: kind_of(key, model),
        registered,
        is_synchronised: made.backup_state,
        counter: i64::from(made.counter),
        model: seal(app, data_key, place("model", id), &described)?,
        is_used: false,
    })
}

/// Whether what came is a key for this challenge, made here, with somebody there. Of the maker's word only whether it counts is
/// kept; what came unasked is refused.
fn verify(app: &AppParts, state: &PasskeyRegistration, answer: &str) -> Result<Option<(Key, Model)>, Error> {
    let Ok(answer) = serde_json::from_str::<RegisterPublicKeyCredential>(answer) else { return Ok(None) };
    let key = match relying_party(app)?.finish_passkey_registration(&answer, state) {
        Ok(key) => key,
        Err(error) => {
            tracing::info!("a passkey was not registered: {error}");
            return Ok(None);
        }
    };
    let Some(aaguid) = attestation::model(&answer.response.attestation_object) else { return Ok(None) };
    let mut credential = Credential::from(key);
    let word = std::mem::take(&mut credential.attestation);
    credential.attestation_format = AttestationFormat::None;
    let is_plain = matches!(word.data, ParsedAttestationData::None | ParsedAttestationData::Self_);
    if app.makers.is_none() && !is_plain {
        return Ok(None);
    }
    let is_attested = app.makers.as_ref().is_some_and(|makers| makers.vouch_for(&word, app.now()));
    Ok(Some((Key::from(credential), Model { aaguid, is_attested })))
}
