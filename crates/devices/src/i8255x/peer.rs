//! The station at the other end of the cable: it answers whatever it hears.

/// Bytes of a frame's header: destination, source, type.
pub const HEADER: usize = 14;
/// Least bytes of a frame without its checksum (IEEE 802.3, clause 4.4.2).
const LEAST: usize = 60;
/// Its address.
const ADDRESS: [u8; 6] = [0x02, 0x42, 0x43, 0x00, 0x00, 0x02];

/// The answer to a frame: to ARP requests a reply (RFC 826), to anything else the same with the
/// addresses changed round. `None` for what is no frame.
pub fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let header = frame.get(..HEADER)?;
    let mut answer = frame.to_vec();
    answer[..6].copy_from_slice(&header[6..12]);
    answer[6..12].copy_from_slice(&header[..6]);
    if header[0] & 1 != 0 {
        answer[6..12].copy_from_slice(&ADDRESS);
    }
    // Ethernet and IPv4, a request.
    let request = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1];
    if let Some(asks) = frame.get(12..42).filter(|rest| rest.starts_with(&request)) {
        answer[21] = 2;
        answer[22..28].copy_from_slice(&ADDRESS);
        answer[28..32].copy_from_slice(&asks[26..30]);
        answer[32..42].copy_from_slice(&asks[10..20]);
    }
    answer.resize(answer.len().max(LEAST), 0);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back() {
        let mut frame = vec![7; 100];
        frame[..12].copy_from_slice(&[2, 1, 1, 1, 1, 1, 4, 2, 2, 2, 2, 2]);
        let back = answer(&frame).unwrap();
        assert_eq!(back[..12], [4, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
        assert_eq!(back[12..], frame[12..]);
        assert_eq!(answer(&frame[..20]).unwrap().len(), LEAST);
        assert_eq!(answer(&frame[..13]), None);
    }

    #[test]
    fn who_has_is_answered() {
        let mut frame = vec![0xff; 42];
        frame[6..12].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
        frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame[22..32].copy_from_slice(&[2, 9, 9, 9, 9, 9, 10, 0, 0, 1]);
        frame[32..42].copy_from_slice(&[0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
        let back = answer(&frame).unwrap();
        assert_eq!(back[..6], [2, 9, 9, 9, 9, 9]);
        assert_eq!(back[6..12], ADDRESS);
        assert_eq!(back[20..22], [0, 2]);
        assert_eq!(back[28..32], [10, 0, 0, 2], "the asked address is its own");
        assert_eq!(back[32..42], [2, 9, 9, 9, 9, 9, 10, 0, 0, 1]);
    }
}
