//! Frameworks and their plug-ins.

use super::{Root, missing};
use crate::writer::Elf;
use crate::{Level, Need, Survey};

const I386: &str = "/usr/lib/i386-linux-gnu";
const AMD64: &str = "/usr/lib/x86_64-linux-gnu";

/// A 32-bit program with the library of a framework.
fn root(library: &'static str) -> Root {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(false).needs(&[library]));
    root.elf(&format!("{I386}/{library}"), &Elf::new(false));
    root
}

fn levels(survey: &Survey) -> Vec<(&str, Level)> {
    survey.lacks.iter().map(|it| (it.what.as_str(), it.level)).collect()
}

#[test]
fn a_plug_in_that_lacks_a_library_of_its_own_is_told() {
    let mut root = root("libgstreamer-1.0.so.0");
    root.elf(&format!("{I386}/gstreamer-1.0/libgstcoreelements.so"), &Elf::new(false));
    root.elf(
        &format!("{I386}/gstreamer-1.0/libgstx264.so"),
        &Elf::new(false).needs(&["libx264.so.164"]),
    );
    root.elf(&format!("{AMD64}/gstreamer-1.0/libgstx264.so"), &Elf::new(true));
    root.elf(&format!("{AMD64}/gstreamer-1.0/libgstalsa.so"), &Elf::new(true));
    let survey = root.survey("/bin/a");
    assert_eq!(levels(&survey), [("libx264.so.164", Level::Feature)]);
    assert_eq!(survey.lacks[0].chain, ["a", "libgstreamer-1.0.so.0", "libgstx264.so"]);
    let plugins = &survey.frameworks[0];
    assert_eq!((plugins.found, plugins.only_elsewhere.len()), (2, 1));
    assert!(plugins.only_elsewhere[0].path.ends_with("libgstalsa.so"));
}

#[test]
fn one_of_the_plug_ins_that_a_framework_needs_is_enough() {
    let mut root = root("libQt5Gui.so.5");
    root.elf(&format!("{AMD64}/qt5/plugins/platforms/libqxcb.so"), &Elf::new(true));
    let survey = root.survey("/bin/a");
    assert_eq!(levels(&survey), [("qt5/plugins/platforms/libqxcb.so", Level::Feature)]);
    assert_eq!(survey.lacks[0].elsewhere.len(), 1);
    root.elf("/my/plugins/platforms/libqoffscreen.so", &Elf::new(false));
    assert!(root.survey_with("/bin/a", &[("QT_PLUGIN_PATH", "/my/plugins")]).is_good());
}

#[test]
fn optional_modules_of_pam_are_hints() {
    let mut root = root("libpam.so.0");
    root.put(
        "/etc/pam.d/login",
        b"auth required pam_unix.so\n-session optional pam_systemd.so\nauth required pam_x.so\n",
    );
    root.elf("/lib/i386-linux-gnu/security/pam_unix.so", &Elf::new(false));
    let survey = root.survey("/bin/a");
    let expected =
        [("security/pam_x.so", Level::Feature), ("security/pam_systemd.so", Level::Hint)];
    assert_eq!(levels(&survey), expected);
    let Need::Plugin { framework, asked } = &survey.lacks[0].need else { panic!() };
    assert_eq!((framework.as_str(), asked.as_str()), ("PAM", "by /etc/pam.d/login:3"));
}

#[test]
fn name_services_matter_where_names_are_looked_up() {
    let mut root = root("libc.so.6");
    root.put("/etc/nsswitch.conf", b"passwd: files sss\nnetgroup: nis\n");
    root.elf(&format!("{AMD64}/libnss_sss.so.2"), &Elf::new(true));
    assert_eq!(missing(&root.survey("/bin/a")), [] as [&str; 0]);
    let mut program = Elf::program(false).needs(&["libc.so.6"]);
    program.imports = vec!["getpwnam"];
    root.elf("/bin/a", &program);
    let survey = root.survey("/bin/a");
    assert_eq!(
        levels(&survey),
        [("libnss_sss.so.2", Level::Feature), ("libnss_nis.so.2", Level::Hint)]
    );
    root.elf("/lib/libnss_sss.so.2", &Elf::new(false));
    assert_eq!(levels(&root.survey("/bin/a")), [("libnss_nis.so.2", Level::Hint)]);
}

#[test]
fn one_driver_of_vulkan_is_enough() {
    let mut root = root("libvulkan.so.1");
    assert!(root.survey("/bin/a").is_good(), "nothing is asked for");
    root.put("/usr/share/vulkan/icd.d/a.json", br#"{"ICD": {"library_path": "libvulkan_a.so"}}"#);
    root.put(
        "/usr/share/vulkan/icd.d/b.json",
        br#"{"ICD": {"library_path": "/opt/libvulkan_b.so"}}"#,
    );
    root.elf("/opt/libvulkan_b.so", &Elf::new(true));
    root.elf(&format!("{AMD64}/libvulkan_a.so"), &Elf::new(true));
    assert_eq!(levels(&root.survey("/bin/a")), [("libvulkan_a.so", Level::Feature)]);
    root.elf(&format!("{I386}/libvulkan_a.so"), &Elf::new(false));
    assert!(root.survey("/bin/a").is_good());
}
