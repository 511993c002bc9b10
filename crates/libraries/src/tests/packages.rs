//! What is to be installed.

use super::Root;
use crate::packages::Owner;
use crate::writer::Elf;

const STATUS: &[u8] = b"Package: dpkg
Status: install ok installed
Architecture: amd64

Package: libfoo1
Status: install ok installed
Architecture: amd64
Multi-Arch: same

Package: libbar1
Status: install ok installed
Architecture: amd64
";

fn root() -> Root {
    let mut root = Root::debian();
    root.put("/var/lib/dpkg/status", STATUS);
    root.put(
        "/var/lib/dpkg/info/libfoo1:amd64.list",
        b"/.\n/lib\n/lib/x86_64-linux-gnu/libfoo.so.1\n",
    );
    root.put("/var/lib/dpkg/info/libbar1.list", b"/.\n/usr/lib/x86_64-linux-gnu/libbar.so.1\n");
    // /lib is a link to /usr/lib, and the package does not know.
    root.elf("/usr/lib/x86_64-linux-gnu/libfoo.so.1", &Elf::new(true));
    root.elf("/usr/lib/x86_64-linux-gnu/libbar.so.1", &Elf::new(true));
    root
}

#[test]
fn the_package_of_the_other_class_names_the_one_to_install() {
    let mut root = root();
    root.elf("/bin/a", &Elf::program(false).needs(&["libfoo.so.1", "libbar.so.1", "libnone.so"]));
    let survey = root.survey("/bin/a");
    let [foo, bar, none] = survey.lacks.as_slice() else { panic!("{:?}", survey.lacks) };
    let owner = Owner { name: "libfoo1".to_owned(), architecture: "amd64".to_owned() };
    assert_eq!(foo.offer.owner, Some(owner));
    assert_eq!(foo.offer.package.as_deref(), Some("libfoo1:i386"));
    assert_eq!(
        foo.offer.commands,
        ["dpkg --add-architecture i386", "apt update", "apt install libfoo1:i386"]
    );
    assert!(bar.offer.note.as_ref().unwrap().contains("Multi-Arch"), "{:?}", bar.offer);
    assert_eq!(none.offer.commands, ["apt-file search libnone.so"]);
    root.put("/var/lib/dpkg/arch", b"amd64\ni386\n");
    let lists = "/var/lib/apt/lists/deb.example.org_dists_stable_main_Contents-i386";
    root.put(lists, b"usr/lib/i386-linux-gnu/libnone.so  libs/libnone1\n");
    let offer = &root.survey("/bin/a").lacks[2].offer;
    assert_eq!(offer.commands, ["apt install libnone1:i386"]);
    assert_eq!(root.survey("/bin/a").lacks[0].offer.commands, ["apt install libfoo1:i386"]);
}

#[test]
fn a_missing_loader_is_libc_of_that_architecture() {
    let mut root = Root::default();
    root.put("/var/lib/dpkg/status", STATUS).elf("/bin/a", &Elf::program(false));
    let offer = &root.survey("/bin/a").lacks[0].offer;
    assert_eq!(offer.package.as_deref(), Some("libc6:i386"));
}

#[test]
fn where_packages_are_rpms_dnf_is_asked_by_what_they_have() {
    let mut root = Root::debian();
    root.put("/var/lib/rpm/rpmdb.sqlite", b"");
    root.elf("/bin/a", &Elf::program(true).needs(&["libnone.so.1"]));
    let offer = &root.survey("/bin/a").lacks[0].offer;
    assert_eq!(offer.commands, ["dnf install 'libnone.so.1()(64bit)'"]);
    assert!(offer.note.as_ref().unwrap().contains("not read"));
}
