//! Lines of each dialect, pieces of any size, and hostile ones.

use super::*;

/// A record without its borrows: time, severity, host, program, process, message.
type Owned = (String, Option<u8>, String, String, String, String);

fn owned(record: &Record<'_>) -> Owned {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let time = record.time.map(|time| time.to_string()).unwrap_or_default();
    let [host, program, pid] = [record.host, record.program, record.pid].map(text);
    (time, record.severity, host, program, pid, text(record.message))
}

fn read_in(data: &[u8], format: Format, piece: usize) -> Vec<Owned> {
    let mut reader = Reader::new(format);
    let mut all = Vec::new();
    for part in data.chunks(piece.max(1)) {
        reader.push(part, &mut |record| all.push(owned(record)));
    }
    reader.finish(&mut |record| all.push(owned(record)));
    all
}

fn read(data: &[u8]) -> Vec<Owned> {
    let format = Format::of(data).expect("a log");
    let all = read_in(data, format, data.len());
    for piece in [1, 2, 7, 64] {
        assert_eq!(read_in(data, format, piece), all, "pieces of {piece}");
    }
    all
}

fn one(line: &str) -> Owned {
    let mut all = read(line.as_bytes());
    assert_eq!(all.len(), 1, "{line}");
    all.remove(0)
}

fn expect(line: &str, time: &str, severity: Option<u8>, [host, program, pid, message]: [&str; 4]) {
    let [host, program, pid, message] = [host, program, pid, message].map(str::to_owned);
    assert_eq!(one(line), (time.to_owned(), severity, host, program, pid, message), "{line}");
}

#[test]
fn syslog_in_its_dialects() {
    let time = "Jan 22 07:52:33";
    expect("Jan 22 07:52:33 h cron[12]: (root) CMD", time, None, ["h", "cron", "12", "(root) CMD"]);
    expect("Jan 22 07:52:33.5 h a: b", time, None, ["h", "a", "", "b"]);
    expect("Feb  6 15:16:30 v /sbin/p[2]: m", "Feb  6 15:16:30", None, ["v", "/sbin/p", "2", "m"]);
    expect("Jan 22 07:52:33 h Job `x' ended", time, None, ["h", "", "", "Job `x' ended"]);
    expect("Jan 22 07:52:33: hello there", time, None, ["", "", "", "hello there"]);
    let kernel = ["", "kernel", "", "sda2: rw=0"];
    expect("Jan 22 07:52:33 kernel: [997.390602] sda2: rw=0", time, None, kernel);
    expect("<3>Jan 22 07:52:33 h kernel: m", time, Some(3), ["h", "kernel", "", "m"]);
    let time = "2020-05-31 02:00:45+02:00";
    expect(
        "2020-05-31T02:00:45.698463+02:00 h systemd[1]: m",
        time,
        None,
        ["h", "systemd", "1", "m"],
    );
    expect("<14>2020-05-31T02:00:45+0200 h p: m", time, Some(6), ["h", "p", "", "m"]);
    let time = "2021-03-06 04:07:38Z";
    let line = r#"<165>1 2021-03-06T04:07:38.251Z h app 8710 ID47 [a@1 b="c\"]d"][x y="z"] text"#;
    expect(line, time, Some(5), ["h", "app", "8710", "text"]);
    expect(
        "<14>1 2021-03-06T04:07:38Z h app - - - \u{feff}t",
        time,
        Some(6),
        ["h", "app", "", "t"],
    );
    let time = "2024-01-02 03:04:05";
    expect("2024-01-02 03:04:05,678 INFO m", time, None, ["", "", "", "INFO m"]);
}

#[test]
fn the_kernels_own_forms() {
    let usb = ["", "kernel", "", "usb 1-1: m"];
    expect("[   12.345678] usb 1-1: m", "[12.345678]", None, usb);
    expect("[   12.345678][    T1] usb 1-1: m", "[12.345678]", None, usb);
    expect("<6>[   12.345678] usb 1-1: m", "[12.345678]", Some(6), usb);
    expect("kern  :err   : [   12.345678] usb 1-1: m", "[12.345678]", Some(3), usb);
    expect("[Mon Feb 29 12:00:00 2016] usb 1-1: m", "2016-02-29 12:00:00", None, usb);
    expect("4,1234,12345678,-,caller=T1;usb 1-1: m", "[12.345678]", Some(4), usb);
    let line = "12,1234,12345678,-;systemd[1]: m";
    expect(line, "[12.345678]", Some(4), ["", "systemd", "1", "m"]);
    let line = "[   12.345678] host kernel: usb 1-1: m";
    expect(line, "[12.345678]", None, ["host", "kernel", "", "usb 1-1: m"]);
}

#[test]
fn the_journals_forms() {
    let time = "2021-03-06 04:07:38Z";
    let mut export = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1615003658000000\n_TRANSPORT=kernel\n\
                       PRIORITY=4\n_HOSTNAME=h\nMESSAGE\n"
        .to_vec();
    export.extend(9u64.to_le_bytes());
    export.extend(b"two\nlines\n_PID=3\n\n__CURSOR=s=2\n__REALTIME_TIMESTAMP=1615003658000001\n");
    export.extend(b"SYSLOG_IDENTIFIER=cron\n_PID=7\nMESSAGE=a=b\n");
    let wide = |at: usize, what: [&str; 4]| {
        let [host, program, pid, message] = what.map(str::to_owned);
        let severity = (at == 0).then_some(4);
        assert_eq!(read(&export)[at], (time.to_owned(), severity, host, program, pid, message));
    };
    wide(0, ["h", "kernel", "3", "two\nlines"]);
    wide(1, ["", "cron", "7", "a=b"]);
    assert_eq!(read(&export).len(), 2);
    let line = r#"{"MESSAGE":[27,91,109],"PRIORITY":"3","__REALTIME_TIMESTAMP":"1615003658000000","_COMM":"x"}"#;
    expect(line, time, Some(3), ["", "x", "", "\u{1b}[m"]);
}

#[test]
fn a_year_begins_where_months_start_anew() {
    let all = |text: &str| {
        let mut times = Vec::new();
        let mut reader = Reader::new(Format::Syslog);
        reader.push(text.as_bytes(), &mut |record| times.extend(record.time));
        times
    };
    let times = all("Dec 31 23:59:59 h a: b\nJan  1 00:00:01 h a: b\nJan  1 00:00:00 h a: b\n");
    assert_eq!(times[1].since(&times[0]), Some(2_000_000));
    assert_eq!(times[2].since(&times[1]), Some(-1_000_000), "a clock may be set back");
    let zones = all("2020-05-31T02:00:00+02:00 h a: b\n2020-05-31T00:00:01Z h a: b\n");
    assert_eq!(zones[1].since(&zones[0]), Some(1_000_000));
    assert_eq!(zones[1].since(&times[0]), None, "they count from different moments");
}

#[test]
fn what_is_no_log_is_none_and_says_what_it_looks_like() {
    let others: [&[u8]; 8] = [
        b"",
        b"[Version]\nSignature=\"$Windows NT$\"\n",
        b"execve(\"/bin/ls\", [\"ls\"], 0x7ffd) = 0\nbrk(NULL) = 0x5581\n",
        b"[pid  1234] openat(AT_FDCWD, \"/etc/ld.so.cache\", O_RDONLY) = 3\n",
        b">>>  [Device Install]\n>>>  Section start 2016/10/12 03:36:30.936\n",
        b"MZ\x90\0\x03\0\0\0\x04\0",
        b"2015-11-22 17:57:17, Info                  CBS    Starting TrustedInstaller\n",
        b"Dear all,\nthe driver does not load.\n",
    ];
    for data in others {
        assert_eq!(Format::of(data), None, "{}", String::from_utf8_lossy(data));
    }
    assert!(other_form(b"\xff\xfea\0").is_some_and(|what| what.contains("UTF-16")));
    assert!(other_form(b"LPKSHHRH\0\0").is_some_and(|what| what.contains("--file")));
    assert_eq!(other_form(b"Dear all"), None);
    assert!(
        is_plain_text(b"Dear all")
            && !is_plain_text(b"<?xml ?>")
            && !is_plain_text(b"\x7fELF\x02\x01\x01\0\0")
    );
}

#[test]
fn hostile_lines_do_no_harm() {
    // A line of 40 MB, zero bytes, broken UTF-8, a time that is none.
    let mut data = b"Jan 22 07:52:33 h a: ".to_vec();
    data.resize(40 << 20, b'x');
    data.extend(
        b"\n\0\0\0\0Jan 22 07:52:34 h a: \xff\xfe\x1b[2J\nJan 99 99:99:99 h a: b\n<999>x\n",
    );
    let mut reader = Reader::new(Format::Syslog);
    let mut lengths = Vec::new();
    for part in data.chunks(1 << 20) {
        reader.push(part, &mut |record| lengths.push(record.message.len()));
    }
    reader.finish(&mut |record| lengths.push(record.message.len()));
    assert_eq!((reader.lines(), reader.cut()), (4, 1));
    assert!(lengths[0] <= MOST_LINE, "{lengths:?}");
    assert_eq!(lengths.len(), 4);
    // A binary field that promises more than there is.
    let mut export = b"__CURSOR=s=1\nMESSAGE\n".to_vec();
    export.extend(u64::MAX.to_le_bytes());
    export.extend([b'y'; 100_000]);
    let all = read_in(&export, Format::JournalExport, 1000);
    assert_eq!(all.len(), 1);
    assert!(all[0].5.len() <= MOST_LINE);
}
