//! Names of files: what every system can store under just that name, and what shows what it is.

use unicode_normalization::UnicodeNormalization as _;

use super::inspect::Type;
use crate::kernel::texts::is_sound;

const NAME_MAX_CHARACTERS: usize = 150;
/// A name on a disk has at most 255.
const NAME_MAX_BYTES: usize = 240;
/// Names that Windows has for devices, whatever follows the first point.
const DEVICES: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1", "LPT2",
    "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

/// A name that is fine, and what it says that the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub kind: Type,
}

impl Name {
    /// Reads a name, composed (NFC) and without white space around it. Everything else is taken as it is or not at all: nobody wants a
    /// file of another name than the one that was sent.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let text: String = name.trim().nfc().collect();
        if text.chars().count() > NAME_MAX_CHARACTERS || text.len() > NAME_MAX_BYTES {
            return Err("name_long");
        }
        let is_fine = |letter: char| is_sound(letter) && !r#"/\:*?"<>|"#.contains(letter);
        let (stem, extension) = text.rsplit_once('.').ok_or("name_type")?;
        let device = text.split('.').next().unwrap_or_default().trim().to_ascii_uppercase();
        // What begins with a point is hidden, or leads upwards.
        if !text.chars().all(is_fine)
            || stem.trim().is_empty()
            || text.starts_with('.')
            || DEVICES.contains(&device.as_str())
        {
            return Err("name_letters");
        }
        let extension = extension.to_ascii_lowercase();
        let kind = Type::ALL.into_iter().find(|kind| kind.extensions().contains(&extension.as_str()));
        Ok(Self { text, kind: kind.ok_or("name_type")? })
    }
}

/// What a download is called (RFC 6266, RFC 8187): once for old programs, and once as it is.
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || " ._-".contains(letter) { letter } else { '_' })
        .collect();
    let escaped: String = name
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_as_it_is_or_not_at_all() {
        let kind = |name: &str| Name::parse(name).map(|name| name.kind);
        assert_eq!(kind("Bescheid über Wohngeld.pdf"), Ok(Type::Pdf));
        assert_eq!(kind("PLAN.JPEG"), Ok(Type::Jpeg));
        assert_eq!(kind("a.b.c.txt"), Ok(Type::Text));
        assert_eq!(kind("Console.pdf"), Ok(Type::Pdf));
        assert_eq!(Name::parse(" u\u{308}ber.xml ").unwrap().text, "über.xml", "composed");
        assert_eq!(kind(&format!("{}.pdf", "x".repeat(146))), Ok(Type::Pdf));
        for (name, problem) in [
            ("", "name_type"),
            ("Bescheid", "name_type"),
            ("Bescheid.exe", "name_type"),
            ("Bescheid.pdf.exe", "name_type"),
            ("Bescheid.pdf ", ""),
            ("..", "name_letters"),
            (".pdf", "name_letters"),
            (" .pdf", "name_letters"),
            ("...pdf", "name_letters"),
            ("../Bescheid.pdf", "name_letters"),
            ("..\\Bescheid.pdf", "name_letters"),
            ("/etc/passwd.txt", "name_letters"),
            ("C:Bescheid.pdf", "name_letters"),
            ("Bescheid\r\nSet-Cookie: a=b.pdf", "name_letters"),
            ("Bescheid\0.pdf", "name_letters"),
            ("Bescheid\u{202E}fdp.txt", "name_letters"),
            ("Bescheid\u{200B}.pdf", "name_letters"),
            ("\"Bescheid\".pdf", "name_letters"),
            ("NUL.pdf", "name_letters"),
            ("com1.x.pdf", "name_letters"),
        ] {
            assert_eq!(kind(name).err().unwrap_or_default(), problem, "{name:?}");
        }
        assert_eq!(kind(&format!("{}.pdf", "x".repeat(147))), Err("name_long"));
        assert_eq!(kind(&format!("{}.pdf", "ü".repeat(119))), Err("name_long"), "242 bytes");
    }

    #[test]
    fn a_download_is_called_as_it_is() {
        assert_eq!(
            disposition("Bescheid über 50 %.pdf"),
            "attachment; filename=\"Bescheid _ber 50 _.pdf\"; filename*=UTF-8''Bescheid%20%C3%BCber%2050%20%25.pdf"
        );
    }
}
