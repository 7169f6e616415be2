//! E-mail addresses: one strict grammar, and one form under which an address is unique.

/// An address as it was written, and as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    shown: String,
    compared: String,
}

impl EmailAddress {
    /// Reads an address: an unquoted local part of ASCII letters, digits and the signs of RFC 5322 section
    /// 3.2.3, one `@`, a domain name with a dot. International domain names become their ASCII form.
    /// No quotes, no comments, no address literals. Compared without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let local_is_sound = !local.is_empty()
            && local.len() <= 64
            && local.bytes().all(sign)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain = match url::Host::parse(domain).ok()? {
            url::Host::Domain(name) => name,
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => return None,
        };
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_is_sound = domain.contains('.') && domain.len() <= 253 && domain.split('.').all(label);
        let shown = format!("{local}@{domain}");
        let sound = local_is_sound && domain_is_sound && shown.len() <= 254;
        sound.then(|| Self { compared: shown.to_ascii_lowercase(), shown })
    }

    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that decides whether two addresses are one.
    pub fn compared(&self) -> &str {
        &self.compared
    }

    /// `r…@web.de`: enough to recognise one's own, too little to learn another's.
    pub fn masked(&self) -> String {
        let (local, domain) = self.shown.split_once('@').unwrap_or_default();
        format!("{}…@{domain}", local.chars().next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::EmailAddress;

    #[test]
    fn sec_s07_one_strict_grammar() {
        for good in ["renate@example.org", "r.muster+konto@web.de", "a@b.co", "o'neil@example.org"] {
            assert!(EmailAddress::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "@",
            "a@",
            "@b.de",
            "a@b",
            "a@b@c.de",
            "a b@c.de",
            "\"a b\"@c.de",
            ".a@c.de",
            "a.@c.de",
            "a..b@c.de",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-b.de",
            "ä@example.org",
            "a@example.org\r\nBcc: x@y.de",
            "a＠example.org",
            "a@ex ample.org",
            "(c)a@b.de",
            "a@b..de",
            "a\u{0}@b.de",
        ] {
            assert!(EmailAddress::parse(bad).is_none(), "{bad:?}");
        }
        assert!(EmailAddress::parse(&format!("{}@example.org", "a".repeat(65))).is_none());
    }

    #[test]
    fn spelling_does_not_make_two_addresses() {
        let compared = |text: &str| EmailAddress::parse(text).unwrap().compared().to_owned();
        assert_eq!(compared("Renate@Example.ORG"), compared(" renate@example.org "));
        assert_eq!(compared("a@müller.example"), compared("a@xn--mller-kva.example"));
        assert_eq!(EmailAddress::parse("renate@web.de").unwrap().masked(), "r…@web.de");
    }
}
