//! Devices: browsers that have signed in to an account before. One of them is not shut out by strangers who guess at
//! the account from elsewhere (NIST SP 800-63B-4 section 3.2.2), and signing in on a new one is told by mail.

use crate::kernel::random::Random;
use crate::kernel::secret::token_hash;

/// A browser that is remembered. Its token opens nothing by itself.
pub struct Device {
    token: String,
    /// The browser has no such token yet and should get this one.
    pub is_new: bool,
    pub name: String,
}

impl Device {
    /// `known` is the browser's cookie, `user_agent` what it says of itself.
    pub fn of(known: Option<String>, user_agent: &str, random: &Random) -> Self {
        let is_new = known.is_none();
        let token = known.unwrap_or_else(|| random.token().expose().clone());
        Self { token, is_new, name: name(user_agent) }
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether it says that it is a telephone or a tablet. Some tablets say that they are computers.
    pub fn is_mobile(&self) -> bool {
        matches!(parts(&self.name)[1], Some("Android" | "iOS"))
    }

    pub fn hash(&self) -> [u8; 32] {
        token_hash(&self.token)
    }
}

/// Browser and system as two words of ours; nothing that a stranger writes is kept.
fn name(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung-Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| user_agent.contains(mark)).map_or("?", |(_, name)| *name)
    };
    format!("{} {}", find(&BROWSERS), find(&SYSTEMS))
}

/// Browser and system of a stored name; `None` for what could not be told.
pub fn parts(name: &str) -> [Option<&str>; 2] {
    let mut words = name.split(' ').map(|word| (word != "?" && !word.is_empty()).then_some(word));
    [words.next().flatten(), words.next().flatten()]
}

#[cfg(test)]
mod tests {
    use super::{name, parts};

    #[test]
    fn browsers_are_told_by_what_they_say() {
        let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(name(firefox), "Firefox Windows");
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1";
        assert_eq!(name(phone), "Safari iOS");
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(name(edge), "Edge Windows");
        assert_eq!(name("<script>"), "? ?");
        assert_eq!(parts("Edge ?"), [Some("Edge"), None]);
        assert_eq!(parts(""), [None, None]);
    }
}
