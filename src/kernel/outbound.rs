//! Calling addresses that others have given us: by HTTPS to public addresses, without redirects, with little patience.
//!
//! The name is resolved once, what came of it is judged, and the connection goes to that and nothing else: a name that
//! answers differently the second time gains nothing (OWASP, Server-Side Request Forgery Prevention).

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, StatusCode};
use url::{Host, Url};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    allowed: Allowed,
}

/// What was answered, whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Hosts of which the operator says that they may be called wherever they are.
#[derive(Clone)]
struct Allowed(Arc<HashSet<String>>);

impl Allowed {
    fn contains(&self, host: &str) -> bool {
        self.0.contains(host)
    }
}

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let any = self.contains(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| any || is_public(address.ip())).collect();
            if usable.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

impl Outbound {
    /// `authority` is a PEM certificate that is trusted beside the system's.
    pub fn new(allowed_hosts: &[String], authority: Option<&[u8]>) -> Result<Self, String> {
        let allowed = Allowed(Arc::new(allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect()));
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .dns_resolver(allowed.clone());
        if let Some(pem) = authority {
            builder = builder.tls_certs_merge([Certificate::from_pem(pem).map_err(|error| error.to_string())?]);
        }
        Ok(Self { http: builder.build().map_err(|error| error.to_string())?, allowed })
    }

    /// Sends a form and returns the status. Of the answer nothing else is read. No reason contains the address.
    pub async fn post_form(&self, uri: &str, form: &[(&str, &str)]) -> Result<u16, String> {
        let url = Url::parse(uri).map_err(|_| "not an address".to_owned())?;
        self.check(&url)?;
        let response = self.http.post(url).form(form).send().await.map_err(reason)?;
        Ok(response.status().as_u16())
    }

    /// Fetches what stands at an address: an answer of at most so many bytes, with status 200, whole within five seconds. No
    /// reason contains the address.
    pub async fn get(&self, uri: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
        let answer = self.call((Method::GET, uri), HeaderMap::new(), Vec::new(), bytes_max).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        Ok(answer.body)
    }

    /// One request of any kind, and what is answered, whatever its status: at most so many bytes, whole within five seconds.
    pub async fn call(
        &self,
        (method, uri): (Method, &str),
        headers: HeaderMap,
        body: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Answer, String> {
        let url = Url::parse(uri).map_err(|_| "not an address".to_owned())?;
        self.check(&url)?;
        let request = self.http.request(method, url).headers(headers).body(body);
        let called = tokio::time::timeout(TIMEOUT, read(request, bytes_max)).await;
        called.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// What can be said before a name is resolved. An address is never resolved, so it is judged here.
    fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        if self.allowed.contains(host) {
            return if url.scheme() == "https" || is_local(url) { Ok(()) } else { Err("must be https".to_owned()) };
        }
        if url.scheme() != "https" || url.port_or_known_default() != Some(443) {
            return Err("must be https on port 443".to_owned());
        }
        match url.host() {
            Some(Host::Ipv4(address)) if !is_public(address.into()) => Err("not a public address".to_owned()),
            Some(Host::Ipv6(address)) if !is_public(address.into()) => Err("not a public address".to_owned()),
            _ => Ok(()),
        }
    }
}

async fn read(request: reqwest::RequestBuilder, bytes_max: usize) -> Result<Answer, String> {
    let mut response = request.send().await.map_err(reason)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reason)? {
        if body.len() + chunk.len() > bytes_max {
            return Err("the answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        error.without_url().to_string()
    }
}

/// What is refused at registration already, unless the whole installation is on this machine: addresses that are nobody's in
/// public. A name that leads to one is refused at the connection.
pub fn check_host(uri: &str, loopback_allowed: bool) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "not an absolute URI")?;
    let is_private = match url.host() {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    };
    if is_private && !loopback_allowed { Err("must not be an address that is not public") } else { Ok(()) }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether an address is reachable for everybody (IANA special-purpose address registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || first >= 224
        || (first == 100 && second & 0xC0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && second & 0xFE == 18);
    !is_special
}

/// Global unicast only, without what carries another address inside (6to4, Teredo) or is for documents.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = (first == 0x2001 && (second < 0x200 || second == 0xDB8)) || first == 0x2002 || first == 0x3FFF;
    first & 0xE000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: [&str; 20] = [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "[fc00::1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
    ];

    #[test]
    fn sec_l02_private_addresses_are_told_from_public_ones() {
        let nobody = outbound(&[]);
        for private in PRIVATE {
            let url = Url::parse(&format!("https://{private}/")).unwrap();
            assert!(check_host(url.as_str(), false).is_err(), "{private} at registration");
            assert!(nobody.check(&url).is_err(), "{private} at the call");
        }
        for written in
            ["https://0x7f.1/", "https://2130706433/", "https://127.1/", "https://localhost/", "https://a.localhost./"]
        {
            assert!(check_host(written, false).is_err(), "{written}");
        }
        for public in ["93.184.215.14", "[2a00:1450::1]", "dienst.example"] {
            let url = Url::parse(&format!("https://{public}/")).unwrap();
            assert!(check_host(url.as_str(), false).is_ok() && nobody.check(&url).is_ok(), "{public}");
        }
        assert!(check_host("http://127.0.0.1:8081/", true).is_ok(), "all on one machine");
    }

    fn outbound(allowed: &[&str]) -> Outbound {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        Outbound::new(&allowed.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>(), None).unwrap()
    }

    #[test]
    fn sec_l02_only_https_on_its_port() {
        let check = |allowed: &[&str], uri: &str| outbound(allowed).check(&Url::parse(uri).unwrap());
        for bad in ["http://dienst.example/", "https://dienst.example:8443/", "ftp://dienst.example/"] {
            assert!(check(&[], bad).is_err(), "{bad}");
        }
        assert!(check(&["dienst.intern"], "https://dienst.intern:8443/x").is_ok());
        assert!(check(&["dienst.intern"], "http://dienst.intern/x").is_err());
        assert!(check(&["localhost"], "http://localhost:9000/x").is_ok());
    }

    #[tokio::test]
    async fn sec_l03_a_name_that_leads_inside_is_not_called() {
        let found =
            async |allowed: &[&str]| outbound(allowed).allowed.resolve("localhost".parse().unwrap()).await.is_ok();
        assert!(!found(&[]).await && found(&["localhost"]).await);
        let refused = outbound(&[]).post_form("https://localhost/x", &[]).await;
        assert_eq!(refused, Err("no connection".to_owned()));
        assert_eq!(outbound(&[]).get("https://localhost/x", 1).await, Err("no connection".to_owned()));
    }
}
