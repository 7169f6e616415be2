//! What an organisation is: its names, its entry in a register, its addresses (§ 3 UBRegG).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::identity::folded;
use crate::kernel::seal::Vault;
use crate::kernel::texts::{Text, Texts};

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

    /// As people call it, with the letters of the register itself.
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.organisation;
        match self {
            Self::Hra => &t.register_hra,
            Self::Hrb => &t.register_hrb,
            Self::Gnr => &t.register_gnr,
            Self::Vr => &t.register_vr,
            Self::Pr => &t.register_pr,
            Self::Gsr => &t.register_gsr,
        }
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

impl Entry {
    /// Under which it is found, however the court is written.
    pub fn index(&self, vault: &Vault) -> [u8; 32] {
        let (court, number) = (folded(&self.court), folded(&self.number));
        vault.index("register", &format!("{} {court} {number}", self.kind.name()))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.number)
    }
}

/// A postal address in Germany.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    pub postal_code: String,
    pub locality: String,
}

impl Address {
    /// As it stands on an envelope, below the name.
    pub fn lines(&self) -> Vec<String> {
        let place = format!("{} {}", self.postal_code, self.locality);
        self.street.lines().map(str::to_owned).chain([place]).collect()
    }

    /// Whether it is the same one, however it is written.
    pub fn is_same(&self, other: &Self) -> bool {
        let parts = |one: &Self| [folded(&one.street), one.postal_code.clone(), folded(&one.locality)];
        parts(self) == parts(other)
    }
}

/// The data of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
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

    /// As people call it.
    pub const fn label(self, t: &Texts) -> &Text {
        let t = &t.organisation;
        match self {
            Self::SoleTrader => &t.form_sole_trader,
            Self::Gbr => &t.form_gbr,
            Self::Ohg => &t.form_ohg,
            Self::Kg => &t.form_kg,
            Self::GmbhCoKg => &t.form_gmbh_co_kg,
            Self::Gmbh => &t.form_gmbh,
            Self::Ug => &t.form_ug,
            Self::Ag => &t.form_ag,
            Self::Eg => &t.form_eg,
            Self::Partnership => &t.form_partnership,
            Self::RegisteredAssociation => &t.form_registered_association,
            Self::Association => &t.form_association,
            Self::Foundation => &t.form_foundation,
            Self::PublicBody => &t.form_public_body,
            Self::Other => &t.form_other,
        }
    }

    /// The registers in which organisations of this form may stand.
    pub const fn registers(self) -> &'static [RegisterKind] {
        match self {
            // § 1, § 29 HGB: whoever is a merchant; § 105, § 161 HGB.
            Self::SoleTrader | Self::Ohg | Self::Kg | Self::GmbhCoKg => &[RegisterKind::Hra],
            // § 707 BGB: may, and then is an eGbR.
            Self::Gbr => &[RegisterKind::Gsr],
            // § 7 GmbHG, § 36 AktG.
            Self::Gmbh | Self::Ug | Self::Ag => &[RegisterKind::Hrb],
            // § 10 GenG.
            Self::Eg => &[RegisterKind::Gnr],
            // § 4 PartGG.
            Self::Partnership => &[RegisterKind::Pr],
            // § 21 BGB.
            Self::RegisteredAssociation => &[RegisterKind::Vr],
            Self::Association | Self::Foundation => &[],
            // § 33 HGB: those that trade.
            Self::PublicBody => &[RegisterKind::Hra, RegisterKind::Hrb],
            Self::Other => &RegisterKind::ALL,
        }
    }

    /// Whether there is none of this form that stands in no register: the entry is what makes it one.
    pub const fn is_always_registered(self) -> bool {
        matches!(
            self,
            Self::Ohg
                | Self::Kg
                | Self::GmbhCoKg
                | Self::Gmbh
                | Self::Ug
                | Self::Ag
                | Self::Eg
                | Self::Partnership
                | Self::RegisteredAssociation
        )
    }
}

impl Record {
    /// Under which its entry in a register is found, however the court is written.
    pub fn register_index(&self, vault: &Vault) -> Option<[u8; 32]> {
        self.register.as_ref().map(|entry| entry.index(vault))
    }

    /// Whether it is the same one by everything that evidence speaks of: what it is called, what it is, and where it stands.
    pub fn is_same(&self, other: &Self) -> bool {
        let entry =
            |one: &Self| one.register.as_ref().map(|entry| (entry.kind, folded(&entry.court), folded(&entry.number)));
        folded(&self.name) == folded(&other.name)
            && self.form == other.form
            && entry(self) == entry(other)
            && folded(&self.seat) == folded(&other.seat)
    }

    /// Under which its Wirtschafts-IdNr is found.
    pub fn economic_index(&self, vault: &Vault) -> Option<[u8; 32]> {
        self.economic_id.as_ref().map(|id| economic_index(vault, id))
    }
}

/// Under which a Wirtschafts-IdNr is found.
pub fn economic_index(vault: &Vault, id: &str) -> [u8; 32] {
    vault.index("economic_id", &folded(id))
}
