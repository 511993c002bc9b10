//! Which driver wins.

use super::{CLEAN, inf};
use evidence::inf::{Architecture, Device, Inf, Signature, System, rank};

fn device(hardware: &[&str], compatible: &[&str]) -> Device {
    let owned = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    Device { hardware: owned(hardware), compatible: owned(compatible) }
}

const TEN: System = System {
    architecture: Architecture::Amd64,
    major: 10,
    minor: 0,
    build: 19045,
    product: 1,
    suite: 0x100,
};

/// An INF with one entry, whose IDs are `ids`, and `extra` in its install section.
fn one(ids: &str, extra: &str, ver: &str, nt: &str) -> Inf {
    inf(&format!(
        "[Version]\nSignature=\"$Windows NT$\"\nCatalogFile=a.cat\nDriverVer={ver}\n\
         [Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\nd=I,{ids}\n[I{nt}]\n{extra}\n"
    ))
}

/// Rank of the one match.
fn rank_of(inf: &Inf, device: &Device, signature: Signature) -> Vec<u32> {
    rank(&[(inf, signature)], device, &TEN).nodes.iter().map(|it| it.rank).collect()
}

/// The table of the manual's example.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/driver-rank-example--windows-vista-and-later->
#[test]
fn identifier_scores_are_those_of_the_manual() {
    let inf = one("INF_H,INF_C1,INF_C2", "FeatureScore=40", "01/01/2020,1.0.0.0", ".NT");
    let named = |name: &str| -> [String; 2] { [name.to_owned(), "OTHER".to_owned()] };
    for (wanted, ids) in [
        ([0x0000, 0x1000, 0x1000], (true, 0)),
        ([0x0001, 0x1001, 0x1001], (true, 1)),
        ([0x2000, 0x3000, 0x3100], (false, 0)),
        ([0x2001, 0x3001, 0x3101], (false, 1)),
    ] {
        for (name, wanted) in ["inf_h", "INF_C1", "INF_C2"].into_iter().zip(wanted) {
            let mut list = named(name);
            list.rotate_left(ids.1);
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let device = if ids.0 { device(&list, &["CID"]) } else { device(&["HW"], &list) };
            let rank = rank_of(&inf, &device, Signature::Whql);
            assert_eq!(rank, [0x0040_0000 | wanted], "{name} {list:?}");
        }
    }
}

#[test]
fn signature_goes_before_feature_and_feature_before_identifier() {
    let here = device(&["A\\1", "A\\2"], &[]);
    let plain = one("A\\1", "", "01/01/2020,1.0.0.0", ".NT");
    assert_eq!(rank_of(&plain, &here, Signature::Authenticode), [0x00FF_0000]);
    assert_eq!(rank_of(&plain, &here, Signature::Unsigned), [0x80FF_0000]);
    let old = one("A\\1", "", "01/01/2020,1.0.0.0", "");
    assert_eq!(rank_of(&old, &here, Signature::Unsigned), [0xC0FF_0000]);
    let good = one("A\\2", "FeatureScore=xE0", "01/01/2020,1.0.0.0", ".NT");
    let signed = |inf| (inf, Signature::Whql);
    let found = rank(&[(&plain, Signature::Unsigned), signed(&good), signed(&plain)], &here, &TEN);
    let order: Vec<(usize, u32)> = found.nodes.iter().map(|it| (it.package, it.rank)).collect();
    assert_eq!(order, [(1, 0x00E0_0001), (2, 0x00FF_0000), (0, 0x80FF_0000)]);
    // Who names no catalog is unsigned, whatever is said.
    let text = CLEAN.replace("CatalogFile = widget.cat", "");
    let here = device(&["PCI\\VEN_10EE&DEV_0002"], &[]);
    assert_eq!(rank_of(&inf(&text), &here, Signature::Whql), [0xC0FF_0000]);
}

#[test]
fn date_and_then_version_decide_between_equals() {
    let here = device(&["A\\1"], &[]);
    let infs = [
        one("A\\1", "", "02/01/2020,1.0.0.0", ".NT"),
        one("A\\1", "", "01/31/2021,1.0.0.0", ".NT"),
        one("A\\1", "", "01/31/2021,1.10.0.0", ".NT"),
        one("A\\1", "DriverVer=02/01/2021,0.0.0.1", "01/31/2001,9.0.0.0", ".NT"),
        one("A\\1", "", "", ".NT"),
    ];
    let all: Vec<(&Inf, Signature)> = infs.iter().map(|inf| (inf, Signature::Whql)).collect();
    let order: Vec<usize> = rank(&all, &here, &TEN).nodes.iter().map(|it| it.package).collect();
    assert_eq!(order, [3, 2, 1, 0, 4]);
}

#[test]
fn vista_prefers_microsofts_signature() {
    let infs = [
        one("A\\1", "", "02/01/2020,1.0.0.0", ".NT"),
        one("X,A\\1", "", "01/01/2001,1.0.0.0", ".NT"),
    ];
    let here = device(&["A\\1"], &[]);
    let packages = [(&infs[0], Signature::Authenticode), (&infs[1], Signature::Whql)];
    let first = |system: &System| rank(&packages, &here, system).nodes[0].package;
    assert_eq!(first(&TEN), 0);
    assert_eq!(first(&System { major: 6, build: 6002, ..TEN }), 1);
}

#[test]
fn what_does_not_count_is_told_with_the_reason() {
    let here = device(&["PCI\\VEN_10EE&DEV_0001"], &["PCI\\VEN_10EE"]);
    let found = rank(&[(&inf(CLEAN), Signature::Whql)], &here, &System { build: 10240, ..TEN });
    assert_eq!(found.nodes, []);
    let why: Vec<&str> = found.elsewhere.iter().map(|it| it.why.as_str()).collect();
    assert_eq!(why, ["it is for NTamd64.10.0...16299", "it is for NTarm64.10.0...16299"]);
    let text = CLEAN.replace("FeatureScore = 80", "ExcludeID = pci\\ven_10ee");
    let found = rank(&[(&inf(&text), Signature::Whql)], &here, &TEN);
    assert_eq!(found.nodes, []);
    assert_eq!(found.elsewhere[0].why, "[Widget.NT] excludes pci\\ven_10ee");
}
