//! What an authority does, from a TOML file.

use serde::Deserialize;

/// The settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The policy where a query names none.
    pub policy: String,
    /// Further ones that a query may name.
    pub policies: Vec<String>,
    /// Hashes that are taken.
    pub hashes: Vec<String>,
    /// How far the clock may be off, in microseconds; 0 leaves it out.
    pub accuracy_micros: u64,
    /// Whether a later timestamp always has a later time.
    pub ordering: bool,
    /// Whether timestamps name the authority.
    pub name_in_token: bool,
    /// How an RSA key signs: `pkcs1` or `pss`. One that is for PSS only does so anyway.
    pub rsa_padding: String,
    /// Most bytes of a query.
    pub most_bytes: usize,
    /// Seconds for a request from its first byte to the last of the reply.
    pub seconds: u64,
    /// Connections at a time.
    pub connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Of the arc for examples (ITU-T X.660): nobody's.
            policy: "2.999.1".to_owned(),
            policies: Vec::new(),
            hashes: ["sha256", "sha384", "sha512"].map(str::to_owned).to_vec(),
            accuracy_micros: 1_000_000,
            ordering: false,
            name_in_token: true,
            rsa_padding: "pkcs1".to_owned(),
            most_bytes: 16_384,
            seconds: 10,
            connections: 64,
        }
    }
}

impl Settings {
    /// Of a TOML file.
    ///
    /// # Errors
    /// A sentence that names the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}
