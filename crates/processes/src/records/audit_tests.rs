//! Tests of the reader of audit logs.

use super::*;

const LOG: &str = "\
node=web1 type=SYSCALL msg=audit(1334613847.100:10): arch=c000003e syscall=56 success=yes exit=2001 a0=1200011 a1=0 items=0 ppid=1 pid=2000 auid=1000 uid=1000 gid=1000 comm=\"bash\" exe=\"/usr/bin/bash\" key=\"proc\"
node=web1 type=SYSCALL msg=audit(1334613847.200:11): arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=66 items=2 ppid=2000 pid=2001 auid=1000 uid=1000 gid=1000 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"proc\"\x1dARCH=x86_64 SYSCALL=execve UID=\"alice\"
node=web1 type=EXECVE msg=audit(1334613847.200:11): argc=3 a0=\"cat\" a1=612062 a2=\"/etc/hosts\"
node=web1 type=CWD msg=audit(1334613847.200:11): cwd=\"/home/alice\"
node=web1 type=PROCTITLE msg=audit(1334613847.200:11): proctitle=636174006120
node=web1 type=SYSCALL msg=audit(1334613847.300:12): arch=c000003e syscall=231 a0=3 a1=0 items=0 ppid=2000 pid=2001 uid=1000 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"proc\"
node=web1 type=SYSCALL msg=audit(1334613847.400:13): arch=c000003e syscall=56 success=yes exit=2002 a0=3d0f00 a1=0 items=0 ppid=1 pid=2000 uid=1000 comm=\"bash\" exe=\"/usr/bin/bash\" key=\"proc\"
node=web1 type=ANOM_ABEND msg=audit(1334613847.500:14): auid=1000 uid=1000 gid=1000 ses=3 pid=2000 comm=\"bash\" exe=\"/usr/bin/bash\" sig=11 res=1
";

#[test]
fn calls_become_starts_and_ends() {
    assert!(takes(LOG.as_bytes()));
    let record = read(LOG.as_bytes(), &Hint::default()).unwrap();
    assert_eq!((record.hosts.as_slice(), record.read), (["web1".to_owned()].as_slice(), 8));
    let [made, exec, end, abend] = record.events.as_slice() else {
        panic!("a thread is no process: {:?}", record.events)
    };
    // ANOM_ABEND closes at once, the rest when the log ends: times order them.
    let mut all = [made, exec, end, abend];
    all.sort_by_key(|event| event.time);
    assert_eq!(all.map(|event| event.pid), [2001, 2001, 2001, 2000]);
    let What::Exec(start) = &all[1].what else { panic!("a program") };
    assert_eq!(start.image.command.as_ref().unwrap().text, "cat 'a b' /etc/hosts");
    assert_eq!(start.image.folder.as_deref(), Some("/home/alice"));
    let What::End(end) = &all[2].what else { panic!("an end") };
    assert_eq!(end.how, How::Exit(3));
    let What::End(end) = &all[3].what else { panic!("an end") };
    assert_eq!(end.how, How::Signal { number: 11, core: false });
    assert!(record.notes.is_empty(), "{:?}", record.notes);
}

#[test]
fn a_program_alone_is_a_start() {
    let log = "type=SYSCALL msg=audit(1.000:1): arch=c00000b7 syscall=221 success=yes exit=0 a0=1 ppid=5 pid=9 uid=0 comm=\"ls\" exe=\"/bin/ls\"\n";
    let twice = format!("{log}{}", log.replace("1.000:1", "2.000:2"));
    let again = format!("{twice}{}", log.replace("1.000:1", "3.000:3").replace("ppid=5", "ppid=6"));
    let record = read(again.as_bytes(), &Hint::default()).unwrap();
    let kinds: Vec<_> =
        record.events.iter().map(|event| std::mem::discriminant(&event.what)).collect();
    assert!(kinds[0] != kinds[1] && kinds[0] == kinds[2], "start, exec, start of another");
    assert_eq!(record.notes.len(), 2, "{:?}", record.notes);
}

#[test]
fn a_call_that_failed_runs_nothing() {
    let log = "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=no exit=-2 a0=1 ppid=5 pid=9 uid=0 comm=\"sh\" exe=\"/bin/sh\"\n";
    assert!(read(log.as_bytes(), &Hint::default()).unwrap().events.is_empty());
}

#[test]
fn long_arguments_come_in_pieces() {
    let log = "type=EXECVE msg=audit(1.000:1): argc=2 a0=\"x\" a1_len=6 a1[0]=616263\ntype=EXECVE msg=audit(1.000:1): a1[1]=646566\ntype=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes exit=0 a0=1 ppid=5 pid=9 uid=0 comm=\"x\" exe=\"/bin/x\"\n";
    let record = read(log.as_bytes(), &Hint::default()).unwrap();
    let What::Start(start) = &record.events[0].what else { panic!("a start") };
    assert_eq!(start.image.command, Some(Command { text: "x abcdef".to_owned(), complete: true }));
}

#[test]
fn values_are_quoted_or_hexadecimal() {
    assert_eq!(value("\"a b\""), "a b");
    assert_eq!(value("610a1b"), "a\n\x1b");
    assert_eq!(value("(null)"), "");
    assert_eq!(field("a=1 b=\"x y\" c=3", "c"), Some("3"));
    assert_eq!(field("argc=2 a0=\"=\" a1=2", "a1"), Some("2"));
}
