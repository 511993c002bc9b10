//! Which plug-ins configuration asks for, and where.

use super::{Ask, Framework};
use crate::files::glob;
use crate::text;
use crate::world::World;
use std::collections::BTreeMap;

/// Bytes of a file of configuration.
const MOST_BYTES: usize = 4 << 20;
/// Plug-ins that one framework is asked for.
const MOST: usize = 2000;

/// A plug-in that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its name, or its path.
    pub name: String,
    /// File and line.
    pub place: String,
    /// Whether it may be missing.
    pub is_optional: bool,
}

/// What one part of the configuration asks for, each plug-in once.
pub(super) fn of(
    world: &World<'_>,
    framework: &Framework,
    ask: &Ask,
    libs: &[String],
) -> Vec<Asked> {
    let named = ask.variable.as_ref().and_then(|name| world.wish.environment.get(name));
    let patterns: Vec<String> = match named.filter(|list| !list.is_empty()) {
        Some(list) => list.split(':').map(|path| world.absolute(path)).collect(),
        None => ask.files.iter().flat_map(|it| world.filled(it, libs, framework)).collect(),
    };
    let mut found: Vec<Asked> = Vec::new();
    let mut read = Vec::new();
    for path in patterns.iter().flat_map(|pattern| glob(world.files, pattern)) {
        let real = world.files.real(&path).unwrap_or_default();
        if read.contains(&real) {
            continue;
        }
        read.push(real);
        let Ok(content) = world.files.read(&path) else { continue };
        if content.len() > MOST_BYTES {
            continue;
        }
        let mut bytes = content.to_vec();
        blank_comments(&mut bytes, ask.comment.as_deref());
        for it in in_text(&bytes, ask) {
            let (line, name, is_optional) = it;
            let folder = crate::files::folder(&path);
            // A path with a folder is one beside the file that has it.
            let name = match name.contains('/') && !name.starts_with('/') {
                true => format!("{folder}/{name}"),
                false => name,
            };
            let asked = Asked { name, place: format!("{path}:{line}"), is_optional };
            let is_full = found.len() >= MOST;
            match found.iter_mut().find(|it| it.name == asked.name) {
                // What is wanted for certain counts, whoever else could do without it.
                Some(known) if known.is_optional && !is_optional => *known = asked,
                None if !is_full => found.push(asked),
                _ => {}
            }
        }
    }
    found
}

/// Line, name, and whether it may be missing, of everything that a text asks for.
fn in_text(bytes: &[u8], ask: &Ask) -> Vec<(usize, String, bool)> {
    let mut all = Vec::new();
    for captures in ask.pattern.captures_iter(bytes).take(MOST) {
        let mut groups: BTreeMap<&str, String> = BTreeMap::new();
        let mut end = 0;
        for name in ask.pattern.capture_names().flatten() {
            if let Some(group) = captures.name(name) {
                end = end.max(group.start());
                groups.insert(name, text(group.as_bytes()));
            }
        }
        let line = 1 + memchr::memchr_iter(b'\n', bytes.get(..end).unwrap_or_default()).count();
        let is_optional = groups.remove("optional").is_some();
        let lists: Vec<BTreeMap<&str, String>> = match ask.words.as_deref() {
            Some(list) => {
                let words = words(groups.get(list).map(String::as_str).unwrap_or_default());
                words
                    .into_iter()
                    .map(|word| groups.clone().into_iter().chain([(list, word)]).collect())
                    .collect()
            }
            None => vec![groups],
        };
        for groups in lists {
            if groups.values().any(|value| ask.built_in.contains(value)) {
                continue;
            }
            let fill = |name: String, (group, value): (&&str, &String)| {
                name.replace(&format!("{{{group}}}"), value)
            };
            all.push((line, groups.iter().fold(ask.plugin.clone(), fill), is_optional));
        }
    }
    all
}

/// The words of a list, without what stands in brackets.
fn words(list: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut depth = 0u32;
    for c in list.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Puts blanks in the place of comments, so that lines keep their numbers.
fn blank_comments(bytes: &mut [u8], mark: Option<&str>) {
    let Some(mark) = mark.and_then(|mark| mark.bytes().next()) else { return };
    let mut inside = false;
    for byte in bytes {
        match *byte {
            b'\n' => inside = false,
            it if it == mark => inside = true,
            _ => {}
        }
        if inside {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(framework: &str, index: usize, text: &str) -> Vec<(usize, String, bool)> {
        let it = super::super::all().iter().find(|it| it.name == framework).unwrap();
        let ask = &it.ask[index];
        let mut bytes = text.as_bytes().to_vec();
        blank_comments(&mut bytes, ask.comment.as_deref());
        in_text(&bytes, ask)
    }

    #[test]
    fn configurations_of_alsa_are_understood() {
        let text = "# type none\npcm.!default {\n    type pulse\n    hint { show on }\n}\nctl.!default { type \"pulse\" }\n\
            pcm.x { type plug slave.pcm { type jack } }\npcm.card0 { type hw card 0 }\n";
        let names =
            ["pcm_pulse", "ctl_pulse", "pcm_jack"].map(|it| format!("libasound_module_{it}.so"));
        let found = asked("ALSA", 0, text);
        assert_eq!(found.iter().map(|it| it.1.clone()).collect::<Vec<_>>(), names);
        assert_eq!(found.iter().map(|it| it.0).collect::<Vec<_>>(), [3, 6, 7]);
        assert!(found.iter().all(|it| !it.2));
        // A device of a name is there for who chooses it, and its arguments have types of their own.
        let text = "pcm.lavrate {\n @args [ RATE ]\n @args.RATE {\n  type integer\n  default { @func get { x y } }\n }\n\
            type speex\n}\npcm.default { type jack }\n";
        let told: Vec<(String, bool)> =
            asked("ALSA", 0, text).into_iter().map(|it| (it.1, it.2)).collect();
        let expected = [("pcm_speex", true), ("pcm_jack", false)]
            .map(|(name, optional)| (format!("libasound_module_{name}.so"), optional));
        assert_eq!(told, expected);
        let hook = "hook_func.pulse_load_if_running {\n  lib \"libasound_module_conf_pulse.so\"\n  func \"x\"\n}\n";
        assert_eq!(asked("ALSA", 1, hook)[0].1, "libasound_module_conf_pulse.so");
    }

    #[test]
    fn configurations_of_pam_and_nss_are_understood() {
        let text = "#%PAM-1.0\nauth  [success=1 default=ignore]  pam_unix.so nullok\n-session optional pam_systemd.so\n\
            @include common-auth\nauth include system-auth\n";
        let found = asked("PAM", 0, text);
        assert_eq!(
            found,
            [(2, "pam_unix.so".to_owned(), false), (3, "pam_systemd.so".to_owned(), true)]
        );
        let text = "passwd: files systemd # x sss\nhosts: files mdns4_minimal [NOTFOUND=return] dns\nother: nothing\n";
        let names: Vec<String> = asked("NSS", 0, text).into_iter().map(|it| it.1).collect();
        assert_eq!(names, ["libnss_systemd.so.2", "libnss_mdns4_minimal.so.2"]);
    }

    #[test]
    fn drivers_and_loaders_are_understood() {
        let text =
            "{ \"ICD\": { \"library_path\" : \"libvulkan_radeon.so\", \"api_version\": \"1.3\" } }";
        assert_eq!(asked("Vulkan", 0, text)[0].1, "libvulkan_radeon.so");
        let text = "# GdkPixbuf\n\"/usr/lib/x/loaders/libpixbufloader-gif.so\"\n\"gif\" 4 \"gdk-pixbuf\" \"GIF\"\n";
        let found = asked("GdkPixbuf", 0, text);
        assert_eq!(found, [(2, "/usr/lib/x/loaders/libpixbufloader-gif.so".to_owned(), false)]);
    }
}
