//! Outputs kept as files: `tests/golden/<verdict>/<name>`, renewed by
//! `BLESS=1 cargo test --release -p bugcheck`.

use std::path::Path;

/// Compares `text`, times and rates masked, with the file; `name` is `verdict/name.ext`.
pub fn check(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = masked(text);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if text == expected {
        return Ok(());
    }
    let differs = text.lines().zip(expected.lines()).position(|(is, was)| is != was);
    let line = differs.unwrap_or(text.lines().count().min(expected.lines().count()));
    Err(format!(
        "tests/golden/{name}, line {}: expected `{}`, got `{}`; if that is right, renew it with BLESS=1",
        line + 1,
        expected.lines().nth(line).unwrap_or("(end)"),
        text.lines().nth(line).unwrap_or("(end)"),
    ))
}

/// Replaces what differs from run to run.
fn masked(text: &str) -> String {
    text.lines().map(|line| masked_line(line) + "\n").collect()
}

fn masked_line(line: &str) -> String {
    for field in ["\"seconds\": ", "\"first_finding_seconds\": ", "\"schedules_per_second\": "] {
        if let Some(at) = line.find(field) {
            let null = line[at..].contains("null");
            return format!("{}{field}{},", &line[..at], if null { "null" } else { "0.0" });
        }
    }
    if line.starts_with("First found ") && line.contains(" after ") {
        return "First found    after T s".to_owned();
    }
    if line.starts_with("Schedules ")
        && let (Some(from), Some(to)) = (line.find(", in "), line.find(" a second"))
    {
        return format!("{}, in T s (N{}", &line[..from], &line[to..]);
    }
    line.to_owned()
}

#[test]
fn times_and_rates_are_masked() {
    let line =
        "Schedules      1 tried, 1 of them distinct, in 0.31 s (3 a second, 1 worker, seed 1)";
    let expected =
        "Schedules      1 tried, 1 of them distinct, in T s (N a second, 1 worker, seed 1)";
    assert_eq!(masked_line(line), expected);
    assert_eq!(masked_line("  \"seconds\": 0.25,"), "  \"seconds\": 0.0,");
    assert_eq!(masked_line("First found    after 0.31 s"), "First found    after T s");
}
