//! Records of strace.

use super::{Root, missing};
use crate::writer::Elf;
use crate::{Class, Level, Need, Survey, trace};

fn read(text: &str) -> Vec<Survey> {
    trace(&Root::debian(), text.as_bytes(), "trace.txt").unwrap()
}

#[test]
fn tries_are_one_library_and_the_last_word_counts() {
    let text = "7 execve(\"/bin/app\", [\"app\"], 0x7 /* 1 var */) = 0\n\
        7 openat(AT_FDCWD, \"/a/liba.so.1\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)\n\
        7 openat(AT_FDCWD, \"/b/liba.so.1\", O_RDONLY|O_CLOEXEC) = 3\n\
        7 read(3, \"\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0>\\0\\1\\0\\0\\0\"..., 832) = 832\n\
        7 mmap(NULL, 16, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f00\n7 close(3) = 0\n\
        7 stat(\"/a/libb.so\", 0x7ffd) = -1 ENOENT (No such file or directory)\n\
        7 openat(AT_FDCWD, \"/a/secret.so\", O_RDONLY) = -1 EACCES (Permission denied)\n\
        7 openat(AT_FDCWD, \"/a/file.txt\", O_RDONLY) = -1 ENOENT (No such file or directory)\n";
    let surveys = read(text);
    let [survey] = surveys.as_slice() else { panic!("{surveys:?}") };
    assert_eq!(
        (survey.path.as_str(), survey.pid, missing(survey)),
        ("/bin/app", Some(7), vec!["libb.so", "secret.so"])
    );
    assert_eq!((survey.lacks[0].level, survey.lacks[1].level), (Level::Feature, Level::Hint));
    assert_eq!(survey.libraries[1].path, "/b/liba.so.1");
}

#[test]
fn a_32_bit_process_is_known_by_what_strace_says_or_by_what_it_maps() {
    let head = "\\177ELF\\1\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0\\3\\0\\1\\0\\0\\0";
    let said = "strace: [ Process PID=7 runs in 32 bit mode. ]\n".to_owned();
    let maps = format!(
        "7 open(\"/lib/libc.so.6\", O_RDONLY) = 3\n7 read(3, \"{head}\"..., 512) = 512\n\
         7 mmap2(NULL, 16, PROT_READ, MAP_PRIVATE, 3, 0) = 0xf700\n7 close(3) = 0\n"
    );
    let asks = "7 open(\"/usr/lib/i386-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so\", O_RDONLY|O_CLOEXEC) = -1 \
        ENOENT (No such file or directory)\n";
    let there = "/usr/lib/x86_64-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so";
    let mut root = Root::debian();
    root.elf(there, &Elf::new(true));
    for start in [said, maps] {
        let surveys = trace(&root, format!("{start}{asks}").as_bytes(), "x").unwrap();
        let survey = &surveys[0];
        assert_eq!(
            (survey.abi.class, missing(survey)),
            (Class::Bits32, vec!["alsa-lib/libasound_module_pcm_pulse.so"])
        );
        assert_eq!(survey.lacks[0].elsewhere[0].path, there);
        assert!(
            matches!(&survey.lacks[0].need, Need::Plugin { framework, .. } if framework == "ALSA")
        );
    }
}

#[test]
fn threads_share_files_and_halves_of_calls_are_put_together() {
    let text = "7 clone(child_stack=0x7, flags=CLONE_VM|CLONE_THREAD, parent_tid=[8]) = 8\n\
        7 openat(AT_FDCWD, \"/a/liba.so\", O_RDONLY <unfinished ...>\n\
        8 openat(AT_FDCWD, \"/b/liba.so\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
        7 <... openat resumed>) = 3\n8 +++ exited with 0 +++\n";
    let surveys = read(&format!("7 open(\"/x/libx.so\", 0) = 4\n{text}"));
    assert_eq!((surveys.len(), missing(&surveys[0])), (1, Vec::new()));
}

#[test]
fn a_library_without_which_a_program_does_not_start_is_told_as_that() {
    let run = |pid: u32| {
        format!(
            "{pid} execve(\"/bin/app\", [\"app\"], 0x7 /* 1 var */) = 0\n\
             {pid} openat(AT_FDCWD, \"/a/libz.so.9\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
             {pid} writev(2, [{{iov_base=\"error while loading shared libra\"..., iov_len=36}}, \
             {{iov_base=\"libz.so.9\", iov_len=9}}], 2) = 45\n{pid} +++ exited with 127 +++\n"
        )
    };
    let surveys = read(&[run(7), run(8)].concat());
    assert_eq!((surveys.len(), surveys[0].lacks[0].level), (1, Level::Fatal));
    assert!(surveys[0].notes[0].contains("1 further"), "{:?}", surveys[0].notes);
}
