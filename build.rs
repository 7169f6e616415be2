//! Writes the struct of all texts and both languages of it from `templates/texts`, so that templates use fields, not strings, and
//! nothing of it is read or checked by the program.

use std::fmt::Write as _;
use std::{env, error::Error, fs, path::Path};

const LANGUAGES: [(&str, &str); 2] = [("GERMAN", "templates/texts/de.toml"), ("ENGLISH", "templates/texts/en.toml")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=migrations");
    let mut read = Vec::new();
    for (language, path) in LANGUAGES {
        println!("cargo::rerun-if-changed={path}");
        let sections: toml::Table = toml::from_str(&fs::read_to_string(path)?)?;
        read.push((language, path, sections));
    }
    let (_, first, sections) = &read[0];
    let mut code = types(sections)?;
    for (language, path, other) in &read {
        // Both ways, so that no language has a text that the other one lacks.
        code += &statics(language, (sections, other)).map_err(|missing| format!("{path} lacks {missing}"))?;
        statics(language, (other, sections)).map_err(|missing| format!("{first} lacks {missing}"))?;
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("texts.rs"), code)?;
    Ok(())
}

fn type_name(section: &str) -> String {
    let words = section.split('_').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
    format!("{}Texts", words.collect::<String>())
}

fn types(sections: &toml::Table) -> Result<String, Box<dyn Error>> {
    let mut all = "/// Every text of one language.\npub struct Texts {\n".to_owned();
    let mut structs = String::new();
    for (name, texts) in sections {
        let section = type_name(name);
        writeln!(all, "    pub {name}: {section},")?;
        writeln!(structs, "pub struct {section} {{")?;
        for key in texts.as_table().ok_or("texts stand in sections")?.keys() {
            writeln!(structs, "    pub {key}: Text,")?;
        }
        structs.push_str("}\n");
    }
    Ok(format!("{all}}}\n{structs}"))
}

/// The texts of one language in the order of another one; or which of those it lacks.
fn statics(language: &str, (order, texts): (&toml::Table, &toml::Table)) -> Result<String, Box<dyn Error>> {
    let mut code = format!("static {language}: Texts = Texts {{\n");
    for (name, keys) in order {
        writeln!(code, "    {name}: {} {{", type_name(name))?;
        for key in keys.as_table().into_iter().flat_map(toml::Table::keys) {
            let text = texts.get(name).and_then(|section| section.get(key)).and_then(toml::Value::as_str);
            let text = text.ok_or_else(|| format!("{name}.{key}"))?;
            writeln!(code, "        {key}: Text(Cow::Borrowed({text:?})),")?;
        }
        code += "    },\n";
    }
    Ok(code + "};\n")
}
