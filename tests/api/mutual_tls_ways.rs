//! How client certificates get here: by a listener that asks for them, or from a trusted proxy. Attack rows E13 and X02.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use serde_json::json;

use crate::both;
use crate::mutual_tls::{BOUND, ask, declaration, invalid, issued, own, redeem};
use crate::support::Service;
use crate::support::card::{ALIAS, Authority, Caller, Card, Door, dns};
use crate::support::doors::{connected, refusal, text};
use crate::support::service::claims;

both!(sec_e13_a_header_is_believed_from_a_trusted_proxy_alone, async |world| {
    let (parken, card, other) = (Service::new("parken"), Card::self_signed(|_| {}), Card::self_signed(|_| {}));
    world.clients(&declaration("parken", BOUND, &own(&[&card]))).await;
    let mut renate = connected(&world, &[&parken]).await;
    let header = "client-cert";
    let proxy = |trusted: [u8; 4], header: Option<&'static str>| {
        world.node_with(move |config| {
            config.server.trusted_proxies = vec![trusted.into()];
            config.server.client_certificate_header = header.map(str::to_owned);
        })
    };
    let behind = proxy([127, 0, 0, 1], Some("Client-Cert")).await;
    let at = |address: SocketAddr, headers: &[(&'static str, &str)]| Caller::at(&world, address, headers);
    let (address, shown) = (behind.running.address, card.header());
    let caller = at(address, &[(header, &shown)]);
    let tokens = redeem(&caller, &parken, &parken.code(&mut renate, &[]).await).await;
    let access = text(&tokens, "access_token");
    assert_eq!(claims(&access)["cnf"], json!({ "x5t#S256": card.thumbprint() }));
    assert_eq!(caller.userinfo("Bearer", &access).await.status, 200);
    for (what, headers) in [
        ("another", vec![(header, other.header())]),
        ("none", vec![]),
        ("empty", vec![(header, "::".to_owned())]),
        ("twice", vec![(header, shown.clone()), (header, shown.clone())]),
        ("no DER", vec![(header, ":AAAA:".to_owned())]),
        ("PEM", vec![(header, "-----BEGIN CERTIFICATE-----".to_owned())]),
        ("another header", vec![("x-client-cert", shown.clone()), ("x-ssl-client-cert", shown.clone())]),
        ("an underscore", vec![("client_cert", shown.clone())]),
    ] {
        let headers: Vec<(&'static str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let caller = at(address, &headers);
        assert_eq!(ask(&caller, "parken").await, invalid(401, "invalid_client"), "{what}");
        assert_eq!(refusal(&caller.userinfo("Bearer", &access).await), invalid(401, "invalid_token"), "{what}");
    }
    // The same from a peer that nobody trusts, whatever it says of others, and where no header is expected at all.
    for node in [proxy([192, 0, 2, 1], Some("Client-Cert")).await, proxy([127, 0, 0, 1], None).await] {
        let address = node.running.address;
        for headers in [vec![(header, &*shown)], vec![(header, &*shown), ("x-forwarded-for", "192.0.2.1")]] {
            let stranger = at(address, &headers);
            assert_eq!(ask(&stranger, "parken").await, invalid(401, "invalid_client"));
            assert_eq!(refusal(&stranger.userinfo("Bearer", &access).await), invalid(401, "invalid_token"));
        }
        node.running.abort().await;
    }
    behind.running.abort().await;
});

/// What the listener agrees to with a client that can do only this.
fn handshake(
    door: &Door,
    version: &'static SupportedProtocolVersion,
    provider: CryptoProvider,
) -> Result<ProtocolVersion, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(door.server.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]).unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let mut client = ClientConnection::new(config, "mtls.konto.example".try_into().unwrap()).unwrap();
    let mut stream = TcpStream::connect(door.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    Ok(client.protocol_version().unwrap())
}

both!(the_listener_keeps_to_the_ciphers_of_all_others, async |world| {
    let door = Door::open(&world, &Authority::root()).await;
    let only = |suite: rustls::SupportedCipherSuite| {
        let provider = default_provider();
        assert!(provider.cipher_suites.contains(&suite));
        CryptoProvider { cipher_suites: vec![suite], ..provider }
    };
    let door = tokio::task::spawn_blocking(move || {
        let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
        let refused = handshake(&door, old, only(cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256));
        assert!(refused.as_ref().is_err_and(|error| error.contains("HandshakeFailure")), "{refused:?}");
        let taken = handshake(&door, old, only(cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384));
        assert_eq!(taken, Ok(ProtocolVersion::TLSv1_2));
        assert_eq!(handshake(&door, new, default_provider()), Ok(ProtocolVersion::TLSv1_3));
        door
    });
    door.await.unwrap().close().await;
});

// What the documents say is there: each member held to it.
both!(discovery_tells_of_certificates_where_they_are_taken, async |world| {
    let (card, root) = (Card::self_signed(|_| {}), Authority::root());
    let texts =
        [declaration("parken", BOUND, &own(&[&card])), declaration("amt", BOUND, &issued("san_dns = \"amt.example\""))];
    world.clients(&texts.concat()).await;
    let door = Door::open(&world, &root).await;
    let issued = root.issue(&[dns("amt.example")], |_| {});
    let document = door.caller(None).get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["issuer"], json!(world.config.issuer), "the issuer is one, wherever it is asked");
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    let aliases = document["mtls_endpoint_aliases"].as_object().unwrap();
    assert_eq!(aliases.len(), 5);
    for (member, alias) in aliases {
        let path = alias.as_str().unwrap().strip_prefix(ALIAS).unwrap();
        let ordinary = document[member].as_str().unwrap().strip_prefix(world.config.issuer.as_str());
        assert_eq!(ordinary, Some(path), "{member}");
        if member == "userinfo_endpoint" {
            assert_eq!(door.caller(None).userinfo("Bearer", "x").await.status, 401);
            continue;
        }
        let methods = format!("{}_endpoint_auth_methods_supported", member.split('_').next().unwrap());
        for (id, card, method) in
            [("parken", &card, "self_signed_tls_client_auth"), ("amt", &issued, "tls_client_auth")]
        {
            let mut form = Service::new(id).parameters();
            form.extend([("token", "x".to_owned()), ("grant_type", "client_credentials".to_owned())]);
            form.retain(|(name, _)| member != "token_endpoint" || *name != "scope");
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = door.caller(Some(card)).post(path, &form).await;
            assert!([200, 201].contains(&answer.status), "{member} {id}: {}", answer.body);
            let listed = document.get(&methods).is_none_or(|list| list.as_array().unwrap().contains(&json!(method)));
            assert!(listed, "{methods} {method}");
        }
    }
    // A proxy has no other address, and without an authority nobody is vouched for.
    let behind = world.node_with(|config| {
        config.server.trusted_proxies = vec![[127, 0, 0, 1].into()];
        config.server.client_certificate_header = Some("Client-Cert".to_owned());
    });
    let behind = behind.await;
    let path = "/.well-known/openid-configuration";
    let document = Caller::at(&world, behind.running.address, &[]).get(path).await.json();
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    assert!(document.get("mtls_endpoint_aliases").is_none());
    let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("self_signed_tls_client_auth")) && !methods.contains(&json!("tls_client_auth")));
    let without = world.browser().get(path).await.body;
    assert!(!without.contains("tls_client") && !without.contains("mtls"));
    behind.running.abort().await;
    door.close().await;
});

both!(sec_x02_each_listener_has_one_host, async |world| {
    let door = Door::open(&world, &Authority::root()).await;
    let caller = door.caller(None);
    assert_eq!(caller.get("/oauth2/jwks").await.status, 200);
    let issuer = world.config.issuer.trim_start_matches("http://");
    for host in [issuer, "mtls.konto.example:8443", "konto.example", "evil.example"] {
        assert_eq!(caller.with("host", host).get("/oauth2/jwks").await.status, 421, "{host}");
    }
    let alias = ALIAS.trim_start_matches("https://");
    let mut anybody = world.browser();
    let request = reqwest::Client::new().get(format!("http://{}/oauth2/jwks", world.address())).header("host", alias);
    assert_eq!(anybody.send(request).await.status, 421);
    door.close().await;
});
