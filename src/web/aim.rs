//! Pages of ours that people are on the way to while they sign in, and what they have to have proven there.

use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts};

/// A page that whoever has to sign in first comes back to. Its name travels as `?ziel=`, never an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Where people type the code of a device.
    Device,
    /// The registration desk, for officers.
    Desk,
    /// Organisations: registering one, and what only somebody who is known well may do with one.
    Organisation,
    /// Mandates: giving and taking them.
    Mandates,
    /// The postbox, or a notice in it that needs a level of its own.
    Postbox,
    /// The safe, or a document in it that needs a level of its own.
    Safe,
}

/// What a page of ours wants besides somebody signed in.
pub struct Wanted {
    pub level: Level,
    /// Whether only a passkey will do.
    pub by_passkey: bool,
}

impl Aim {
    const ALL: [Self; 6] = [Self::Device, Self::Desk, Self::Organisation, Self::Mandates, Self::Postbox, Self::Safe];

    /// The query that carries it.
    pub const fn query(self) -> &'static str {
        match self {
            Self::Device => "?ziel=geraet",
            Self::Desk => "?ziel=amt",
            Self::Organisation => "?ziel=organisation",
            Self::Mandates => "?ziel=vollmachten",
            Self::Postbox => "?ziel=postfach",
            Self::Safe => "?ziel=safe",
        }
    }

    pub const fn path(self) -> &'static str {
        match self {
            Self::Device => "/geraet",
            Self::Desk => "/amt",
            Self::Organisation => "/organisation",
            Self::Mandates => "/vollmachten",
            Self::Postbox => POSTBOX,
            Self::Safe => SAFE,
        }
    }

    /// What it wants; none if everybody who is signed in may go there, or if that depends on what is there.
    pub const fn wanted(self) -> Option<Wanted> {
        match self {
            Self::Device | Self::Postbox | Self::Safe => None,
            Self::Desk => Some(Wanted { level: Level::Substantial, by_passkey: true }),
            Self::Organisation | Self::Mandates => Some(Wanted { level: Level::Substantial, by_passkey: false }),
        }
    }

    /// What it is called, and why it wants a level.
    pub const fn words(self, t: &Texts) -> (&Text, &Text) {
        match self {
            Self::Device => (&t.device.title, &t.device.title),
            Self::Desk => (&t.desk.title, &t.desk.level_reason),
            Self::Organisation => (&t.organisation.title, &t.organisation.level_reason),
            Self::Mandates => (&t.mandate.title, &t.mandate.level_reason),
            Self::Postbox => (&t.postbox.title, &t.postbox.level_reason),
            Self::Safe => (&t.safe.title, &t.safe.level_reason),
        }
    }

    /// The one that a query names.
    pub fn of_query(query: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aim| query.split('&').any(|pair| aim.query().strip_prefix('?') == Some(pair)))
    }

    /// The one that a page belongs to. Of several pages the first is where one begins.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/geraet" => Some(Self::Device),
            path if path == "/amt" || path.starts_with("/amt/") => Some(Self::Desk),
            // Nobody has to be known for stopping what somebody has registered in their name.
            "/organisation/widerruf" => None,
            path if path == "/vollmachten" || path.starts_with("/vollmachten/") => Some(Self::Mandates),
            path if path == "/organisation" || path.starts_with("/organisation/") => Some(Self::Organisation),
            path if path == POSTBOX || path.starts_with("/postfach/") => Some(Self::Postbox),
            path if path == SAFE || path.starts_with("/safe/") => Some(Self::Safe),
            _ => None,
        }
    }
}

const POSTBOX: &str = "/postfach";
const SAFE: &str = "/safe";

/// The page of the notice, or the document, that a path below the postbox or the safe belongs to: one comes back to that, and never to a form
/// that was being sent.
pub fn own_page(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(place, _)| place);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_named_and_never_an_address() {
        for aim in Aim::ALL {
            assert_eq!(Aim::of_query(aim.query().trim_start_matches('?')), Some(aim));
            assert_eq!(Aim::of_path(aim.path()), Some(aim));
        }
        for query in ["", "ziel=", "ziel=/amt", "ziel=//evil.example", "zielamt", "ziel=amt2"] {
            assert_eq!(Aim::of_query(query), None, "{query}");
        }
        assert_eq!(Aim::of_query("a=b&ziel=amt"), Some(Aim::Desk));
        assert_eq!(Aim::of_path("/amtlich"), None);
        assert_eq!(Aim::of_path("/organisation/neu/register"), Some(Aim::Organisation));
        assert_eq!(Aim::of_path("/organisation/widerruf"), None);
        assert_eq!(Aim::of_path("/postfach/x/text"), Some(Aim::Postbox));
        assert_eq!(Aim::of_path("/safe/x/1/datei"), Some(Aim::Safe));
        for (path, page) in
            [("/postfach", "/postfach"), ("/postfach/x", "/postfach/x"), ("/postfach/x/text", "/postfach/x")]
        {
            assert_eq!(own_page(path), page);
        }
    }
}
