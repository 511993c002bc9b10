//! PEM (RFC 7468): blocks of a text file, with whatever text stands around them.

use base64ct::{Base64, Encoding};

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// `CERTIFICATE`, `X509 CRL`.
    pub label: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Whether a file has such blocks.
pub fn is_pem(file: &[u8]) -> bool {
    memchr::memmem::find(file, b"-----BEGIN ").is_some()
}

/// All blocks of a file.
///
/// # Errors
/// A clause that names the block (counted from 1) that cannot be read.
pub fn blocks(file: &[u8]) -> Result<Vec<Block>, String> {
    let mut all = Vec::new();
    let mut rest = file;
    while let Some(at) = memchr::memmem::find(rest, b"-----BEGIN ") {
        let number = all.len() + 1;
        let wrong = |what: &str| format!("block {number}: {what}");
        rest = &rest[at + b"-----BEGIN ".len()..];
        let end =
            memchr::memmem::find(rest, b"-----").ok_or_else(|| wrong("its label does not end"))?;
        let label = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 5..];
        let mark = format!("-----END {label}-----");
        let end = memchr::memmem::find(rest, mark.as_bytes());
        let end = end.ok_or_else(|| wrong(&format!("there is no {mark}")))?;
        let text: Vec<u8> =
            rest[..end].iter().copied().filter(|it| !it.is_ascii_whitespace()).collect();
        let text = String::from_utf8_lossy(&text);
        let bytes = Base64::decode_vec(&text).map_err(|_| wrong("it is no base64"))?;
        all.push(Block { label, bytes });
        rest = &rest[end + mark.len()..];
    }
    Ok(all)
}

/// The blocks with one of these labels, or the file itself where it is no PEM.
///
/// # Errors
/// As [`blocks`]; and if there is none.
pub fn or_der(file: &[u8], labels: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    if !is_pem(file) {
        return Ok(vec![file.to_vec()]);
    }
    let blocks = blocks(file)?;
    let fit = blocks.into_iter().filter(|block| labels.contains(&block.label.as_str()));
    let fit: Vec<Vec<u8>> = fit.map(|block| block.bytes).collect();
    if fit.is_empty() {
        return Err(format!("there is no block `{}` in it", labels.join("` or `")));
    }
    Ok(fit)
}

/// A block as text.
pub fn encode(label: &str, bytes: &[u8]) -> String {
    let digits = Base64::encode_string(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let file = b"subject=/CN=a\n-----BEGIN X-----\nAQI\r\n D\n-----END X-----\nmore\n-----BEGIN Y-----\nBA==\n-----END Y-----\n";
        let found = blocks(file).unwrap();
        assert_eq!(found[0], Block { label: "X".to_owned(), bytes: vec![1, 2, 3] });
        assert_eq!(or_der(file, &["Y"]).unwrap(), [vec![4]]);
        assert!(or_der(file, &["Z"]).is_err());
        assert_eq!(or_der(b"\x30\x00", &["Z"]).unwrap(), [vec![0x30, 0]]);
    }

    #[test]
    fn what_is_broken_is_told() {
        assert_eq!(
            blocks(b"-----BEGIN X-----\nA!\n-----END X-----").unwrap_err(),
            "block 1: it is no base64"
        );
        assert!(blocks(b"-----BEGIN X-----\nAQID").is_err());
    }
}
