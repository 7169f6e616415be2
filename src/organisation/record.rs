//! What an organisation is: its names, its entry in a register, its addresses (§ 3 UBRegG).

use serde::{Deserialize, Serialize};

use crate::account::identity::folded;
use crate::kernel::seal::Vault;

/// Kinds of register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterKind {
    /// Handelsregister, department A: sole traders and partnerships.
    #[serde(rename = "HRA")]
    Hra,
    /// Handelsregister, department B: companies with share capital.
    #[serde(rename = "HRB")]
    Hrb,
    /// Genossenschaftsregister.
    #[serde(rename = "GnR")]
    Gnr,
    /// Vereinsregister.
    #[serde(rename = "VR")]
    Vr,
    /// Partnerschaftsregister.
    #[serde(rename = "PR")]
    Pr,
    /// Gesellschaftsregister (§ 707 BGB).
    #[serde(rename = "GsR")]
    Gsr,
}

impl RegisterKind {
    pub const ALL: [Self; 6] = [Self::Hra, Self::Hrb, Self::Gnr, Self::Vr, Self::Pr, Self::Gsr];

    /// As the register itself writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hra => "HRA",
            Self::Hrb => "HRB",
            Self::Gnr => "GnR",
            Self::Vr => "VR",
            Self::Pr => "PR",
            Self::Gsr => "GsR",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An entry in a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub kind: RegisterKind,
    /// The court that keeps it, by its town.
    pub court: String,
    /// Digits, and the letters that some courts add.
    pub number: String,
}

/// A postal address in Germany.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    pub postal_code: String,
    pub locality: String,
}

/// The data of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    /// The key of the form in [`LegalForm`](crate::organisation::record::LegalForm).
    pub form: LegalForm,
    pub register: Option<Entry>,
    pub seat: String,
    pub business_address: Address,
    /// Where it is administrated, if that is somewhere else.
    pub administrative_address: Option<Address>,
    /// Wirtschafts-Identifikationsnummer (§ 139c AO): `DE`, nine digits, a hyphen, five digits.
    pub economic_id: Option<String>,
}

/// Legal forms that people choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalForm {
    SoleTrader,
    Gbr,
    Ohg,
    Kg,
    GmbhCoKg,
    Gmbh,
    Ug,
    Ag,
    Eg,
    Partnership,
    RegisteredAssociation,
    Association,
    Foundation,
    /// A body, institution or foundation under public law, or an authority.
    PublicBody,
    Other,
}

impl LegalForm {
    pub const ALL: [Self; 15] = [
        Self::SoleTrader,
        Self::Gbr,
        Self::Ohg,
        Self::Kg,
        Self::GmbhCoKg,
        Self::Gmbh,
        Self::Ug,
        Self::Ag,
        Self::Eg,
        Self::Partnership,
        Self::RegisteredAssociation,
        Self::Association,
        Self::Foundation,
        Self::PublicBody,
        Self::Other,
    ];

    /// In forms and in the `organisation` claim.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SoleTrader => "sole_trader",
            Self::Gbr => "gbr",
            Self::Ohg => "ohg",
            Self::Kg => "kg",
            Self::GmbhCoKg => "gmbh_co_kg",
            Self::Gmbh => "gmbh",
            Self::Ug => "ug",
            Self::Ag => "ag",
            Self::Eg => "eg",
            Self::Partnership => "partnership",
            Self::RegisteredAssociation => "registered_association",
            Self::Association => "association",
            Self::Foundation => "foundation",
            Self::PublicBody => "public_body",
            Self::Other => "other",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

impl Record {
    /// Under which its entry in a register is found, however the court is written.
    pub fn register_index(&self, vault: &Vault) -> Option<[u8; 32]> {
        let entry = self.register.as_ref()?;
        let (court, number) = (folded(&entry.court), folded(&entry.number));
        Some(vault.index("register", &format!("{} {court} {number}", entry.kind.name())))
    }

    /// Under which its Wirtschafts-IdNr is found.
    pub fn economic_index(&self, vault: &Vault) -> Option<[u8; 32]> {
        self.economic_id.as_ref().map(|id| vault.index("economic_id", &folded(id)))
    }
}
