//! Any bytes as the signature of a driver of ours: what it covers, pages, nested ones, stamps, the chain, the page and
//! the document. The driver itself is whole, so the fuzzer does not have to find its way through the headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pe::Image;
use report::Look;
use signatures::Time;
use signatures::authenticode::{AllFound, IndirectData, OpusInfo, check_pages};
use signatures::oid;

const DRIVER: &[u8] = include_bytes!("../../drivers/clean/ring-user/ring-user.sys");
const LOOK: Look<'static> = Look { colour: false, source: &|_, _| None };

/// The driver with one WIN_CERTIFICATE (wintrust.h) behind it.
fn signed(signature: &[u8]) -> Vec<u8> {
    let mut file = DRIVER.to_vec();
    file.resize(file.len().next_multiple_of(8), 0);
    let (at, size) = (file.len() as u32, signature.len() as u32 + 8);
    file.extend(size.to_le_bytes());
    // WIN_CERT_REVISION_2_0, WIN_CERT_TYPE_PKCS_SIGNED_DATA.
    file.extend([0, 2, 2, 0]);
    file.extend(signature);
    file.resize(file.len().next_multiple_of(8), 0);
    let headers = u32::from_le_bytes(file[0x3c..0x40].try_into().expect("four bytes")) as usize;
    // The fifth directory of a PE32+ header.
    let entry = headers + 24 + 112 + 4 * 8;
    file[entry..entry + 4].copy_from_slice(&at.to_le_bytes());
    file[entry + 4..entry + 8].copy_from_slice(&size.next_multiple_of(8).to_le_bytes());
    file
}

fuzz_target!(|data: &[u8]| {
    let file = signed(data);
    let image = Image::parse(&file).expect("the headers are ours");
    let Some(table) = image.certificate_table() else { return };
    let all = AllFound::of_image(&file, &table);
    for found in &all.signatures {
        assert!(found.data.offset < file.len());
        if let Some(content) = &found.data.content
            && let Ok(it) = IndirectData::read(&content.element)
            && let Some(pages) = &it.page_hashes
        {
            assert!(pages.table.len() <= data.len());
            let _ = check_pages(&image, pages);
        }
        for signer in &found.data.signers {
            if let Some(opus) = signer.signed_attribute(oid::SPC_SP_OPUS_INFO) {
                let _ = opus.values.first().map(OpusInfo::read);
            }
        }
    }
    let facts = diagnosis::image::facts(&image);
    let signing =
        diagnosis::signed::image("a.sys", &image, &facts, &[], Time::of_seconds(1_800_000_000));
    let text = report::signing_text(&signing, &LOOK);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    report::image_json("a.sys", &facts, None, &signing, true).expect("a document");
});
