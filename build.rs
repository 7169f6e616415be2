//! Writes the struct of all texts from `templates/texts/de.toml`, so that templates use fields, not strings.

use std::fmt::Write as _;
use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let source = "templates/texts/de.toml";
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-changed=migrations");
    let sections: toml::Table = toml::from_str(&fs::read_to_string(source)?)?;
    let derive = "#[derive(Debug, serde::Deserialize)]\n#[serde(deny_unknown_fields)]\npub struct";
    let mut all = format!("/// Every text of one language.\n{derive} Texts {{\n");
    let mut structs = String::new();
    for (name, texts) in &sections {
        let words = name.split('_').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
        let type_name = format!("{}Texts", words.collect::<String>());
        writeln!(all, "    pub {name}: {type_name},")?;
        writeln!(structs, "{derive} {type_name} {{")?;
        for key in texts.as_table().ok_or("texts stand in sections")?.keys() {
            writeln!(structs, "    pub {key}: Text,")?;
        }
        structs.push_str("}\n");
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("texts.rs"), format!("{all}}}\n{structs}"))?;
    Ok(())
}
