//! Object identifiers and what they are called.
//!
//! Sources: RFC 5280 (certificates), 5652 (CMS), 3161 and 5816 (timestamps), 2634 and 5035 (ESS), 8017 (RSA),
//! 5480 and 5758 (elliptic curves), 8410 (Ed25519), 6960 (OCSP), 8933; Microsoft's "Object IDs associated with
//! Microsoft cryptography" and "Windows Authenticode Portable Executable Signature Format" for 1.3.6.1.4.1.311.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// An object identifier, as it is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Oid<'a>(pub &'a [u8]);

/// One that has a name.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    bytes: [u8; 16],
    len: usize,
    /// What it is called.
    pub name: &'static str,
}

impl Known {
    const fn new(dotted: &str, name: &'static str) -> Self {
        let text = dotted.as_bytes();
        let (mut bytes, mut len, mut at, mut arc) = ([0; 16], 0, 0, 0);
        let mut first = 0;
        while at <= text.len() {
            let mut value: u64 = 0;
            while at < text.len() && text[at] != b'.' {
                value = value * 10 + (text[at] - b'0') as u64;
                at += 1;
            }
            at += 1;
            if arc == 0 {
                first = value;
            } else {
                if arc == 1 {
                    value += first * 40;
                }
                let mut groups = 1;
                while value >> (7 * groups) != 0 {
                    groups += 1;
                }
                while groups > 0 {
                    groups -= 1;
                    let more = if groups > 0 { 0x80 } else { 0 };
                    bytes[len] = ((value >> (7 * groups)) & 0x7f) as u8 | more;
                    len += 1;
                }
            }
            arc += 1;
        }
        Self { bytes, len, name }
    }

    /// As an identifier.
    pub fn oid(&self) -> Oid<'_> {
        Oid(&self.bytes[..self.len])
    }
}

impl PartialEq<Known> for Oid<'_> {
    fn eq(&self, other: &Known) -> bool {
        *self == other.oid()
    }
}

impl Oid<'_> {
    /// What it is called, if anything.
    pub fn name(&self) -> Option<&'static str> {
        static NAMES: LazyLock<HashMap<&'static [u8], &'static str>> = LazyLock::new(|| {
            ALL.iter().map(|known| (&known.bytes[..known.len], known.name)).collect()
        });
        NAMES.get(self.0).copied()
    }

    /// Its name, or the numbers where it has none.
    pub fn words(&self) -> String {
        self.name().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// Its name with its numbers: `SHA-256 (2.16.840.1.101.3.4.2.1)`.
    pub fn in_full(&self) -> String {
        self.name().map_or_else(|| self.to_string(), |name| format!("{name} ({self})"))
    }
}

impl fmt::Display for Oid<'_> {
    /// Numbers with dots between; what is not a whole identifier ends in `?`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value: u128 = 0;
        let mut first = true;
        let mut inside = false;
        for byte in self.0 {
            if value >> 120 != 0 {
                return f.write_str("?");
            }
            value = value << 7 | u128::from(byte & 0x7f);
            inside = byte & 0x80 != 0;
            if inside {
                continue;
            }
            if first {
                let root = (value / 40).min(2);
                write!(f, "{root}.{}", value - root * 40)?;
            } else {
                write!(f, ".{value}")?;
            }
            (first, value) = (false, 0);
        }
        if inside || first { f.write_str("?") } else { Ok(()) }
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

/// The content bytes of an identifier written with dots: `1.3.6.1.4.1.311.2.1.4`.
///
/// # Errors
/// A clause that says what is wrong with it.
pub fn encode(dotted: &str) -> Result<Vec<u8>, String> {
    let mut arcs = Vec::new();
    for part in dotted.split('.') {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let arc = part.parse::<u64>().ok().filter(|_| digits);
        arcs.push(arc.ok_or_else(|| format!("`{part}` is no number of an object identifier"))?);
    }
    let [first, second, rest @ ..] = arcs.as_slice() else {
        return Err("an object identifier has at least two numbers".to_owned());
    };
    if *first > 2 || (*first < 2 && *second > 39) || *second > u64::MAX - 80 {
        return Err(format!("no object identifier begins with {first}.{second}"));
    }
    let mut bytes = Vec::new();
    for arc in std::iter::once(first * 40 + second).chain(rest.iter().copied()) {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let [.., low] = (arc >> (7 * group)).to_be_bytes();
            bytes.push(low & 0x7f | if group > 0 { 0x80 } else { 0 });
        }
    }
    Ok(bytes)
}

macro_rules! oids {
    ($($(#[$group:meta])* $constant:ident $dotted:literal $name:literal)*) => {
        $(
            #[doc = concat!("`", $dotted, "`: ", $name, ".")]
            pub const $constant: Known = Known::new($dotted, $name);
        )*
        /// Every identifier that has a name.
        static ALL: &[Known] = &[$($constant),*];
    };
}

oids! {
    DATA "1.2.840.113549.1.7.1" "data"
    SIGNED_DATA "1.2.840.113549.1.7.2" "signed data"
    TST_INFO "1.2.840.113549.1.9.16.1.4" "timestamp information (id-ct-TSTInfo)"
    SPC_INDIRECT_DATA "1.3.6.1.4.1.311.2.1.4" "Authenticode digest (SPC_INDIRECT_DATA)"
    CTL "1.3.6.1.4.1.311.10.1" "certificate trust list (catalog)"

    MD2 "1.2.840.113549.2.2" "MD2"
    MD5 "1.2.840.113549.2.5" "MD5"
    SHA1 "1.3.14.3.2.26" "SHA-1"
    SHA224 "2.16.840.1.101.3.4.2.4" "SHA-224"
    SHA256 "2.16.840.1.101.3.4.2.1" "SHA-256"
    SHA384 "2.16.840.1.101.3.4.2.2" "SHA-384"
    SHA512 "2.16.840.1.101.3.4.2.3" "SHA-512"
    SHA3_256 "2.16.840.1.101.3.4.2.8" "SHA3-256"
    SHA3_384 "2.16.840.1.101.3.4.2.9" "SHA3-384"
    SHA3_512 "2.16.840.1.101.3.4.2.10" "SHA3-512"
    SHAKE256 "2.16.840.1.101.3.4.2.12" "SHAKE256"

    RSA "1.2.840.113549.1.1.1" "RSA"
    MD5_RSA "1.2.840.113549.1.1.4" "RSA with MD5"
    SHA1_RSA "1.2.840.113549.1.1.5" "RSA with SHA-1"
    SHA1_RSA_OIW "1.3.14.3.2.29" "RSA with SHA-1 (OIW)"
    MGF1 "1.2.840.113549.1.1.8" "MGF1"
    RSA_PSS "1.2.840.113549.1.1.10" "RSA-PSS"
    SHA256_RSA "1.2.840.113549.1.1.11" "RSA with SHA-256"
    SHA384_RSA "1.2.840.113549.1.1.12" "RSA with SHA-384"
    SHA512_RSA "1.2.840.113549.1.1.13" "RSA with SHA-512"
    SHA224_RSA "1.2.840.113549.1.1.14" "RSA with SHA-224"
    EC_KEY "1.2.840.10045.2.1" "elliptic curve key"
    SHA1_ECDSA "1.2.840.10045.4.1" "ECDSA with SHA-1"
    SHA224_ECDSA "1.2.840.10045.4.3.1" "ECDSA with SHA-224"
    SHA256_ECDSA "1.2.840.10045.4.3.2" "ECDSA with SHA-256"
    SHA384_ECDSA "1.2.840.10045.4.3.3" "ECDSA with SHA-384"
    SHA512_ECDSA "1.2.840.10045.4.3.4" "ECDSA with SHA-512"
    P256 "1.2.840.10045.3.1.7" "P-256"
    P384 "1.3.132.0.34" "P-384"
    P521 "1.3.132.0.35" "P-521"
    SECP256K1 "1.3.132.0.10" "secp256k1"
    ED25519 "1.3.101.112" "Ed25519"
    ED448 "1.3.101.113" "Ed448"
    DSA "1.2.840.10040.4.1" "DSA"
    SHA1_DSA "1.2.840.10040.4.3" "DSA with SHA-1"
    ML_DSA_44 "2.16.840.1.101.3.4.3.17" "ML-DSA-44"
    ML_DSA_65 "2.16.840.1.101.3.4.3.18" "ML-DSA-65"
    ML_DSA_87 "2.16.840.1.101.3.4.3.19" "ML-DSA-87"

    CONTENT_TYPE "1.2.840.113549.1.9.3" "content type"
    MESSAGE_DIGEST "1.2.840.113549.1.9.4" "message digest"
    SIGNING_TIME "1.2.840.113549.1.9.5" "signing time"
    COUNTER_SIGNATURE "1.2.840.113549.1.9.6" "counter-signature"
    SMIME_CAPABILITIES "1.2.840.113549.1.9.15" "S/MIME capabilities"
    SIGNING_CERTIFICATE "1.2.840.113549.1.9.16.2.12" "signing certificate (ESS)"
    SIGNING_CERTIFICATE_V2 "1.2.840.113549.1.9.16.2.47" "signing certificate V2 (ESS)"
    TIMESTAMP_TOKEN "1.2.840.113549.1.9.16.2.14" "timestamp token"
    ALGORITHM_PROTECTION "1.2.840.113549.1.9.52" "CMS algorithm protection"
    SIGNATURE_POLICY "1.2.840.113549.1.9.16.2.15" "signature policy"
    REVOCATION_INFO_ARCHIVAL "1.2.840.113583.1.1.8" "revocation information (Adobe)"

    SPC_SP_OPUS_INFO "1.3.6.1.4.1.311.2.1.12" "program name and address (SPC_SP_OPUS_INFO)"
    SPC_STATEMENT_TYPE "1.3.6.1.4.1.311.2.1.11" "statement type (SPC_STATEMENT_TYPE)"
    SPC_PE_IMAGE_DATA "1.3.6.1.4.1.311.2.1.15" "PE image (SPC_PE_IMAGE_DATA)"
    SPC_CAB_DATA "1.3.6.1.4.1.311.2.1.25" "cabinet (SPC_CAB_DATA)"
    SPC_INDIVIDUAL "1.3.6.1.4.1.311.2.1.21" "individual code signing"
    SPC_COMMERCIAL "1.3.6.1.4.1.311.2.1.22" "commercial code signing"
    SPC_PAGE_HASHES_V1 "1.3.6.1.4.1.311.2.3.1" "page hashes, SHA-1"
    SPC_PAGE_HASHES_V2 "1.3.6.1.4.1.311.2.3.2" "page hashes, SHA-256"
    SPC_NESTED_SIGNATURE "1.3.6.1.4.1.311.2.4.1" "nested signature (Authenticode)"
    SPC_RFC3161 "1.3.6.1.4.1.311.3.3.1" "RFC 3161 timestamp (Authenticode)"
    CAT_NAME_VALUE "1.3.6.1.4.1.311.12.2.1" "name and value (catalog)"
    CAT_MEMBER_INFO "1.3.6.1.4.1.311.12.2.2" "member (catalog)"
    CAT_MEMBER_INFO_V2 "1.3.6.1.4.1.311.12.2.3" "member, version 2 (catalog)"
    CAT_LIST "1.3.6.1.4.1.311.12.1.1" "list (catalog)"
    CAT_LIST_MEMBER "1.3.6.1.4.1.311.12.1.2" "list member (catalog)"
    CAT_LIST_MEMBER_V2 "1.3.6.1.4.1.311.12.1.3" "list member, version 2 (catalog)"
    MS_APPLICATION_POLICIES "1.3.6.1.4.1.311.21.10" "application policies (Microsoft)"
    MS_CERTIFICATE_TEMPLATE "1.3.6.1.4.1.311.21.7" "certificate template (Microsoft)"
    MS_CA_VERSION "1.3.6.1.4.1.311.21.1" "CA version (Microsoft)"
    MS_PREVIOUS_CA "1.3.6.1.4.1.311.21.2" "hash of the CA's previous certificate (Microsoft)"
    MS_ENROL_TYPE "1.3.6.1.4.1.311.20.2" "kind of certificate (Microsoft)"

    SUBJECT_KEY_ID "2.5.29.14" "subject key identifier"
    KEY_USAGE "2.5.29.15" "key usage"
    SUBJECT_ALT_NAME "2.5.29.17" "subject alternative name"
    ISSUER_ALT_NAME "2.5.29.18" "issuer alternative name"
    BASIC_CONSTRAINTS "2.5.29.19" "basic constraints"
    CRL_NUMBER "2.5.29.20" "CRL number"
    CRL_REASON "2.5.29.21" "reason of revocation"
    INVALIDITY_DATE "2.5.29.24" "date of invalidity"
    ISSUING_DISTRIBUTION_POINT "2.5.29.28" "issuing distribution point"
    CERTIFICATE_ISSUER "2.5.29.29" "certificate issuer"
    NAME_CONSTRAINTS "2.5.29.30" "name constraints"
    CRL_DISTRIBUTION_POINTS "2.5.29.31" "CRL distribution points"
    CERTIFICATE_POLICIES "2.5.29.32" "certificate policies"
    ANY_POLICY "2.5.29.32.0" "any policy"
    POLICY_MAPPINGS "2.5.29.33" "policy mappings"
    AUTHORITY_KEY_ID "2.5.29.35" "authority key identifier"
    POLICY_CONSTRAINTS "2.5.29.36" "policy constraints"
    EXTENDED_KEY_USAGE "2.5.29.37" "extended key usage"
    FRESHEST_CRL "2.5.29.46" "freshest CRL"
    INHIBIT_ANY_POLICY "2.5.29.54" "inhibit any policy"
    PRIVATE_KEY_USAGE_PERIOD "2.5.29.16" "private key usage period"
    AUTHORITY_INFO_ACCESS "1.3.6.1.5.5.7.1.1" "authority information access"
    QC_STATEMENTS "1.3.6.1.5.5.7.1.3" "qualified certificate statements"
    SUBJECT_INFO_ACCESS "1.3.6.1.5.5.7.1.11" "subject information access"
    SCT_LIST "1.3.6.1.4.1.11129.2.4.2" "signed certificate timestamps"
    NETSCAPE_CERT_TYPE "2.16.840.1.113730.1.1" "certificate type (Netscape)"

    OCSP "1.3.6.1.5.5.7.48.1" "OCSP"
    OCSP_BASIC "1.3.6.1.5.5.7.48.1.1" "basic OCSP response"
    OCSP_NONCE "1.3.6.1.5.5.7.48.1.2" "OCSP nonce"
    OCSP_NO_CHECK "1.3.6.1.5.5.7.48.1.5" "OCSP no check"
    CA_ISSUERS "1.3.6.1.5.5.7.48.2" "CA issuers"
    TIMESTAMPING_ACCESS "1.3.6.1.5.5.7.48.3" "timestamping service"
    OCSP_RESPONSE_CMS "1.3.6.1.5.5.7.16.2" "OCSP response in CMS"

    ANY_EKU "2.5.29.37.0" "any usage"
    SERVER_AUTH "1.3.6.1.5.5.7.3.1" "TLS server"
    CLIENT_AUTH "1.3.6.1.5.5.7.3.2" "TLS client"
    CODE_SIGNING "1.3.6.1.5.5.7.3.3" "code signing"
    EMAIL_PROTECTION "1.3.6.1.5.5.7.3.4" "e-mail protection"
    TIME_STAMPING "1.3.6.1.5.5.7.3.8" "timestamping"
    OCSP_SIGNING "1.3.6.1.5.5.7.3.9" "OCSP signing"
    MS_WHQL_CRYPTO "1.3.6.1.4.1.311.10.3.5" "Windows hardware driver verification (WHQL)"
    MS_ATTESTED_WHQL "1.3.6.1.4.1.311.10.3.5.1" "Windows hardware driver attested verification"
    MS_NT5_CRYPTO "1.3.6.1.4.1.311.10.3.6" "Windows system component verification"
    MS_OEM_WHQL_CRYPTO "1.3.6.1.4.1.311.10.3.7" "OEM Windows system component verification"
    MS_EMBEDDED_NT_CRYPTO "1.3.6.1.4.1.311.10.3.8" "embedded Windows system component verification"
    MS_ROOT_LIST_SIGNER "1.3.6.1.4.1.311.10.3.9" "root list signer"
    MS_QUALIFIED_SUBORDINATION "1.3.6.1.4.1.311.10.3.10" "qualified subordination"
    MS_LIFETIME_SIGNING "1.3.6.1.4.1.311.10.3.13" "lifetime signing"
    MS_CTL_SIGNING "1.3.6.1.4.1.311.10.3.1" "trust list signing"
    MS_TIME_STAMPING "1.3.6.1.4.1.311.10.3.2" "timestamping (Microsoft)"
    MS_HAL_EXTENSION "1.3.6.1.4.1.311.61.5.1" "HAL extension"
    MS_KERNEL_MODE "1.3.6.1.4.1.311.61.1.1" "kernel mode code signing"
    MS_DEVICE_GUARD "1.3.6.1.4.1.311.61.4.1" "early launch anti-malware driver"
    MS_PROTECTED_PROCESS_LIGHT "1.3.6.1.4.1.311.10.3.22" "protected process light verification"
    MS_WINDOWS_TCB "1.3.6.1.4.1.311.10.3.23" "Windows TCB component"
    MS_PROTECTED_PROCESS "1.3.6.1.4.1.311.10.3.24" "protected process verification"
    MS_STORE "1.3.6.1.4.1.311.76.3.1" "Windows Store"
    MS_DRIVER_EXTENSION "1.3.6.1.4.1.311.10.3.39" "Windows hardware driver extended verification"

    COMMON_NAME "2.5.4.3" "CN"
    SURNAME "2.5.4.4" "SN"
    SERIAL_NUMBER "2.5.4.5" "serialNumber"
    COUNTRY "2.5.4.6" "C"
    LOCALITY "2.5.4.7" "L"
    STATE "2.5.4.8" "ST"
    STREET "2.5.4.9" "street"
    ORGANIZATION "2.5.4.10" "O"
    ORGANIZATIONAL_UNIT "2.5.4.11" "OU"
    TITLE "2.5.4.12" "title"
    BUSINESS_CATEGORY "2.5.4.15" "businessCategory"
    POSTAL_CODE "2.5.4.17" "postalCode"
    GIVEN_NAME "2.5.4.42" "GN"
    DN_QUALIFIER "2.5.4.46" "dnQualifier"
    ORGANIZATION_ID "2.5.4.97" "organizationIdentifier"
    EMAIL "1.2.840.113549.1.9.1" "emailAddress"
    DOMAIN_COMPONENT "0.9.2342.19200300.100.1.25" "DC"
    USER_ID "0.9.2342.19200300.100.1.1" "UID"
    JURISDICTION_L "1.3.6.1.4.1.311.60.2.1.1" "jurisdictionL"
    JURISDICTION_ST "1.3.6.1.4.1.311.60.2.1.2" "jurisdictionST"
    JURISDICTION_C "1.3.6.1.4.1.311.60.2.1.3" "jurisdictionC"

    BASELINE_TSA_POLICY "0.4.0.2023.1.1" "baseline timestamp policy (ETSI EN 319 421)"
    CPS "1.3.6.1.5.5.7.2.1" "certification practice statement"
    USER_NOTICE "1.3.6.1.5.5.7.2.2" "user notice"
    QC_TSTS "0.4.0.19422.1.1" "qualified timestamp statement (ETSI EN 319 422)"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the table again from its bytes, and no identifier twice.
    #[test]
    fn names_and_numbers_fit_each_other() {
        let mut seen = std::collections::HashSet::new();
        for known in ALL {
            let dotted = known.oid().to_string();
            assert_eq!(encode(&dotted).unwrap(), known.oid().0, "{}", known.name);
            assert!(seen.insert(dotted.clone()), "{dotted} twice");
            assert_eq!(known.oid().name(), Some(known.name));
        }
        assert_eq!(SHA256.oid().0, [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]);
        assert_eq!(ED25519.oid().to_string(), "1.3.101.112");
    }

    #[test]
    fn what_is_no_identifier_is_told() {
        assert_eq!(Oid(&[0x2a, 0x86]).to_string(), "1.2?");
        assert_eq!(Oid(&[]).to_string(), "?");
        assert!(Oid(&[0xff; 40]).to_string().ends_with('?'));
        for wrong in ["", "1", "1.40", "3.1", "1.2.x", "1..2", "1.2.-3", "2.18446744073709551615"] {
            assert!(encode(wrong).is_err(), "{wrong}");
        }
    }
}
