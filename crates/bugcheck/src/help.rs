//! What stands behind the options in `--help`, laid out for the terminal.

use clap::Command;
use std::io::IsTerminal;

/// Columns where nobody knows how many there are, as clap has it.
const USUAL: usize = 100;
/// Columns of a text beside an example, at least: narrower, it goes on from the left.
const LEAST: usize = 20;

/// Joins the lines of each paragraph behind the options, which clap then breaks where the terminal ends and nowhere
/// else, and goes on below its column with what is said beside an example.
pub(crate) fn flow(command: Command) -> Command {
    let columns = match std::io::stdout().is_terminal() {
        true => terminal_size::terminal_size().map_or(USUAL, |(width, _)| width.0.into()),
        false => USUAL,
    };
    flow_to(command, columns.min(USUAL))
}

fn flow_to(command: Command, columns: usize) -> Command {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = if help.is_empty() { command } else { command.after_help(text(&help, columns)) };
    command.mut_subcommands(|command| flow_to(command, columns))
}

fn text(help: &str, columns: usize) -> String {
    let mut rows: Vec<String> = Vec::new();
    // Whether the last row may go on, and in which column.
    let mut goes_on = None;
    for line in help.lines() {
        let own = lead(line);
        match rows.last_mut() {
            Some(row) if !line.is_empty() && goes_on == Some(own) => {
                row.push(' ');
                row.push_str(line.trim_start());
            }
            _ => rows.push(line.to_owned()),
        }
        let row = rows.last().map(String::as_str).unwrap_or_default();
        goes_on = match own {
            0 => (!line.is_empty() && !line.ends_with(':')).then_some(0),
            _ => Some(column(row)).filter(|it| *it > lead(row)),
        };
    }
    let laid_out: Vec<String> = rows.iter().map(|row| hang(row, columns)).collect();
    laid_out.join("\n")
}

/// Blanks before the first word.
fn lead(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the second column of an example or a table begins; where the first does, if there is but one.
fn column(line: &str) -> usize {
    let lead = lead(line);
    let rest = line.get(lead..).unwrap_or_default();
    rest.find("  ").map_or(lead, |gap| lead + gap + self::lead(rest.get(gap..).unwrap_or_default()))
}

/// A row of an example or a table, broken below its own column. Of prose clap takes care.
fn hang(row: &str, columns: usize) -> String {
    if lead(row) == 0 {
        return row.to_owned();
    }
    let column = Some(column(row)).filter(|it| it + LEAST < columns).unwrap_or(lead(row));
    let (head, rest) = row.split_at(column);
    let (mut text, mut at) = (head.to_owned(), column);
    for (index, word) in rest.split(' ').enumerate() {
        let wide = word.chars().count();
        if index > 0 && at + 1 + wide >= columns {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', column));
            at = column;
        } else if index > 0 {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        at += wide;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_flow_and_examples_hang() {
        let help =
            "Examples:\n  a b c        what it does is longer\n\nOne\ntwo:\n  x  y\nthree\nfour";
        let expected = "Examples:\n  a b c        what it does is\n               longer\n\nOne two:\n  x  y\nthree four";
        assert_eq!(text(help, 36), expected);
    }

    #[test]
    fn rows_that_are_broken_already_are_put_together_first() {
        let help = "  loop   what is written\n         comes back as it is, all of it\n  file   x";
        let expected =
            "  loop   what is written comes back\n         as it is, all of it\n  file   x";
        assert_eq!(text(help, 36), expected);
    }

    #[test]
    fn what_has_no_second_column_goes_on_below_its_first() {
        assert_eq!(text("  one two three four", 13), "  one two\n  three four");
        assert_eq!(text("", 80), "");
    }
}
