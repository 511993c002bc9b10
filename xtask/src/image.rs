//! What the linkers leave undone in a driver's image: GNU ld cannot mark a section discardable, lld
//! writes no checksum, and neither calls the image a WDM driver.
//!
//! Source: Microsoft, "PE Format": optional header, section table.

use anyhow::{Context, Result, bail};

const E_LFANEW: usize = 0x3C;
const COFF_HEADER_SIZE: usize = 20;
const SECTION_HEADER_SIZE: usize = 40;
const DISCARDABLE: u32 = 0x0200_0000;
const WDM_DRIVER: u16 = 0x2000;
const TERMINAL_SERVER_AWARE: u16 = 0x8000;

/// Marks `INIT` discardable and the image a WDM driver, then sets the checksum.
pub fn finish(image: &mut [u8]) -> Result<()> {
    let pe = read_u32(image, E_LFANEW)? as usize;
    if image.get(pe..pe + 4) != Some(b"PE\0\0") {
        bail!("no PE signature at {pe:#x}");
    }
    let sections = read_u16(image, pe + 6)? as usize;
    let optional = pe + 4 + COFF_HEADER_SIZE;
    let table = optional + read_u16(image, pe + 20)? as usize;

    let flags = read_u16(image, optional + 70)?;
    let flags = (flags | WDM_DRIVER) & !TERMINAL_SERVER_AWARE;
    write(image, optional + 70, &flags.to_le_bytes())?;

    for section in 0..sections {
        let header = table + section * SECTION_HEADER_SIZE;
        if image.get(header..header + 8) == Some(b"INIT\0\0\0\0") {
            let characteristics = read_u32(image, header + 36)? | DISCARDABLE;
            write(image, header + 36, &characteristics.to_le_bytes())?;
        }
    }

    write(image, optional + 64, &[0; 4])?;
    let sum = checksum(image);
    write(image, optional + 64, &sum.to_le_bytes())
}

/// The image's checksum; its own field must hold 0.
fn checksum(image: &[u8]) -> u32 {
    let mut sum: u32 = 0;
    for pair in image.chunks(2) {
        sum += u32::from(pair[0]) | pair.get(1).map_or(0, |&high| u32::from(high) << 8);
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum + image.len() as u32
}

fn read_u16(image: &[u8], at: usize) -> Result<u16> {
    let bytes = image.get(at..at + 2).with_context(|| format!("image ends before {at:#x}"))?;
    Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn read_u32(image: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from(read_u16(image, at)?) | u32::from(read_u16(image, at + 2)?) << 16)
}

fn write(image: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    let end = at + bytes.len();
    let target = image.get_mut(at..end).with_context(|| format!("image ends before {end:#x}"))?;
    target.copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_folds_carries_and_adds_the_length() {
        assert_eq!(checksum(&[0xFF, 0xFF, 0x02, 0x00]), 2 + 4);
        assert_eq!(checksum(&[0x01, 0x00, 0x05]), 6 + 3);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(finish(&mut [0; 16]).is_err());
        assert!(finish(&mut [0; 128]).is_err());
    }
}
