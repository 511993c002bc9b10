//! A catalog of two files without a signature: DER written here by hand, for `osslsigncode` to sign. It shares nothing
//! with the reader.

use super::succeed;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The INF that the catalog lists beside the driver.
pub const INF: &str = "\
[Version]\r
Signature   = \"$Windows NT$\"\r
Class       = System\r
ClassGuid   = {4d36e97d-e325-11ce-bfc1-08002be10318}\r
Provider    = %Own%\r
CatalogFile = package.cat\r
DriverVer   = 02/03/2024,1.0.0.0\r
PnpLockdown = 1\r
\r
[SourceDisksNames]\r
1 = %Own%\r
\r
[SourceDisksFiles]\r
driver.sys = 1\r
\r
[DestinationDirs]\r
DefaultDestDir = 13\r
\r
[Manufacturer]\r
%Own% = Devices, NTamd64.10.0...16299\r
\r
[Devices.NTamd64.10.0...16299]\r
%Own% = Install, root\\own\r
\r
[Install.NT]\r
CopyFiles = Files\r
\r
[Install.NT.Services]\r
AddService = Own, 2, Service\r
\r
[Files]\r
driver.sys\r
\r
[Service]\r
ServiceType   = 1\r
StartType     = 3\r
ErrorControl  = 1\r
ServiceBinary = %13%\\driver.sys\r
\r
[Strings]\r
Own = \"Own keys\"\r
";

const MS: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37";

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length => {
            let bytes = length.to_be_bytes();
            let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | digits.len() as u8);
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn ms_oid(last: &[u8]) -> Vec<u8> {
    tlv(6, &[MS, last].concat())
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn name_value(name: &str, value: &str) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    seq(&[tlv(0x1e, &name), tlv(2, &[0x10, 1, 0, 1]), tlv(4, &utf16(value))])
}

/// A digest by SHA-256, which openssl computes of a file in `folder`.
fn sha256(folder: &Path, data: &[u8]) -> Result<Vec<u8>> {
    fs::write(folder.join("hashed.bin"), data)?;
    let mut command = Command::new("openssl");
    succeed(command.current_dir(folder).args(["dgst", "-sha256", "-binary", "hashed.bin"]))
}

fn member(digest: &[u8], image: bool, file: &str) -> Vec<u8> {
    let sha256 = seq(&[tlv(6, b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"), tlv(5, &[])]);
    let subject = match image {
        // SpcPeImageData: flags, and no file.
        true => seq(&[
            ms_oid(&[2, 1, 15]),
            seq(&[tlv(3, &[0]), tlv(0xa0, &tlv(0xa2, &tlv(0x80, &[])))]),
        ]),
        false => seq(&[ms_oid(&[2, 1, 25]), tlv(0xa2, &tlv(0x80, &[]))]),
    };
    let indirect = seq(&[subject, seq(&[sha256, tlv(4, digest)])]);
    let attribute = |oid: &[u8], value: Vec<u8>| seq(&[ms_oid(oid), tlv(0x31, &value)]);
    let attributes = [
        attribute(&[12, 2, 1], name_value("File", file)),
        attribute(&[12, 2, 1], name_value("OSAttr", "2:10.0")),
        attribute(&[2, 1, 4], indirect),
    ];
    seq(&[tlv(4, digest), tlv(0x31, &attributes.concat())])
}

/// The catalog of a driver and its INF: a SignedData without signers.
pub fn of(folder: &Path, driver: &[u8], inf: &[u8]) -> Result<Vec<u8>> {
    // The digest that Authenticode wants of the image: without the checksum and the entry of the certificate
    // table, which this driver does not have.
    let optional = u32::from_le_bytes(driver[0x3c..0x40].try_into()?) as usize + 24;
    let (checksum, entry) = (optional + 64, optional + 112 + 32);
    let mut image =
        [&driver[..checksum], &driver[checksum + 4..entry], &driver[entry + 8..]].concat();
    image.resize(image.len() + (driver.len().next_multiple_of(8) - driver.len()), 0);
    let members = [
        member(&sha256(folder, &image)?, true, "driver.sys"),
        member(&sha256(folder, inf)?, false, "driver.inf"),
    ];
    let extension =
        |name: &str, value: &str| seq(&[ms_oid(&[12, 2, 1]), tlv(4, &name_value(name, value))]);
    let list = seq(&[
        seq(&[ms_oid(&[12, 1, 1])]),
        tlv(4, &[0x11; 16]),
        tlv(0x17, b"240203101320Z"),
        seq(&[ms_oid(&[12, 1, 3]), tlv(5, &[])]),
        seq(&members),
        tlv(0xa0, &seq(&[extension("OS", "_v100_X64"), extension("HWID1", "root\\own")])),
    ]);
    let content = seq(&[ms_oid(&[10, 1]), tlv(0xa0, &list)]);
    let signed = seq(&[tlv(2, &[1]), tlv(0x31, &[]), content, tlv(0x31, &[])]);
    Ok(seq(&[tlv(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), tlv(0xa0, &signed)]))
}
