//! The eID-Client (BSI TR-03124-1): the TC token that it fetches, the addresses at which it is called, and what the browser
//! brings back.

use url::form_urlencoded::{byte_serialize, parse};

use super::Begun;
use super::xml::escape;

const BINDING: &str = "urn:liberty:paos:2006-08";
const PATH_SECURITY: &str = "urn:ietf:rfc:4279";

/// The TC token (section 2.4), to be sent as `text/xml; charset=utf-8` and to the eID-Client of this run alone.
pub fn tc_token(begun: &Begun, refresh_address: &str, communication_error_address: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TCTokenType>\
         <ServerAddress>{}</ServerAddress><SessionIdentifier>{}</SessionIdentifier>\
         <RefreshAddress>{}</RefreshAddress><CommunicationErrorAddress>{}</CommunicationErrorAddress>\
         <Binding>{BINDING}</Binding><PathSecurity-Protocol>{PATH_SECURITY}</PathSecurity-Protocol>\
         <PathSecurity-Parameters><PSK>{}</PSK></PathSecurity-Parameters></TCTokenType>\n",
        escape(&begun.server_address),
        escape(&begun.psk_id),
        escape(refresh_address),
        escape(communication_error_address),
        escape(begun.psk.expose()),
    )
}

/// Where the eID-Client is called (section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddresses {
    /// On this computer.
    pub desktop: String,
    /// On this telephone.
    pub mobile: String,
    /// Says whether there is one, and which.
    pub status: String,
}

impl ClientAddresses {
    /// `client` is the address of the eID-Client without a query.
    pub fn new(client: &str, tc_token_url: &str) -> Self {
        let url: String = byte_serialize(tc_token_url.as_bytes()).collect();
        let rest = client.split_once("://").map_or(client, |(_, rest)| rest);
        Self {
            desktop: format!("{client}?tcTokenURL={url}"),
            mobile: format!("eid://{rest}?tcTokenURL={url}"),
            status: format!("{client}?Status"),
        }
    }
}

/// How the eID-Client ended, in its own words (section 2.5.4). It is a stranger that says so: whether a card has been read is
/// for the eID-Server to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    Ok,
    /// By the person, or after three wrong PINs.
    Cancelled,
    TrustedChannelFailed,
    ServerError,
    ClientError,
    CommunicationError,
}

impl Returned {
    /// Reads the query of the refresh address. Parameters of other names are none of its business; the two of its own must
    /// be there once and fit together, otherwise nothing is known.
    pub fn parse(query: &str) -> Option<Self> {
        let (mut major, mut minor) = (None, None);
        for (name, value) in parse(query.as_bytes()) {
            let place = match &*name {
                "ResultMajor" => &mut major,
                "ResultMinor" => &mut minor,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        match (major.as_deref()?, minor.as_deref()) {
            ("ok", None) => Some(Self::Ok),
            ("error", Some(minor)) => Self::ERRORS.into_iter().find(|error| error.minor() == Some(minor)),
            _ => None,
        }
    }

    const ERRORS: [Self; 5] =
        [Self::Cancelled, Self::TrustedChannelFailed, Self::ServerError, Self::ClientError, Self::CommunicationError];

    /// The value of `ResultMinor`.
    pub fn minor(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::Cancelled => Some("cancellationByUser"),
            Self::TrustedChannelFailed => Some("trustedChannelEstablishmentFailed"),
            Self::ServerError => Some("serverError"),
            Self::ClientError => Some("clientError"),
            Self::CommunicationError => Some("communicationError"),
        }
    }

    /// As the eID-Client adds it to the refresh address.
    pub fn to_query(self) -> String {
        self.minor().map_or("ResultMajor=ok".to_owned(), |minor| format!("ResultMajor=error&ResultMinor={minor}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::secret::Secret;

    #[test]
    fn what_comes_back_is_read_strictly() {
        for returned in Returned::ERRORS.into_iter().chain([Returned::Ok]) {
            assert_eq!(Returned::parse(&returned.to_query()), Some(returned));
            assert_eq!(
                Returned::parse(&format!("lauf=abc&{}", returned.to_query())),
                Some(returned),
                "with one of ours"
            );
        }
        for nothing in [
            "",
            "ResultMajor",
            "ResultMajor=",
            "ResultMajor=OK",
            "ResultMajor=error",
            "ResultMinor=clientError",
            "ResultMajor=ok&ResultMajor=ok",
            "ResultMajor=ok&ResultMinor=clientError",
            "ResultMajor=error&ResultMinor=other",
            "ResultMajor=error&ResultMinor=clientError&ResultMinor=serverError",
            "resultmajor=ok",
        ] {
            assert_eq!(Returned::parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_client_is_called_where_the_guideline_says() {
        let at = ClientAddresses::new("http://127.0.0.1:24727/eID-Client", "https://konto.example/ausweis/token?a=b");
        let url = "https%3A%2F%2Fkonto.example%2Fausweis%2Ftoken%3Fa%3Db";
        assert_eq!(at.desktop, format!("http://127.0.0.1:24727/eID-Client?tcTokenURL={url}"));
        assert_eq!(at.mobile, format!("eid://127.0.0.1:24727/eID-Client?tcTokenURL={url}"));
        assert_eq!(at.status, "http://127.0.0.1:24727/eID-Client?Status");
    }

    #[test]
    fn a_token_is_xml_whatever_the_addresses_have() {
        let begun = Begun {
            session: Secret::new("never".to_owned()),
            server_address: "https://eid.example/?a=1&b=2".to_owned(),
            psk_id: "0987".to_owned(),
            psk: Secret::new("fedc".to_owned()),
        };
        let token = tc_token(&begun, "https://konto.example/?a=1&b=<2>", "https://konto.example/fehler");
        insta::assert_snapshot!(token, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <TCTokenType><ServerAddress>https://eid.example/?a=1&amp;b=2</ServerAddress><SessionIdentifier>0987</SessionIdentifier><RefreshAddress>https://konto.example/?a=1&amp;b=&lt;2&gt;</RefreshAddress><CommunicationErrorAddress>https://konto.example/fehler</CommunicationErrorAddress><Binding>urn:liberty:paos:2006-08</Binding><PathSecurity-Protocol>urn:ietf:rfc:4279</PathSecurity-Protocol><PathSecurity-Parameters><PSK>fedc</PSK></PathSecurity-Parameters></TCTokenType>
        "#);
        assert!(!token.contains("never"), "the session is between the two servers");
    }
}
