//! What a client may ask about its tokens and do to them: introspection (RFC 7662) and revocation (RFC 7009).

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::access_token::AccessToken;
use super::client_auth::Authenticated;
use super::confirmation::Confirmation;
use super::grant::{self, Grants, Live, RefreshToken};
use super::request::Parameters;
use super::{OidcEvent, machine, scope_text, store, whose};
use crate::app::AppParts;
use crate::audit::{self, Event};
use crate::client::registry::Registry;
use crate::client::{Answer, Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::{ClientId, GrantId, OrganisationKeyId};
use crate::kernel::keys::Purpose;
use crate::store::db::Tx;
use crate::store::work::Actor;

/// RFC 7662 section 2.2. Of a token that does not count, or is somebody else's, nothing else is said.
#[derive(Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken>,
}

impl Introspection {
    /// The same, signed for whoever has asked, and encrypted if that client wants it (RFC 9701 section 5).
    pub fn sign(&self, app: &AppParts, client: &Client) -> Result<String, Error> {
        let claims = json!({
            "iss": app.config.issuer,
            "aud": client.id,
            "iat": app.now().seconds(),
            "token_introspection": self,
        });
        let keys = app.keys.current();
        let algorithm = client.id_token_algorithm;
        let token = keys.sign_as("token-introspection+jwt", Purpose::IdToken, algorithm, &claims)?;
        client.protect(Answer::Introspection, token)
    }
}

#[derive(Serialize)]
struct ActiveToken {
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: String,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// RFC 9449 section 6.2, RFC 8705 section 3.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    /// RFC 8693 section 4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Value>,
    /// What the subject is, if it is an organisation whose own program has the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<Value>,
    /// RFC 9470 section 6.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

/// A client has tried to revoke what is another's: the other may have lost it, or somebody experiments.
#[derive(Serialize)]
struct ForeignToken {
    #[serde(skip)]
    client: ClientId,
    of: ClientId,
}

impl Event for ForeignToken {
    fn kind(&self) -> &'static str {
        "client.foreign_token"
    }

    fn subject(&self) -> Option<String> {
        Some(format!("client:{}", self.client))
    }
}

/// What a client may present: whatever `token_type_hint` says, the text tells which it is.
enum Presented {
    Access(Box<AccessToken>, GrantId),
    /// An access token in a client's own name: nothing stands behind it but its signature and time.
    Own(Box<AccessToken>),
    Refresh(RefreshToken),
}

impl Presented {
    fn read(app: &AppParts, parameters: &Parameters) -> Result<Option<Self>, Error> {
        let token = parameters.get("token").ok_or_else(|| Error::protocol("invalid_request", "token is missing"))?;
        let access = AccessToken::read(app, token).map(|mut claims| match claims.grant.take() {
            Some(grant) => Self::Access(Box::new(claims), grant),
            None => Self::Own(Box::new(claims)),
        });
        Ok(access.or_else(|| RefreshToken::parse(token).map(Self::Refresh)))
    }

    /// The grant behind it, whoever has it.
    async fn grant(&self, app: &AppParts, registry: &Registry, tx: &mut Tx) -> Result<Option<Live>, Error> {
        let family;
        let by = match self {
            Self::Own(_) => return Ok(None),
            Self::Access(_, id) => grant::By::Id(id),
            Self::Refresh(token) => {
                family = token.family_hash();
                grant::By::Family(&family)
            }
        };
        grant::find(tx, registry, by, app.now()).await
    }

    /// Whether a client may know of it: it got the token, or is the API that the token is meant for (RFC 7662 section 4).
    fn concerns(&self, client: &Client, holder: &str) -> bool {
        let is_meant = |token: &AccessToken| client.resource_server.as_ref() == Some(&token.aud);
        client.id.0 == holder || matches!(self, Self::Access(token, _) | Self::Own(token) if is_meant(token))
    }
}

/// Says whether a token still counts at this moment. Writes nothing, but the assertion that a client may have used.
pub async fn introspect(
    app: &AppParts,
    registry: &Registry,
    grants: &Grants,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<Introspection, Error> {
    let presented = Presented::read(app, parameters)?;
    let live = async {
        match &presented {
            None | Some(Presented::Own(_)) => Ok(None),
            Some(Presented::Access(_, id)) => grants.find(app, registry, id).await,
            Some(token) => Ok(token.grant(app, registry, &mut app.read().await?).await?.map(Arc::new)),
        }
    };
    // Neither needs the other, and both wait for the database.
    let ((), live) = tokio::try_join!(authenticated.spend_alone(app), live)?;
    let token = match presented {
        None => None,
        Some(Presented::Own(claims)) => {
            let counts = match OrganisationKeyId::parse(&claims.client_id) {
                Some(key) => machine::counts(app, registry, &claims, &key).await?,
                None => registry.get(&claims.client_id).is_some_and(|holder| {
                    claims.scope.split(' ').all(|name| holder.own_scopes.iter().any(|known| known == name))
                }),
            };
            let holder = claims.client_id.clone();
            let presented = Presented::Own(claims);
            let counts = counts && presented.concerns(&authenticated.client, &holder);
            if counts { describe(app, presented, None) } else { None }
        }
        Some(presented) => {
            let live = live.filter(|live| {
                let holder = match &presented {
                    // One that was exchanged is of whom it was given to.
                    Presented::Access(claims, _) => &claims.client_id,
                    _ => &live.client.id.0,
                };
                presented.concerns(&authenticated.client, holder)
            });
            live.and_then(|live| describe(app, presented, Some(&live)))
        }
    };
    Ok(Introspection { active: token.is_some(), token })
}

fn of_access_token(claims: AccessToken) -> ActiveToken {
    let token_type = Some(claims.token_type());
    let AccessToken { iss, sub, aud, exp, iat, jti, client_id, scope, cnf, act, organisation, acr, auth_time, .. } =
        claims;
    let jti = Some(jti);
    ActiveToken { token_type, iss, sub, aud, client_id, scope, exp, iat, jti, cnf, act, organisation, acr, auth_time }
}

fn describe(app: &AppParts, presented: Presented, live: Option<&Live>) -> Option<ActiveToken> {
    match presented {
        Presented::Access(claims, _) | Presented::Own(claims) => Some(of_access_token(*claims)),
        Presented::Refresh(token) => {
            let live = live?;
            let is_present = live.row.generation_hash.as_deref() == Some(&token.generation_hash()[..]);
            let holds = is_present && live.scopes.contains(&Scope::OfflineAccess);
            holds.then(|| ActiveToken {
                token_type: None,
                iss: app.config.issuer.clone(),
                sub: live.client.subject_of(&app.vault, &live.whose.party()),
                aud: app.config.issuer.clone(),
                client_id: live.client.id.0.clone(),
                scope: scope_text(&live.scopes),
                exp: live.row.expires_at.seconds(),
                iat: live.row.created_at.seconds(),
                jti: None,
                act: live.act(app, Map::new()),
                organisation: None,
                acr: None,
                auth_time: None,
                // Another client's is bound by its authentication (RFC 9449 section 5).
                cnf: live
                    .row
                    .confirmation
                    .as_deref()
                    .filter(|_| live.client.is_public())
                    .and_then(|text| Confirmation::read(text).ok()),
            })
        }
    }
}

/// Ends the grant behind a token, and with it everything that came of it. A token that is unknown, expired or another
/// client's is left alone, and the answer is the same (RFC 7009 section 2.2); the trail keeps that it was tried.
pub async fn revoke(
    app: &AppParts,
    registry: &Registry,
    authenticated: &Authenticated,
    parameters: &Parameters,
) -> Result<(), Error> {
    let client = authenticated.client.id.clone();
    let Some(presented) = Presented::read(app, parameters)? else { return authenticated.spend_alone(app).await };
    if let Presented::Own(claims) = &presented
        && claims.client_id == client.0
    {
        // RFC 7009 section 2.2.1: said openly, rather than a revocation that does nothing.
        return Err(Error::protocol("unsupported_token_type", "a token of client_credentials ends by itself"));
    }
    let mut work = app.begin(Actor::Client(client.clone())).await?;
    authenticated.spend(app, &mut work).await?;
    // Of another client's it learns nothing (RFC 7009 section 2.1).
    match presented.grant(app, registry, &mut work.tx).await? {
        Some(live) if live.client.id == client => {
            let grant = live.row.id;
            store::end_grant(&mut work, &grant, &live.row.account_id).await?;
            whose::record(&mut work, &live.whose, &OidcEvent::GrantRevoked { client, grant }).await?;
        }
        Some(live) => audit::record(&mut work, &ForeignToken { client, of: live.client.id.clone() }).await?,
        None => {}
    }
    work.commit().await
}
