use super::*;

#[test]
fn rl40_an_unknown_key_is_refused_with_its_line() {
    let error =
        Config::parse("issuer = \"https://konto.example.org\"\n\n[server]\nlisten_on = \"127.0.0.1:1\"\n").unwrap_err();
    assert!(error.contains("line 4") && error.contains("listen_on"), "{error}");
}

#[test]
fn contradictions_are_refused() {
    let refused = |text: &str| Config::parse(text).unwrap_err();
    assert!(refused("issuer = \"http://konto.example.org\"").contains("https"));
    assert!(refused("issuer = \"https://konto.example.org/konto\"").contains("issuer"));
    assert!(refused("issuer = \"https://konto.example.org\"\n[password]\nmemory_kibibytes = 64").contains("password"));
    assert!(
        refused("issuer = \"https://a.example\"\n[mail]\nsmtp_host = \"mx.example\"\nsmtp_tls = \"none\"")
            .contains("smtp_tls")
    );
    assert!(Config::parse("issuer = \"http://localhost:8080\"\n[password]\nmemory_kibibytes = 64").is_ok());
}

#[test]
fn sec_e13_client_certificates_come_from_where_they_are_expected() {
    let parse = |keys: &str| Config::parse(&format!("issuer = \"https://a.example\"\n[server]\n{keys}"));
    let tls = "tls_certificate_file = \"a\"\ntls_key_file = \"b\"\n";
    let listen = "mtls_listen = \"127.0.0.1:8443\"\n";
    assert!(parse(&format!("{tls}{listen}mtls_issuer = \"https://m.example\"")).is_ok());
    assert!(parse(&format!("{tls}{listen}mtls_issuer = \"https://a.example:8443\"")).is_ok());
    for (wrong, why) in [
        (format!("{tls}{listen}"), "belong together"),
        ("mtls_issuer = \"https://m.example\"".to_owned(), "belong together"),
        (format!("{listen}mtls_issuer = \"https://m.example\""), "tls_certificate_file"),
        (format!("{tls}{listen}mtls_issuer = \"https://a.example\""), "mtls_issuer"),
        (format!("{tls}{listen}mtls_issuer = \"http://m.example\""), "mtls_issuer"),
        (format!("{tls}{listen}mtls_issuer = \"https://m.example/\""), "mtls_issuer"),
        (format!("{tls}mtls_listen = \"127.0.0.1:8080\"\nmtls_issuer = \"https://m.example\""), "of its own"),
        ("client_certificate_header = \"Client-Cert\"".to_owned(), "trusted_proxies"),
        ("trusted_proxies = [\"::1\"]\nclient_certificate_header = \"a b\"".to_owned(), "name of a header"),
    ] {
        assert!(parse(&wrong).is_err_and(|error| error.contains(why)), "{wrong}");
    }
}

#[test]
fn attestation_needs_roots() {
    let parse = |keys: &str| Config::parse(&format!("issuer = \"https://a.example\"\n[passkey]\n{keys}"));
    let (asks, roots) = ("attestation = \"required\"\n", "attestation_roots = [\"root.pem\"]\n");
    let model = "aaguids = [\"08987058-cadc-4b81-b6e1-30de50dcbe96\"]\n";
    assert!(parse(&format!("{asks}{roots}{model}")).is_ok());
    for wrong in [asks.to_owned(), roots.to_owned(), model.to_owned(), format!("{asks}{model}")] {
        assert!(parse(&wrong).is_err_and(|error| error.contains("belong together")), "{wrong}");
    }
    assert!(parse(&format!("{asks}{roots}aaguids = [\"a key\"]")).is_err_and(|error| error.contains("line 5")));
}

#[test]
fn the_password_of_the_database_is_not_shown() {
    let config =
        Config::parse("issuer = \"https://a.example\"\n[database]\nurl = \"postgres://u:geheim@h/n\"").unwrap();
    assert!(!config.in_force().unwrap().contains("geheim"));
}

#[test]
fn objects_lie_in_a_directory_or_in_a_bucket() {
    let parse = |keys: &str| Config::parse(&format!("issuer = \"https://a.example\"\n{keys}"));
    let place = |keys: &str| parse(keys).unwrap().object_directory();
    assert_eq!(place(""), Some("data/objects".into()), "beside the database");
    assert_eq!(place("[database]\nurl = \"sqlite:/srv/konto.db\""), Some("/srv/objects".into()));
    assert_eq!(place("[database]\nurl = \"postgres://h/n\""), None, "nobody has said where");
    assert_eq!(place("[objects]\ndirectory = \"/srv/files\""), Some("/srv/files".into()));
    let bucket = "[objects]\ns3_bucket = \"konto\"\ns3_access_key_id = \"id\"\ns3_secret_access_key = \"env:SECRET\"\n";
    let at = |endpoint: &str| format!("{bucket}s3_endpoint = \"{endpoint}\"");
    assert!(parse(&at("https://s3.example")).unwrap().objects.s3().is_some());
    assert_eq!(place(&at("http://127.0.0.1:9000")), None);
    for (wrong, why) in [
        (bucket.to_owned(), "belong together"),
        (at("https://s3.example") + "\ndirectory = \"files\"", "not both"),
        (at("http://s3.example"), "https"),
        (at("https://id:geheim@s3.example"), "nothing else"),
        (at("s3.example"), "s3_endpoint"),
        (at("https://s3.example").replace("\"konto\"", "\"../konto\""), "s3_bucket"),
        ("[objects]\nbucket = \"konto\"".to_owned(), "line 3"),
    ] {
        let error = parse(&wrong).unwrap_err();
        assert!(error.contains(why) && !error.contains("geheim"), "{wrong}: {error}");
    }
}
