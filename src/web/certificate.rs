//! The client certificate that a request comes with: of its connection, or in a header that a trusted proxy has written.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use crate::app::AppParts;
use crate::kernel::certificate::ClientCertificate;

/// What the connection of a request has shown in its handshake; put there when the connection begins.
pub struct OfConnection(pub Arc<ClientCertificate>);

/// The certificate, whatever it is worth. What anybody but a trusted proxy writes into the header does not count.
pub fn of(app: &AppParts, request: &HttpRequest) -> Option<Arc<ClientCertificate>> {
    if let Some(OfConnection(certificate)) = request.conn_data() {
        return Some(Arc::clone(certificate));
    }
    let server = &app.config.server;
    let name = server.client_certificate_header.as_deref()?;
    let peer: IpAddr = request.peer_addr()?.ip().to_canonical();
    if !server.trusted_proxies.contains(&peer) {
        return None;
    }
    forwarded(request.headers(), name).and_then(ClientCertificate::read).map(Arc::new)
}

/// RFC 9440 sections 2.2 and 2.3. A header that comes twice has not been written by the proxy alone.
fn forwarded(headers: &HeaderMap, name: &str) -> Option<Vec<CertificateDer<'static>>> {
    let mut values = headers.get_all(name);
    let end_entity = byte_sequence(values.next()?.to_str().ok()?)?;
    if values.next().is_some() {
        return None;
    }
    let mut chain = vec![end_entity];
    for value in headers.get_all(format!("{name}-chain")) {
        for item in value.to_str().ok()?.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    Some(chain)
}

/// RFC 9651 section 3.3.5: `:base64:`.
fn byte_sequence(text: &str) -> Option<CertificateDer<'static>> {
    let encoded = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok().map(CertificateDer::from)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::forwarded;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn sec_e13_the_header_is_read_strictly() {
        let read = |lines: &[_]| forwarded(&headers(lines), "Client-Cert");
        let lengths = |lines: &[_]| read(lines).map(|chain| chain.iter().map(|one| one.len()).collect::<Vec<_>>());
        assert_eq!(lengths(&[("client-cert", ":AAAA:")]), Some(vec![3]));
        let chain =
            [("client-cert", ":AAAA:"), ("client-cert-chain", ":AA==:, :AAA=:"), ("client-cert-chain", ":AAAA:")];
        assert_eq!(lengths(&chain), Some(vec![3, 1, 2, 3]));
        for bad in ["", ":", "AAAA", ":AAAA", "AAAA:", ":AA A:", ":AAA:", ":AAAA:;a=1", "\":AAAA:\"", ":AAAA:, :AAAA:"]
        {
            assert_eq!(read(&[("client-cert", bad)]), None, "{bad}");
        }
        assert_eq!(read(&[("client-cert", ":AAAA:"), ("client-cert", ":AAAA:")]), None, "twice");
        assert_eq!(read(&[("client-cert", ":AAAA:"), ("client-cert-chain", "x")]), None);
        assert_eq!(read(&[("client_cert", ":AAAA:"), ("client-cert-chain", ":AAAA:")]), None);
    }
}
