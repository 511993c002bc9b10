//! The header's checksum ("Checksums are required for kernel-mode drivers", documentation of
//! `CheckSumMappedFile`).

use crate::image::Image;

impl Image<'_> {
    /// What [`Image::checksum`] should be: the file's length plus the sum of its 16-bit words, carries
    /// added in again, with the checksum field itself taken as zero.
    pub fn computed_checksum(&self) -> u32 {
        // The field can start at an odd offset, so its bytes and not its words are left out.
        let field = self.headers.optional + 64;
        let mut sum = 0u32;
        for (pair, offset) in self.data.chunks(2).zip((0u64..).step_by(2)) {
            let byte = |index: usize| match pair.get(index) {
                Some(byte) if !(field..field + 4).contains(&(offset + index as u64)) => *byte,
                _ => 0,
            };
            sum += u32::from(u16::from_le_bytes([byte(0), byte(1)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        // The loader compares 32 bits; a file of 4 GiB is no image.
        sum.wrapping_add((self.data.len() & 0xffff_ffff) as u32)
    }
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use crate::writer::{OPTIONAL, driver, put32};

    #[test]
    fn the_stated_checksum_does_not_count() {
        let mut file = driver();
        let sum = Image::parse(&file).unwrap().computed_checksum();
        put32(&mut file, OPTIONAL + 64, sum);
        assert_eq!(Image::parse(&file).unwrap().computed_checksum(), sum);
        file.push(1);
        assert_eq!(Image::parse(&file).unwrap().computed_checksum(), sum + 2, "one byte more, a 1");
    }
}
