//! The ways to prove who one is that there are, the quickest first. A new way is a new row here.

use super::{letter, office};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::texts::{Text, Texts};
use crate::store::db::Tx;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofWay {
    /// With the online function of an identity card.
    Eid,
    /// With an account at another provider.
    LinkedAccount,
    /// At a registration desk.
    Desk,
    /// With a letter to the address.
    Letter,
}

/// What people have to know of a way before they take it.
pub struct Words<'a> {
    pub name: &'a Text,
    /// What it proves.
    pub gives: &'a Text,
    /// How long it takes.
    pub takes: &'a Text,
    /// What to bring.
    pub bring: &'a Text,
}

impl ProofWay {
    pub const fn path(self) -> &'static str {
        match self {
            Self::Eid => "/ausweis",
            Self::LinkedAccount => "/sicherheit/konten",
            Self::Desk => "/identitaet/vor-ort",
            Self::Letter => "/identitaet/brief",
        }
    }

    /// The id of its link.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Eid => "mit-ausweis",
            Self::LinkedAccount => "mit-konto",
            Self::Desk => "vor-ort",
            Self::Letter => "brief",
        }
    }

    pub const fn words(self, t: &Texts) -> Words<'_> {
        let (e, u, d, l) = (&t.eid, &t.upstream, &t.desk_case, &t.letter);
        match self {
            Self::Eid => Words { name: &e.way, gives: &e.way_gives, takes: &e.way_takes, bring: &e.way_bring },
            Self::LinkedAccount => {
                Words { name: &u.way, gives: &u.way_gives, takes: &u.way_takes, bring: &u.way_bring }
            }
            Self::Desk => Words { name: &d.way, gives: &d.way_gives, takes: &d.way_takes, bring: &d.way_bring },
            Self::Letter => Words { name: &l.way, gives: &l.way_gives, takes: &l.way_takes, bring: &l.way_bring },
        }
    }
}

/// Those that there are.
pub async fn fitting(tx: &mut Tx, app: &AppParts) -> Result<Vec<ProofWay>, Error> {
    let mut ways = Vec::new();
    if app.eid.is_some() {
        ways.push(ProofWay::Eid);
    }
    if app.config.upstream.iter().any(|one| one.enabled && one.confirms_identity) {
        ways.push(ProofWay::LinkedAccount);
    }
    if office::is_any(tx).await? {
        ways.push(ProofWay::Desk);
    }
    if letter::is_offered(app) {
        ways.push(ProofWay::Letter);
    }
    Ok(ways)
}
