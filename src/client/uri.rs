//! Which URIs a client may register. Compared later by bytes, so that they must be plain here.

use url::{Host, Url};

/// Response parameters that a registered URI must not carry itself.
const RESERVED: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];

/// Accepts https, and http on loopback where that is allowed; no fragment, no user, no dot segments, nothing
/// that two parsers could read differently.
pub fn check_redirect_uri(uri: &str, loopback_allowed: bool) -> Result<(), &'static str> {
    let parsed = Url::parse(uri).map_err(|_| "not an absolute URI")?;
    let is_loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("needs a host"),
    };
    match parsed.scheme() {
        "https" => {}
        "http" if is_loopback && loopback_allowed => {}
        _ => return Err("must be https"),
    }
    if parsed.fragment().is_some() || uri.contains('#') {
        return Err("must have no fragment");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("must have no user name");
    }
    let path = parsed.path();
    let is_plain = parsed.as_str() == uri || parsed.as_str().strip_suffix('/') == Some(uri);
    if !is_plain || uri.contains(['\\', '*', ';']) || path.contains("//") || path.to_ascii_lowercase().contains("%2e") {
        return Err("must be written in its plain form: lower-case host, no dot segments, nothing to be encoded");
    }
    if parsed.query_pairs().any(|(name, _)| RESERVED.contains(&name.as_ref())) {
        return Err("must not contain a parameter of the answer");
    }
    if uri.len() > 1000 {
        return Err("at most 1000 characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_redirect_uri;

    #[test]
    fn sec_a08_a11_only_plain_https_is_registered() {
        for good in ["https://rp.example/cb", "https://rp.example/cb?tenant=1", "https://rp.example:8443/cb"] {
            assert_eq!(check_redirect_uri(good, false), Ok(()), "{good}");
        }
        for bad in [
            "http://rp.example/cb",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "https://rp.example/cb#x",
            "https://a@rp.example/cb",
            "https://rp.example/a/../cb",
            "https://rp.example/a/%2e%2e/cb",
            "https://RP.example/cb",
            "https://rp.example//cb",
            "https://rp.example/cb?code=1",
            "https://rp.example/cb?state=1",
            "https://rp.example\\@evil.example/",
            "/cb",
            "https://",
            "https://rp.example/..;/x",
            "https://*.example/cb",
            "http://localhost/cb",
        ] {
            assert!(check_redirect_uri(bad, false).is_err(), "{bad}");
        }
        assert_eq!(check_redirect_uri("http://localhost:8081/cb", true), Ok(()));
    }
}
